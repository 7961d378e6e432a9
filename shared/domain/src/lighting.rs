//! A lighting rig: up to eight lights and a backdrop, as a photographer would note them down.
//!
//! A rig is data with one meaning and two readers: [`LightingRig::phrases`] puts it into the words
//! the FIBO model understands, and the `studio` crate renders it. Both read the conventions below.
//!
//! * The subject is at the centre. Azimuth 0 is the camera's side, +90 is camera right, -90 is
//!   camera left, 180 is straight behind the subject. Elevation 0 is level with the subject.
//! * Intensity is what an incident meter held at the subject reads, in stops over (+) or under (-)
//!   the exposure the camera is set to. Distance therefore does not change how bright a light is
//!   on the subject; it changes how fast the light falls off beside and behind it.
//! * A light of role [`LightRole::Background`] is aimed at the backdrop and metered there.

mod backdrop;
mod phrases;

pub use backdrop::{
    BACKDROP_DISTANCE_M, Backdrop, BackdropColour, BackdropTone, FALLOFF_STOPS, UnreadableColour,
};

use std::ops::RangeInclusive;

use serde::{Deserialize, Serialize};
use strum::IntoStaticStr;

use crate::error::{FieldCheck, InvalidFields};

/// How many lights a rig may have.
pub const LIGHTS: RangeInclusive<usize> = 1..=8;
/// Degrees around the subject.
pub const AZIMUTH_DEGREES: RangeInclusive<f64> = -180.0..=180.0;
/// Degrees above the subject's centre.
pub const ELEVATION_DEGREES: RangeInclusive<f64> = -45.0..=90.0;
/// Metres from the subject's centre.
pub const DISTANCE_M: RangeInclusive<f64> = 0.5..=10.0;
/// Stops over or under the camera's exposure.
pub const INTENSITY_STOPS: RangeInclusive<f64> = -8.0..=4.0;
/// Metres across the emitting face: a bare bulb to a wall of light.
pub const SIZE_M: RangeInclusive<f64> = 0.02..=4.0;
/// Correlated colour temperature: a candle to deep shade.
pub const COLOUR_KELVIN: RangeInclusive<u32> = 1_500..=15_000;

/// Lights on a backdrop.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct LightingRig {
    /// In no particular order.
    #[cfg_attr(feature = "schema", schemars(length(min = *LIGHTS.start(), max = *LIGHTS.end())))]
    pub lights: Vec<Light>,
    /// The backdrop behind the subject.
    #[serde(default)]
    pub backdrop: Backdrop,
}

/// The purpose of a light.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Hash,
    Serialize,
    Deserialize,
    IntoStaticStr,
    strum::VariantArray,
)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case", const_into_str)]
pub enum LightRole {
    /// The light that shapes the subject.
    Key,
    /// Opens the shadows the key leaves.
    Fill,
    /// Draws an edge from behind.
    Rim,
    /// Lifts the top of the head from above and behind.
    Hair,
    /// Lights the backdrop, not the subject.
    Background,
}

impl LightRole {
    /// Every role.
    pub const ALL: &[LightRole] = <LightRole as strum::VariantArray>::VARIANTS;
}

