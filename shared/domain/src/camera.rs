//! The camera: lens, aperture, position and the shape of the frame.
//!
//! The camera stays aimed at the subject, and steps back as the lens grows longer so that the
//! subject keeps its size in the frame: focal length changes perspective and depth of field, not
//! framing. Like a rig, the settings are read twice: as words ([`CameraSettings::phrases`]) and by
//! the `studio` renderer.

mod phrases;

use std::ops::RangeInclusive;

use serde::{Deserialize, Serialize};
use strum::VariantArray;

use crate::error::{FieldCheck, InvalidFields};

/// Full-frame focal lengths in millimetres.
pub const FOCAL_LENGTH_MM: RangeInclusive<f64> = 14.0..=300.0;
/// f-numbers.
pub const APERTURE: RangeInclusive<f64> = 1.0..=32.0;
/// Height of the tripod above the floor, in metres.
pub const HEIGHT_M: RangeInclusive<f64> = 0.0..=4.0;
/// Degrees along the arc over the subject.
pub const ANGLE_DEGREES: RangeInclusive<f64> = -45.0..=85.0;
/// Height of the subject's centre above the floor, in metres: a camera at this height and angle 0
/// looks straight at it.
pub const SUBJECT_HEIGHT_M: f64 = 1.5;

/// The distance at which [`CameraSettings::height_m`] is converted to an angle.
const TRIPOD_DISTANCE_M: f64 = 2.0;

/// The camera settings of an image.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct CameraSettings {
    /// Millimetres, as on full frame.
    #[cfg_attr(feature = "schema", schemars(range(min = *FOCAL_LENGTH_MM.start(), max = *FOCAL_LENGTH_MM.end())))]
    pub focal_length_mm: f64,
    /// f-number. It sets depth of field; exposure stays as the rig is metered.
    #[cfg_attr(feature = "schema", schemars(range(min = *APERTURE.start(), max = *APERTURE.end())))]
    pub aperture: f64,
    /// Metres of the tripod above the floor.
    #[cfg_attr(feature = "schema", schemars(range(min = *HEIGHT_M.start(), max = *HEIGHT_M.end())))]
    pub height_m: f64,
    /// Degrees by which the camera is swung over (+) or under (-) the subject, on top of what
    /// `height_m` does.
    #[cfg_attr(feature = "schema", schemars(range(min = *ANGLE_DEGREES.start(), max = *ANGLE_DEGREES.end())))]
    pub angle_degrees: f64,
    /// The shape of the frame.
    pub aspect_ratio: AspectRatio,
}

/// The nine shapes of frame that every FIBO route accepts.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, VariantArray,
)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum AspectRatio {
    /// Square.
    #[default]
    #[serde(rename = "1:1")]
    Square,
    /// Upright, classic 35 mm film.
    #[serde(rename = "2:3")]
    Portrait2x3,
    /// Horizontal, classic 35 mm film.
    #[serde(rename = "3:2")]
    Landscape3x2,
    /// Upright, medium format.
    #[serde(rename = "3:4")]
    Portrait3x4,
    /// Horizontal, medium format.
    #[serde(rename = "4:3")]
    Landscape4x3,
    /// Upright, large format.
    #[serde(rename = "4:5")]
    Portrait4x5,
    /// Horizontal, large format.
    #[serde(rename = "5:4")]
    Landscape5x4,
    /// Upright, phone screen.
    #[serde(rename = "9:16")]
    Portrait9x16,
    /// Horizontal, television.
    #[serde(rename = "16:9")]
    Landscape16x9,
}

impl Default for CameraSettings {
    fn default() -> CameraSettings {
        CameraSettings {
            focal_length_mm: 85.0,
            aperture: 4.0,
            height_m: SUBJECT_HEIGHT_M,
            angle_degrees: 0.0,
            aspect_ratio: AspectRatio::default(),
        }
    }
}

impl CameraSettings {
    /// # Errors
    /// Every field outside its range, with pointers relative to the settings.
    pub fn validate(&self) -> Result<(), InvalidFields> {
        let mut check = FieldCheck::new();
        check.require_within("/focal_length_mm", self.focal_length_mm, FOCAL_LENGTH_MM, "mm");
        check.require_within("/aperture", self.aperture, APERTURE, "(f-number)");
        check.require_within("/height_m", self.height_m, HEIGHT_M, "metres");
        check.require_within("/angle_degrees", self.angle_degrees, ANGLE_DEGREES, "degrees");
        check.finish()
    }

    /// Degrees from which the camera looks down (+) or up (-) at the subject in total.
    pub fn elevation_degrees(&self) -> f64 {
        let raised = ((self.height_m - SUBJECT_HEIGHT_M) / TRIPOD_DISTANCE_M).atan().to_degrees();
        (self.angle_degrees + raised).clamp(*ANGLE_DEGREES.start(), *ANGLE_DEGREES.end())
    }
}

