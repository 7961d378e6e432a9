//! The camera in the words of FIBO.

use super::CameraSettings;
use crate::fibo::PhotographicCharacteristics;

impl CameraSettings {
    /// The settings as FIBO's free text.
    pub fn phrases(&self) -> PhotographicCharacteristics {
        PhotographicCharacteristics {
            depth_of_field: self.depth_of_field().to_owned(),
            focus: "sharp focus on the subject".to_owned(),
            camera_angle: self.camera_angle().to_owned(),
            lens_focal_length: format!(
                "{} lens, {} mm at f/{}",
                self.lens(),
                self.focal_length_mm.round(),
                (self.aperture * 10.0).round() / 10.0,
            ),
            extra: serde_json::Map::new(),
        }
    }

    /// With the subject's size in the frame fixed, depth of field follows the f-number alone.
    fn depth_of_field(&self) -> &'static str {
        match self.aperture {
            f if f < 2.0 => "very shallow, background dissolved in blur",
            f if f < 4.5 => "shallow, background softly blurred",
            f if f < 9.0 => "medium, background slightly soft",
            _ => "deep, everything in focus",
        }
    }

    fn camera_angle(&self) -> &'static str {
        match self.elevation_degrees() {
            degrees if degrees >= 70.0 => "top-down",
            degrees if degrees >= 35.0 => "high angle, looking down",
            degrees if degrees >= 8.0 => "slightly above eye level",
            degrees if degrees > -8.0 => "eye level",
            degrees if degrees > -25.0 => "slightly below eye level",
            _ => "low angle, looking up",
        }
    }

    fn lens(&self) -> &'static str {
        match self.focal_length_mm {
            mm if mm < 24.0 => "ultra-wide",
            mm if mm < 40.0 => "wide-angle",
            mm if mm < 65.0 => "standard",
            mm if mm < 136.0 => "portrait",
            _ => "telephoto",
        }
    }
}