/// One light. Only `role` is required; the other fields default by role.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(from = "PartialLight")]
pub struct Light {
    /// Its purpose.
    pub role: LightRole,
    /// Degrees around the subject: 0 is the camera's side, 90 camera right, -90 camera left, 180
    /// behind the subject.
    #[cfg_attr(feature = "schema", schemars(range(min = *AZIMUTH_DEGREES.start(), max = *AZIMUTH_DEGREES.end())))]
    pub azimuth: f64,
    /// Degrees above (+) or below (-) the subject's centre.
    #[cfg_attr(feature = "schema", schemars(range(min = *ELEVATION_DEGREES.start(), max = *ELEVATION_DEGREES.end())))]
    pub elevation: f64,
    /// Metres from the subject's centre. It changes how fast the light falls off, not how bright
    /// the subject is.
    #[cfg_attr(feature = "schema", schemars(range(min = *DISTANCE_M.start(), max = *DISTANCE_M.end())))]
    pub distance: f64,
    /// Stops over (+) or under (-) the camera's exposure, metered at the subject.
    #[cfg_attr(feature = "schema", schemars(range(min = *INTENSITY_STOPS.start(), max = *INTENSITY_STOPS.end())))]
    pub intensity: f64,
    /// Metres across the emitting face: the larger, the softer the shadows.
    #[cfg_attr(feature = "schema", schemars(range(min = *SIZE_M.start(), max = *SIZE_M.end())))]
    pub size: f64,
    /// Kelvin.
    #[cfg_attr(feature = "schema", schemars(range(min = *COLOUR_KELVIN.start(), max = *COLOUR_KELVIN.end())))]
    pub colour: u32,
}

/// A light as written, before its role fills in the defaults.
#[derive(Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, rename = "Light")]
struct PartialLight {
    /// Its purpose, which also says what it is without the other fields.
    role: LightRole,
    /// Degrees around the subject: 0 is the camera's side, 90 camera right, -90 camera left, 180
    /// behind the subject.
    #[cfg_attr(feature = "schema", schemars(range(min = *AZIMUTH_DEGREES.start(), max = *AZIMUTH_DEGREES.end())))]
    azimuth: Option<f64>,
    /// Degrees above (+) or below (-) the subject's centre.
    #[cfg_attr(feature = "schema", schemars(range(min = *ELEVATION_DEGREES.start(), max = *ELEVATION_DEGREES.end())))]
    elevation: Option<f64>,
    /// Metres from the subject's centre. It changes how fast the light falls off, not how bright
    /// the subject is.
    #[cfg_attr(feature = "schema", schemars(range(min = *DISTANCE_M.start(), max = *DISTANCE_M.end())))]
    distance: Option<f64>,
    /// Stops over (+) or under (-) the camera's exposure, metered at the subject.
    #[cfg_attr(feature = "schema", schemars(range(min = *INTENSITY_STOPS.start(), max = *INTENSITY_STOPS.end())))]
    intensity: Option<f64>,
    /// Metres across the emitting face: the larger, the softer the shadows.
    #[cfg_attr(feature = "schema", schemars(range(min = *SIZE_M.start(), max = *SIZE_M.end())))]
    size: Option<f64>,
    /// Kelvin.
    #[cfg_attr(feature = "schema", schemars(range(min = *COLOUR_KELVIN.start(), max = *COLOUR_KELVIN.end())))]
    colour: Option<u32>,
}

impl From<PartialLight> for Light {
    fn from(given: PartialLight) -> Light {
        let usual = Light::of(given.role);
        Light {
            role: given.role,
            azimuth: given.azimuth.unwrap_or(usual.azimuth),
            elevation: given.elevation.unwrap_or(usual.elevation),
            distance: given.distance.unwrap_or(usual.distance),
            intensity: given.intensity.unwrap_or(usual.intensity),
            size: given.size.unwrap_or(usual.size),
            colour: given.colour.unwrap_or(usual.colour),
        }
    }
}

impl Light {
    /// The usual light of a role: daylight, at its usual position.
    pub fn of(role: LightRole) -> Light {
        let (azimuth, elevation, distance, intensity, size) = match role {
            LightRole::Key => (-45.0, 35.0, 1.6, 0.0, 0.9),
            LightRole::Fill => (40.0, 15.0, 2.4, -2.0, 1.4),
            LightRole::Rim => (130.0, 15.0, 2.0, 0.5, 0.4),
            LightRole::Hair => (180.0, 65.0, 1.8, -0.5, 0.4),
            LightRole::Background => (180.0, 10.0, 1.4, -1.5, 0.5),
        };
        Light { role, azimuth, elevation, distance, intensity, size, colour: 5_600 }
    }

