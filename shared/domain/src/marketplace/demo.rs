//! Trying a preset before buying it: what a visitor may change, and the scene that is drawn.

use std::ops::RangeInclusive;

use serde::{Deserialize, Serialize};

use super::{Category, Kind, content::Content};
use crate::{
    camera::{APERTURE, CameraSettings, FOCAL_LENGTH_MM},
    error::{DomainError, ErrorKind, FieldCheck, InvalidFields},
    lighting::{COLOUR_KELVIN, INTENSITY_STOPS, LightingRig, within},
};

/// The most a creator may let a visitor turn all lights up or down, in stops.
pub const STOPS_MAX: f64 = 3.0;
/// The most a creator may let a visitor shift all colours, in kelvin.
pub const KELVIN_MAX: u32 = 3_000;

/// A tenth of a stop is drawn; so is a tenth of an f-number. Focal lengths are drawn by the millimetre,
/// which is less than a degree of what the picture shows at 28 mm and more.
const STEPS_A_STOP: f64 = 10.0;
/// A shift of colour is drawn by so many kelvin.
const KELVIN_STEP: i32 = 50;

/// What a visitor may see it on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DemoSubject {
    /// A plain ball: the light and nothing else.
    Sphere,
    /// A head and shoulders.
    Bust,
    /// A bottle.
    Product,
}

impl DemoSubject {
    /// Every subject.
    pub const ALL: [DemoSubject; 3] =
        [DemoSubject::Sphere, DemoSubject::Bust, DemoSubject::Product];

    /// What a preset of a category is drawn on if its creator shows nothing else.
    pub fn of(category: Category) -> DemoSubject {
        match category {
            Category::Product | Category::Food => DemoSubject::Product,
            Category::Portrait
            | Category::Automotive
            | Category::Fashion
            | Category::Architecture
            | Category::Other => DemoSubject::Bust,
        }
    }
}

/// What the creator allows of a live demo.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DemoSettings {
    /// Whether there is one.
    pub enabled: bool,
    /// On what.
    pub subjects: Vec<DemoSubject>,
    /// By how many stops all lights may be turned up or down, at most [`STOPS_MAX`].
    pub stops_max: f64,
    /// By how many kelvin all lights may be shifted, at most [`KELVIN_MAX`].
    pub kelvin_max: u32,
    /// Whether the lens may be changed, within what cameras have.
    pub lens: bool,
}

impl Default for DemoSettings {
    fn default() -> DemoSettings {
        DemoSettings {
            enabled: true,
            subjects: DemoSubject::ALL.to_vec(),
            stops_max: 0.0,
            kelvin_max: 0,
            lens: false,
        }
    }
}

/// What a visitor changes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Overrides {
    /// All lights up (+) or down (-), in stops.
    pub stops: f64,
    /// All lights colder (+) or warmer (-), in kelvin.
    pub kelvin: i32,
    /// Another lens.
    pub focal_length_mm: Option<f64>,
    /// Another aperture.
    pub aperture: Option<f64>,
}

/// What is drawn.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DemoScene {
    /// On what.
    pub subject: DemoSubject,
    /// How it is lit.
    pub lighting: LightingRig,
    /// How it is taken.
    pub camera: CameraSettings,
}

/// Why there is nothing to be tried.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum DemoError {
    /// The kind cannot be drawn, or the creator wants no demo.
    #[error("This listing has no live demo.")]
    None,
    /// The creator does not allow that much.
    #[error(transparent)]
    Limits(#[from] InvalidFields),
}

impl DomainError for DemoError {
    fn kind(&self) -> ErrorKind {
        match self {
            DemoError::None => ErrorKind::Conflict,
            DemoError::Limits(inner) => inner.kind(),
        }
    }
    fn code(&self) -> &'static str {
        match self {
            DemoError::None => "no_demo",
            DemoError::Limits(inner) => inner.code(),
        }
    }
    fn fields(&self) -> &[crate::FieldError] {
        match self {
            DemoError::None => &[],
            DemoError::Limits(inner) => inner.fields(),
        }
    }
}

impl DemoSettings {
    /// # Errors
    /// Limits that are wider than a demo can show, or no subject.
    pub fn validate(&self) -> Result<(), InvalidFields> {
        let mut check = FieldCheck::new();
        within(&mut check, "/stops_max", self.stops_max, 0.0..=STOPS_MAX, "stops");
        let kelvin = f64::from(self.kelvin_max);
        within(&mut check, "/kelvin_max", kelvin, 0.0..=f64::from(KELVIN_MAX), "kelvin");
        let count = self.subjects.len();
        check.require((1..=3).contains(&count), "/subjects", "count", || {
            "name 1 to 3 subjects".to_owned()
        });
        check.finish()
    }