impl AspectRatio {
    /// All of them, square first.
    pub const ALL: &[AspectRatio] = AspectRatio::VARIANTS;

    /// Width to height, in lowest terms.
    pub fn terms(self) -> (u32, u32) {
        match self {
            AspectRatio::Square => (1, 1),
            AspectRatio::Portrait2x3 => (2, 3),
            AspectRatio::Landscape3x2 => (3, 2),
            AspectRatio::Portrait3x4 => (3, 4),
            AspectRatio::Landscape4x3 => (4, 3),
            AspectRatio::Portrait4x5 => (4, 5),
            AspectRatio::Landscape5x4 => (5, 4),
            AspectRatio::Portrait9x16 => (9, 16),
            AspectRatio::Landscape16x9 => (16, 9),
        }
    }

    /// Width and height in pixels of the largest frame of this shape whose longer side is
    /// `side_px_max`, each at least one pixel.
    pub fn fit(self, side_px_max: u32) -> (u32, u32) {
        let (across, down) = self.terms();
        let longer = u64::from(across.max(down));
        let scale = |term: u32| {
            let pixels = (u64::from(term) * u64::from(side_px_max) + longer / 2) / longer;
            u32::try_from(pixels).unwrap_or(side_px_max).max(1)
        };
        (scale(across), scale(down))
    }
}

impl std::fmt::Display for AspectRatio {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (across, down) = self.terms();
        write!(f, "{across}:{down}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ratio_is_written_as_fibo_writes_it() {
        for ratio in AspectRatio::ALL {
            let text = serde_json::to_string(ratio).unwrap();
            assert_eq!(text, format!("\"{ratio}\""));
            assert_eq!(&serde_json::from_str::<AspectRatio>(&text).unwrap(), ratio);
        }
        assert!(serde_json::from_str::<AspectRatio>("\"21:9\"").is_err());
    }

    #[test]
    fn a_frame_fits_its_longer_side() {
        let table = [
            (AspectRatio::Square, 512, (512, 512)),
            (AspectRatio::Landscape16x9, 512, (512, 288)),
            (AspectRatio::Portrait2x3, 512, (341, 512)),
            (AspectRatio::Portrait4x5, 1024, (819, 1024)),
            (AspectRatio::Portrait9x16, 1, (1, 1)),
            (AspectRatio::Landscape3x2, u32::MAX, (u32::MAX, 2_863_311_530)),
        ];
        for (ratio, side, expected) in table {
            assert_eq!(ratio.fit(side), expected, "{ratio} in {side}");
        }
    }

    #[test]
    fn settings_outside_their_limits_are_refused_field_by_field() {
        let check = |camera: CameraSettings, expected: &[&str]| {
            let found = match camera.validate() {
                Ok(()) => Vec::new(),
                Err(InvalidFields(fields)) => fields.into_iter().map(|f| f.pointer).collect(),
            };
            assert_eq!(found, expected);
        };
        let usual = CameraSettings::default();
        check(usual, &[]);
        check(CameraSettings { focal_length_mm: 10.0, ..usual }, &["/focal_length_mm"]);
        check(
            CameraSettings { aperture: f64::NAN, height_m: -0.1, ..usual },
            &["/aperture", "/height_m"],
        );
        check(CameraSettings { angle_degrees: 90.0, ..usual }, &["/angle_degrees"]);
    }

    #[test]
    fn settings_read_as_a_photographer_would_say_them() {
        let check = |json: &str, angle: &str, depth: &str, lens: &str| {
            let camera: CameraSettings = serde_json::from_str(json).unwrap();
            let found = camera.phrases();
            assert_eq!(found.camera_angle, angle, "{json}");
            assert_eq!(found.depth_of_field, depth, "{json}");
            assert_eq!(found.lens_focal_length, lens, "{json}");
        };
        check(
            "{}",
            "eye level",
            "shallow, background softly blurred",
            "portrait lens, 85 mm at f/4",
        );
        check(
            r#"{"focal_length_mm":24,"aperture":11,"angle_degrees":85}"#,
            "top-down",
            "deep, everything in focus",
            "wide-angle lens, 24 mm at f/11",
        );
        check(
            r#"{"focal_length_mm":200,"aperture":1.8,"height_m":0.2}"#,
            "low angle, looking up",
            "very shallow, background dissolved in blur",
            "telephoto lens, 200 mm at f/1.8",
        );
        assert!(serde_json::from_str::<CameraSettings>(r#"{"iso":100}"#).is_err());
    }
}
