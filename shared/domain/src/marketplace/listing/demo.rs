//! Live demos: what a visitor may change in a preset or template before buying, and the scene to
//! render.

use std::ops::RangeInclusive;

use serde::{Deserialize, Serialize};

use super::content::Content;
use crate::{
    camera::{APERTURE, CameraSettings, FOCAL_LENGTH_MM},
    error::{FieldCheck, InvalidFields},
    fibo::StructuredPrompt,
    lighting::{COLOUR_KELVIN, INTENSITY_STOPS, LightingRig},
    marketplace::{Category, Kind},
};

/// The widest range of intensity that a creator may allow, in stops.
pub const STOPS_MAX: f64 = 3.0;
/// The widest shift of color temperature that a creator may allow, in kelvin.
pub const KELVIN_MAX: u32 = 3_000;

/// Steps per stop, and per f-number. Focal lengths are rendered in steps of a millimeter, which is
/// less than a degree of view at 28 mm and more.
const STEPS_A_STOP: f64 = 10.0;
/// The step of the color temperature, in kelvin.
const KELVIN_STEP: i32 = 50;

/// The object that is lit in a demo.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum DemoSubject {
    /// A plain sphere, which shows only the light.
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

    /// The default subject of a category.
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

/// What the creator allows in a live demo.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct DemoSettings {
    /// Whether the listing has a demo.
    pub enabled: bool,
    /// The subjects offered.
    pub subjects: Vec<DemoSubject>,
    /// How far all lights may be turned up or down, in stops.
    #[cfg_attr(feature = "schema", schemars(range(min = 0.0, max = STOPS_MAX)))]
    pub stops_max: f64,
    /// How far the color of all lights may be shifted, in kelvin.
    #[cfg_attr(feature = "schema", schemars(range(max = KELVIN_MAX)))]
    pub kelvin_max: u32,
    /// Whether focal length and aperture may be changed, within the range of cameras.
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

/// A visitor's changes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct Overrides {
    /// All lights up (+) or down (-), in stops.
    pub stops: f64,
    /// All lights colder (+) or warmer (-), in kelvin.
    pub kelvin: i32,
    /// Another focal length.
    pub focal_length_mm: Option<f64>,
    /// Another aperture.
    pub aperture: Option<f64>,
}

/// The scene to render.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DemoScene {
    /// The subject.
    pub subject: DemoSubject,
    /// The lights and the backdrop.
    pub lighting: LightingRig,
    /// The camera.
    pub camera: CameraSettings,
    /// What the prompt of a template says is shown; the subject's colours are found in it.
    pub words: Option<String>,
}

impl DemoScene {
    /// A member's own scene. Defaults are a three-point light and a portrait lens.
    ///
    /// # Errors
    /// The invalid fields.
    pub fn of(
        lighting: Option<LightingRig>,
        camera: Option<CameraSettings>,
        subject: DemoSubject,
    ) -> Result<DemoScene, InvalidFields> {
        let mut check = FieldCheck::new();
        let lighting = lighting.unwrap_or_else(LightingRig::three_point);
        let camera = camera.unwrap_or_default();
        check.absorb("/lighting", lighting.validate());
        check.absorb("/camera", camera.validate());
        check.finish()?;
        Ok(DemoScene { subject, lighting, camera, words: None })
    }
}

/// Why there is no demo.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum DemoError {
    /// The kind cannot be rendered, or the creator has disabled the demo.
    #[error("This listing has no live demo.")]
    None,
    /// The visitor's changes exceed what the creator allows.
    #[error(transparent)]
    Limits(#[from] InvalidFields),
}

crate::domain_error! {
    DemoError wraps [Limits] {
        None => Conflict, "no_demo";
    }
}

impl DemoSettings {
    /// # Errors
    /// Limits that are wider than a demo can show, or an invalid number of subjects.
    pub fn validate(&self) -> Result<(), InvalidFields> {
        let mut check = FieldCheck::new();
        check.require_within("/stops_max", self.stops_max, 0.0..=STOPS_MAX, "stops");
        let kelvin = f64::from(self.kelvin_max);
        check.require_within("/kelvin_max", kelvin, 0.0..=f64::from(KELVIN_MAX), "kelvin");
        let count = self.subjects.len();
        check.require((1..=3).contains(&count), "/subjects", "count", || {
            "name 1 to 3 subjects".to_owned()
        });
        check.finish()
    }

    /// The subject if the visitor names none: the bust, if offered.
    pub fn usual_subject(&self) -> DemoSubject {
        match self.subjects.first() {
            Some(first) if !self.subjects.contains(&DemoSubject::Bust) => *first,
            Some(_) | None => DemoSubject::Bust,
        }
    }