    /// # Errors
    /// Every field outside its range, with pointers relative to the light.
    pub fn validate(&self) -> Result<(), InvalidFields> {
        let mut check = FieldCheck::new();
        check.require_within("/azimuth", self.azimuth, AZIMUTH_DEGREES, "degrees");
        check.require_within("/elevation", self.elevation, ELEVATION_DEGREES, "degrees");
        check.require_within("/distance", self.distance, DISTANCE_M, "metres");
        check.require_within("/intensity", self.intensity, INTENSITY_STOPS, "stops");
        check.require_within("/size", self.size, SIZE_M, "metres");
        check.require_within("/colour", f64::from(self.colour), kelvin_range(), "kelvin");
        check.finish()
    }

    /// Width over distance as the subject sees it: what decides how soft its shadows are.
    pub fn apparent_size(&self) -> f64 {
        self.size / self.distance
    }
}

/// A function that builds a rig.
pub type BuildRig = fn() -> LightingRig;

impl LightingRig {
    /// The named rigs, for previews and the command line.
    pub const NAMED: [(&'static str, BuildRig); 3] = [
        ("three_point", LightingRig::three_point),
        ("rembrandt", LightingRig::rembrandt),
        ("high_key", LightingRig::high_key),
    ];

    /// The rig called `name`, if there is one.
    pub fn named(name: &str) -> Option<LightingRig> {
        LightingRig::NAMED.iter().find(|(known, _)| *known == name).map(|(_, build)| build())
    }

    /// Key, fill and rim in daylight with a glow on a grey sweep: the rig every book starts with.
    pub fn three_point() -> LightingRig {
        LightingRig {
            lights: vec![
                Light::of(LightRole::Key),
                Light::of(LightRole::Fill),
                Light { colour: 6_500, ..Light::of(LightRole::Rim) },
                Light::of(LightRole::Background),
            ],
            backdrop: Backdrop::default(),
        }
    }

    /// One warm key, high to the side, and a cool edge: a lit triangle on the shaded cheek.
    pub fn rembrandt() -> LightingRig {
        LightingRig {
            lights: vec![
                Light {
                    azimuth: -58.0,
                    elevation: 42.0,
                    distance: 1.4,
                    size: 0.4,
                    intensity: 0.2,
                    colour: 3_600,
                    ..Light::of(LightRole::Key)
                },
                Light { intensity: -4.5, ..Light::of(LightRole::Fill) },
                Light {
                    azimuth: 140.0,
                    intensity: 0.5,
                    size: 0.3,
                    colour: 7_500,
                    ..Light::of(LightRole::Rim)
                },
                Light {
                    azimuth: 150.0,
                    intensity: -3.0,
                    size: 0.3,
                    colour: 4_200,
                    ..Light::of(LightRole::Background)
                },
            ],
            backdrop: Backdrop {
                colour: BackdropTone::Charcoal.into(),
                falloff: 2.0,
                ..Backdrop::default()
            },
        }
    }

    /// A large frontal key above a fill of nearly its strength, on lit white: beauty light.
    pub fn high_key() -> LightingRig {
        LightingRig {
            lights: vec![
                Light {
                    azimuth: -12.0,
                    elevation: 38.0,
                    distance: 1.2,
                    size: 1.2,
                    intensity: -0.1,
                    ..Light::of(LightRole::Key)
                },
                Light {
                    azimuth: 0.0,
                    elevation: -30.0,
                    distance: 1.2,
                    intensity: -1.4,
                    ..Light::of(LightRole::Fill)
                },
                Light { intensity: -0.2, ..Light::of(LightRole::Hair) },
                Light { azimuth: -140.0, intensity: 0.6, ..Light::of(LightRole::Background) },
                Light { azimuth: 140.0, intensity: 0.6, ..Light::of(LightRole::Background) },
            ],
            backdrop: Backdrop {
                colour: BackdropTone::White.into(),
                falloff: 0.2,
                ..Backdrop::default()
            },
        }
    }

    /// # Errors
    /// Every invalid field, with pointers relative to the rig, such as `/lights/2/elevation`. Of a
    /// list that is too long only the first eight are checked.
    pub fn validate(&self) -> Result<(), InvalidFields> {
        let mut check = FieldCheck::new();
        check.require(LIGHTS.contains(&self.lights.len()), "/lights", "count", || {
            format!("A rig has {} to {} lights.", LIGHTS.start(), LIGHTS.end())
        });
        for (index, light) in self.lights.iter().enumerate().take(*LIGHTS.end()) {
            check.absorb(&format!("/lights/{index}"), light.validate());
        }
        check.absorb("/backdrop", self.backdrop.validate());
        check.finish()
    }
}

fn kelvin_range() -> RangeInclusive<f64> {
    f64::from(*COLOUR_KELVIN.start())..=f64::from(*COLOUR_KELVIN.end())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(change: impl FnOnce(&mut LightingRig), expected: &[&str]) {
        let mut rig = LightingRig::three_point();
        change(&mut rig);
        let found = match rig.validate() {
            Ok(()) => Vec::new(),
            Err(InvalidFields(fields)) => fields.into_iter().map(|field| field.pointer).collect(),
        };
        assert_eq!(found, expected);
    }

    #[test]
    fn a_rig_outside_its_limits_is_refused_field_by_field() {
        check(|_| {}, &[]);
        check(|rig| rig.lights.clear(), &["/lights"]);
        check(|rig| rig.lights = vec![Light::of(LightRole::Fill); 8], &[]);
        check(|rig| rig.lights = vec![Light::of(LightRole::Fill); 9], &["/lights"]);
        check(|rig| rig.lights[2].elevation = 90.5, &["/lights/2/elevation"]);
        check(|rig| rig.lights[0].azimuth = f64::NAN, &["/lights/0/azimuth"]);
        check(|rig| rig.lights[0].distance = f64::INFINITY, &["/lights/0/distance"]);
        check(|rig| rig.lights[1].intensity = -9.0, &["/lights/1/intensity"]);
        check(|rig| rig.lights[1].size = 0.0, &["/lights/1/size"]);
        check(|rig| rig.lights[1].colour = 1_499, &["/lights/1/colour"]);
        check(|rig| rig.backdrop.falloff = 5.0, &["/backdrop/falloff"]);
        check(
            |rig| (rig.lights[0].size, rig.lights[3].colour) = (9.0, 0),
            &["/lights/0/size", "/lights/3/colour"],
        );
    }

    #[test]
    fn what_a_light_leaves_out_follows_from_its_role() {
        let rim: Light = serde_json::from_str(r#"{"role":"rim","azimuth":-120}"#).unwrap();
        assert_eq!(rim, Light { azimuth: -120.0, ..Light::of(LightRole::Rim) });
    }

    #[test]
    fn unknown_fields_and_roles_are_refused() {
        for text in [
            r#"{"lights":[{"role":"key","power":3}]}"#,
            r#"{"lights":[{"role":"kicker"}]}"#,
            r#"{"lights":[{"azimuth":3}]}"#,
            r#"{"lights":[{"role":"key"}],"fog":1}"#,
            r#"{"lights":[{"role":"key"}],"backdrop":{"colour":"puce"}}"#,
            r#"{"lights":[{"role":"key","elevation":"high"}]}"#,
        ] {
            assert!(serde_json::from_str::<LightingRig>(text).is_err(), "{text}");
        }
    }

    #[test]
    fn named_rigs_are_valid_and_survive_a_round_trip() {
        for (name, build) in LightingRig::NAMED {
            let rig = build();
            assert_eq!(rig.validate(), Ok(()), "{name}");
            let text = serde_json::to_string(&rig).unwrap();
            assert_eq!(serde_json::from_str::<LightingRig>(&text).unwrap(), rig, "{name}");
            assert_eq!(LightingRig::named(name), Some(rig));
        }
        assert_eq!(LightingRig::named("disco"), None);
    }
}