    /// What it is shown on where the visitor does not say: the bust, if that is offered.
    pub fn usual_subject(&self) -> DemoSubject {
        match self.subjects.first() {
            Some(first) if !self.subjects.contains(&DemoSubject::Bust) => *first,
            Some(_) | None => DemoSubject::Bust,
        }
    }

    /// The scene of a demo: the content, with what the visitor changed.
    ///
    /// # Errors
    /// See [`DemoError`].
    pub fn scene(
        &self,
        kind: Kind,
        content: &Content,
        subject: DemoSubject,
        wish: &Overrides,
    ) -> Result<DemoScene, DemoError> {
        if !self.enabled || !kind.can_be_drawn() {
            return Err(DemoError::None);
        }
        self.check(subject, wish)?;
        let wish = &self.stepped(wish);
        let mut scene = default_scene(content, subject);
        for light in &mut scene.lighting.lights {
            light.intensity = clamped(light.intensity + wish.stops, &INTENSITY_STOPS);
            let kelvin = i64::from(light.colour) + i64::from(wish.kelvin);
            let (low, high) = (i64::from(*COLOUR_KELVIN.start()), i64::from(*COLOUR_KELVIN.end()));
            light.colour = u32::try_from(kelvin.clamp(low, high)).unwrap_or(light.colour);
        }
        scene.camera.focal_length_mm = wish.focal_length_mm.unwrap_or(scene.camera.focal_length_mm);
        scene.camera.aperture = wish.aperture.unwrap_or(scene.camera.aperture);
        Ok(scene)
    }

    /// The nearest wish that is drawn: visitors who turn a knob ask for few pictures, and who asks for
    /// all of them asks for some thousand, not for as many as there are numbers.
    fn stepped(&self, wish: &Overrides) -> Overrides {
        let limits = -self.stops_max..=self.stops_max;
        let kelvin_max = i32::try_from(self.kelvin_max).unwrap_or(i32::MAX);
        let kelvin = (wish.kelvin + KELVIN_STEP / 2).div_euclid(KELVIN_STEP) * KELVIN_STEP;
        Overrides {
            stops: clamped((wish.stops * STEPS_A_STOP).round() / STEPS_A_STOP, &limits),
            kelvin: kelvin.clamp(-kelvin_max, kelvin_max),
            focal_length_mm: wish.focal_length_mm.map(f64::round),
            aperture: wish.aperture.map(|it| (it * STEPS_A_STOP).round() / STEPS_A_STOP),
        }
    }

    fn check(&self, subject: DemoSubject, wish: &Overrides) -> Result<(), InvalidFields> {
        let mut check = FieldCheck::new();
        check.require(self.subjects.contains(&subject), "/subject", "not_offered", || {
            "this listing is not shown on that subject".to_owned()
        });
        let stops = -self.stops_max..=self.stops_max;
        within(&mut check, "/overrides/stops", wish.stops, stops, "stops");
        let kelvin = f64::from(self.kelvin_max);
        let shift = f64::from(wish.kelvin);
        within(&mut check, "/overrides/kelvin", shift, -kelvin..=kelvin, "kelvin");
        let lens: [(&str, Option<f64>, RangeInclusive<f64>, &'static str); 2] = [
            ("/overrides/focal_length_mm", wish.focal_length_mm, FOCAL_LENGTH_MM, "millimetres"),
            ("/overrides/aperture", wish.aperture, APERTURE, "f-number"),
        ];
        for (pointer, value, range, unit) in lens {
            let Some(value) = value else { continue };
            check.require(self.lens, pointer, "not_offered", || {
                "the lens of this demo cannot be changed".to_owned()
            });
            within(&mut check, pointer, value, range, unit);
        }
        check.finish()
    }
}

/// The content as it is, on a subject: what a preset without pictures of its own is shown with.
/// What the content leaves open is a three-point light, and a portrait lens.
pub fn default_scene(content: &Content, subject: DemoSubject) -> DemoScene {
    DemoScene {
        subject,
        lighting: content.lighting.clone().unwrap_or_else(LightingRig::three_point),
        camera: content.camera.unwrap_or_default(),
    }
}

fn clamped(value: f64, range: &RangeInclusive<f64>) -> f64 {
    value.clamp(*range.start(), *range.end())
}