    /// The scene of a demo: the content, of a template an example, with the visitor's changes.
    ///
    /// # Errors
    /// See [`DemoError`].
    pub fn scene(
        &self,
        kind: Kind,
        content: &Content,
        subject: DemoSubject,
        overrides: &Overrides,
    ) -> Result<DemoScene, DemoError> {
        if !self.enabled || !kind.can_be_drawn() {
            return Err(DemoError::None);
        }
        self.check(subject, overrides)?;
        let overrides = &self.stepped(overrides);
        let mut scene = default_scene(content, subject);
        for light in &mut scene.lighting.lights {
            light.intensity = clamped(light.intensity + overrides.stops, &INTENSITY_STOPS);
            let kelvin = i64::from(light.colour) + i64::from(overrides.kelvin);
            let (low, high) = (i64::from(*COLOUR_KELVIN.start()), i64::from(*COLOUR_KELVIN.end()));
            light.colour = u32::try_from(kelvin.clamp(low, high)).unwrap_or(light.colour);
        }
        scene.camera.focal_length_mm =
            overrides.focal_length_mm.unwrap_or(scene.camera.focal_length_mm);
        scene.camera.aperture = overrides.aperture.unwrap_or(scene.camera.aperture);
        Ok(scene)
    }

    /// The nearest changes on the grid that is rendered: moving a slider needs few images, and
    /// enumerating all of them needs some thousand, not as many as there are numbers.
    fn stepped(&self, overrides: &Overrides) -> Overrides {
        let limits = -self.stops_max..=self.stops_max;
        let kelvin_max = i32::try_from(self.kelvin_max).unwrap_or(i32::MAX);
        let kelvin = (overrides.kelvin + KELVIN_STEP / 2).div_euclid(KELVIN_STEP) * KELVIN_STEP;
        Overrides {
            stops: clamped((overrides.stops * STEPS_A_STOP).round() / STEPS_A_STOP, &limits),
            kelvin: kelvin.clamp(-kelvin_max, kelvin_max),
            focal_length_mm: overrides.focal_length_mm.map(f64::round),
            aperture: overrides.aperture.map(|it| (it * STEPS_A_STOP).round() / STEPS_A_STOP),
        }
    }

    fn check(&self, subject: DemoSubject, overrides: &Overrides) -> Result<(), InvalidFields> {
        let mut check = FieldCheck::new();
        check.require(self.subjects.contains(&subject), "/subject", "not_offered", || {
            "this listing does not offer that subject".to_owned()
        });
        let stops = -self.stops_max..=self.stops_max;
        check.require_within("/overrides/stops", overrides.stops, stops, "stops");
        let kelvin = f64::from(self.kelvin_max);
        let shift = f64::from(overrides.kelvin);
        check.require_within("/overrides/kelvin", shift, -kelvin..=kelvin, "kelvin");
        let lens: [(&str, Option<f64>, RangeInclusive<f64>, &'static str); 2] = [
            (
                "/overrides/focal_length_mm",
                overrides.focal_length_mm,
                FOCAL_LENGTH_MM,
                "millimetres",
            ),
            ("/overrides/aperture", overrides.aperture, APERTURE, "f-number"),
        ];
        for (pointer, value, range, unit) in lens {
            let Some(value) = value else { continue };
            check.require(self.lens, pointer, "not_offered", || {
                "the lens of this demo cannot be changed".to_owned()
            });
            check.require_within(pointer, value, range, unit);
        }
        check.finish()
    }
}

/// The unchanged content on a subject: the preview of a listing without its own. Defaults are a
/// three-point light and a portrait lens.
pub fn default_scene(content: &Content, subject: DemoSubject) -> DemoScene {
    DemoScene {
        subject,
        words: content.structured_prompt.as_ref().map(shown_in),
        lighting: content.lighting.clone().unwrap_or_else(LightingRig::three_point),
        camera: content.camera.unwrap_or_default(),
    }
}

/// What a prompt says is shown, in one text.
pub fn shown_in(prompt: &StructuredPrompt) -> String {
    let objects = prompt.objects.iter().flat_map(|it| [&it.description, &it.shape_and_color]);
    std::iter::once(&prompt.short_description)
        .chain(objects)
        .map(String::as_str)
        .collect::<Vec<_>>()
        .join(". ")
}

fn clamped(value: f64, range: &RangeInclusive<f64>) -> f64 {
    value.clamp(*range.start(), *range.end())
}
