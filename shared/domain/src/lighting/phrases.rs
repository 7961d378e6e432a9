//! A rig in the words of FIBO's `lighting` part.
//!
//! The three texts are read together by the model, so all are derived from the same few readings
//! (which light leads, how soft it is, how far below it the fill is) and cannot contradict.

use std::fmt::Write as _;

use super::{Light, LightRole, LightingRig};
use crate::fibo::Lighting;

/// Key over fill, in stops, from which a picture counts as low-key, and under which as high-key.
const LOW_KEY_STOPS: f64 = 3.0;
const HIGH_KEY_STOPS: f64 = 1.5;

impl LightingRig {
    /// The rig as FIBO's free text: conditions, direction and shadows.
    pub fn phrases(&self) -> Lighting {
        let Some(lead) = self.lead() else {
            return Lighting { conditions: "unlit".to_owned(), ..Lighting::default() };
        };
        Lighting {
            conditions: self.conditions(lead),
            direction: self.direction(lead),
            shadows: Some(self.shadows(lead)),
            extra: serde_json::Map::new(),
        }
    }

    /// The strongest key, or where there is none the strongest light on the subject.
    fn lead(&self) -> Option<&Light> {
        let strongest = |role: Option<LightRole>| {
            let lights = self.lights.iter();
            lights
                .filter(|light| role.is_none_or(|role| light.role == role))
                .max_by(|a, b| a.intensity.total_cmp(&b.intensity))
        };
        strongest(Some(LightRole::Key)).or_else(|| strongest(None))
    }

    /// Stops by which the leading light outshines everything that fills its shadows.
    fn contrast_stops(&self, lead: &Light) -> f64 {
        let fill: f64 = self
            .lights
            .iter()
            .filter(|light| light.role == LightRole::Fill && !std::ptr::eq(*light, lead))
            .map(|light| light.intensity.exp2())
            .sum();
        if fill > 0.0 { lead.intensity - fill.log2() } else { f64::INFINITY }
    }

    fn conditions(&self, lead: &Light) -> String {
        let contrast = match self.contrast_stops(lead) {
            stops if stops >= LOW_KEY_STOPS => "low-key, high-contrast",
            stops if stops >= HIGH_KEY_STOPS => "balanced, medium-contrast",
            _ => "high-key, low-contrast",
        };
        let mut text = format!(
            "{contrast} studio lighting, {} {}",
            softness(lead),
            plural(self.lights.len(), "light", "lights"),
        );
        let _ = write!(text, ", {} {} K {}", warmth(lead.colour), lead.colour, name(lead));
        if let Some(other) = self.lights.iter().find(|light| differs(light, lead)) {
            let _ =
                write!(text, " with {} {} K {}", warmth(other.colour), other.colour, name(other));
        }
        text
    }

    fn direction(&self, lead: &Light) -> String {
        let mut text = format!("{} from {}", name(lead), place(lead));
        if let Some(pattern) = pattern(lead) {
            let _ = write!(text, " in a {pattern} pattern");
        }
        for light in self.lights.iter().filter(|light| !std::ptr::eq(*light, lead)) {
            let _ = match light.role {
                LightRole::Background => write!(text, "; background light on the backdrop"),
                LightRole::Key | LightRole::Fill | LightRole::Rim | LightRole::Hair => {
                    write!(text, "; {} from {}", name(light), place(light))
                }
            };
            let _ = write!(text, ", {}", relative(light.intensity - lead.intensity));
        }
        text
    }

    fn shadows(&self, lead: &Light) -> String {
        let depth = match self.contrast_stops(lead) {
            stops if stops >= LOW_KEY_STOPS => "deep",
            stops if stops >= HIGH_KEY_STOPS => "moderate",
            _ => "faint",
        };
        let edge = match lead.apparent_size() {
            size if size >= 0.7 => "very soft-edged",
            size if size >= 0.35 => "soft-edged",
            size if size >= 0.12 => "defined",
            _ => "crisp, hard-edged",
        };
        let fall = match lead.azimuth {
            _ if lead.elevation >= 70.0 => "directly below the subject",
            azimuth if azimuth.abs() >= 120.0 => "towards the camera",
            azimuth if azimuth <= -15.0 => "to the right",
            azimuth if azimuth >= 15.0 => "to the left",
            _ if lead.elevation < -10.0 => "upwards behind the subject",
            _ => "below and behind the subject",
        };
        format!("{depth}, {edge} shadows falling {fall}")
    }
}

/// `key light`, `rim light` and so on.
fn name(light: &Light) -> String {
    format!("{} light", light.role.into_str())
}

fn softness(light: &Light) -> &'static str {
    match light.apparent_size() {
        size if size >= 0.7 => "very soft, large-source",
        size if size >= 0.35 => "soft, diffused",
        size if size >= 0.12 => "moderately hard",
        _ => "hard, small-source",
    }
}

fn warmth(kelvin: u32) -> &'static str {
    match kelvin {
        ..2_500 => "candle-warm",
        2_500..3_700 => "warm tungsten",
        3_700..4_800 => "warm white",
        4_800..6_200 => "neutral daylight",
        6_200..8_000 => "cool",
        8_000.. => "cold blue",
    }
}

/// Whether the eye would see `light` as another colour than `lead`: 60 mired, about a half CTO gel.
fn differs(light: &Light, lead: &Light) -> bool {
    let mired = |kelvin: u32| 1e6 / f64::from(kelvin);
    (mired(light.colour) - mired(lead.colour)).abs() >= 60.0
}

/// The position of the light, as seen from the camera.
fn place(light: &Light) -> String {
    if light.elevation >= 75.0 {
        return "directly overhead".to_owned();
    }
    let side = if light.azimuth < 0.0 { "left" } else { "right" };
    let around = match light.azimuth.abs() {
        degrees if degrees <= 15.0 => "the front".to_owned(),
        degrees if degrees < 65.0 => format!("the front {side}, {degrees:.0} degrees off axis"),
        degrees if degrees <= 115.0 => format!("the {side} side"),
        degrees if degrees < 165.0 => format!("behind on the {side}"),
        _ => "directly behind".to_owned(),
    };
    let height = match light.elevation {
        degrees if degrees >= 50.0 => "high above",
        degrees if degrees >= 20.0 => "above eye level",
        degrees if degrees >= -10.0 => "at eye level",
        _ => "from below",
    };
    format!("{around}, {height}")
}

/// The classic portrait pattern that this light casts on a face, if any.
fn pattern(light: &Light) -> Option<&'static str> {
    let side = light.azimuth.abs();
    match light.elevation {
        elevation if (-10.0..=60.0).contains(&elevation) && (75.0..=105.0).contains(&side) => {
            Some("split")
        }
        elevation if !(25.0..=60.0).contains(&elevation) => None,
        _ if side <= 15.0 => Some("butterfly"),
        _ if side < 46.0 => Some("loop"),
        _ if side <= 65.0 => Some("Rembrandt"),
        _ => None,
    }
}

fn relative(stops: f64) -> String {
    let rounded = (stops * 2.0).round() / 2.0;
    let unit = if rounded.abs() == 1.0 { "stop" } else { "stops" };
    match rounded {
        0.0 => "as bright as it".to_owned(),
        over if over > 0.0 => format!("{over} {unit} brighter"),
        under => format!("{} {unit} dimmer", -under),
    }
}

fn plural(count: usize, one: &str, many: &str) -> String {
    if count == 1 { format!("single {one}") } else { format!("setup of {count} {many}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(rig: &LightingRig, conditions: &str, direction: &str, shadows: &str) {
        let found = rig.phrases();
        assert_eq!(found.conditions, conditions);
        assert_eq!(found.direction, direction);
        assert_eq!(found.shadows.as_deref(), Some(shadows));
    }

    #[test]
    fn the_classic_rigs_read_as_a_photographer_would_say_them() {
        check(
            &LightingRig::three_point(),
            "balanced, medium-contrast studio lighting, soft, diffused setup of 4 lights, neutral \
             daylight 5600 K key light",
            "key light from the front left, 45 degrees off axis, above eye level in a loop pattern; \
             fill light from the front right, 40 degrees off axis, at eye level, 2 stops dimmer; \
             rim light from behind on the right, at eye level, 0.5 stops brighter; \
             background light on the backdrop, 1.5 stops dimmer",
            "moderate, soft-edged shadows falling to the right",
        );
        check(
            &LightingRig::rembrandt(),
            "low-key, high-contrast studio lighting, moderately hard setup of 4 lights, warm \
             tungsten 3600 K key light with neutral daylight 5600 K fill light",
            "key light from the front left, 58 degrees off axis, above eye level in a Rembrandt \
             pattern; fill light from the front right, 40 degrees off axis, at eye level, 4.5 stops \
             dimmer; rim light from behind on the right, at eye level, 0.5 stops brighter; \
             background light on the backdrop, 3 stops dimmer",
            "deep, defined shadows falling to the right",
        );
    }

    #[test]
    fn a_single_hard_light_from_the_side() {
        let bulb = Light {
            azimuth: 90.0,
            elevation: 0.0,
            size: 0.05,
            colour: 2_000,
            ..Light::of(LightRole::Key)
        };
        check(
            &LightingRig { lights: vec![bulb], backdrop: Default::default() },
            "low-key, high-contrast studio lighting, hard, small-source single light, candle-warm \
             2000 K key light",
            "key light from the right side, at eye level in a split pattern",
            "deep, crisp, hard-edged shadows falling to the left",
        );
    }

    #[test]
    fn no_valid_rig_outgrows_the_text_limit() {
        let light = Light { azimuth: -64.4, elevation: 20.0, ..Light::of(LightRole::Fill) };
        let rig = LightingRig { lights: vec![light; 8], backdrop: Default::default() };
        let found = rig.phrases();
        assert!(found.direction.len() <= crate::fibo::TEXT_CHARS_MAX, "{}", found.direction.len());
    }
}
