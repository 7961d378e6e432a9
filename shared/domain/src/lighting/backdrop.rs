//! The backdrop behind the subject: a seamless sweep of paper.

use std::ops::RangeInclusive;

use serde::{Deserialize, Serialize};
use strum::{EnumString, IntoStaticStr};

use crate::error::{FieldCheck, InvalidFields};

/// Metres behind the subject.
pub const BACKDROP_DISTANCE_M: RangeInclusive<f64> = 0.5..=8.0;
/// Stops between the centre and the edge of the frame.
pub const FALLOFF_STOPS: RangeInclusive<f64> = 0.0..=4.0;

/// A seamless backdrop that curves from the floor up behind the subject.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct Backdrop {
    /// The colour of the paper.
    pub colour: BackdropColour,
    /// Metres behind the subject.
    #[cfg_attr(feature = "schema", schemars(range(min = *BACKDROP_DISTANCE_M.start(), max = *BACKDROP_DISTANCE_M.end())))]
    pub distance: f64,
    /// Stops by which flags darken it from behind the subject to the edge of the frame, in addition
    /// to the falloff of the lights.
    #[cfg_attr(feature = "schema", schemars(range(min = *FALLOFF_STOPS.start(), max = *FALLOFF_STOPS.end())))]
    pub falloff: f64,
}

/// A paper colour: one of the named tones, or sRGB as `#rrggbb`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(try_from = "String", into = "String")]
pub enum BackdropColour {
    /// A tone of grey that paper is sold in.
    Tone(BackdropTone),
    /// Any other colour, as sRGB.
    Rgb([u8; 3]),
}

/// The standard greys of studio paper.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, IntoStaticStr, EnumString)]
#[strum(serialize_all = "snake_case", const_into_str)]
pub enum BackdropTone {
    /// Paper white.
    White,
    /// A light grey.
    LightGrey,
    /// Middle grey.
    Grey,
    /// A dark grey with some light left in it.
    Charcoal,
    /// Black velvet.
    Black,
}

/// The text is neither a tone nor `#rrggbb`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a colour is white, light_grey, grey, charcoal, black or #rrggbb")]
pub struct UnreadableColour;

impl Default for Backdrop {
    fn default() -> Backdrop {
        Backdrop { colour: BackdropTone::Grey.into(), distance: 1.8, falloff: 1.0 }
    }
}

impl Backdrop {
    /// # Errors
    /// Every field outside its range, with pointers relative to the backdrop.
    pub fn validate(&self) -> Result<(), InvalidFields> {
        let mut check = FieldCheck::new();
        check.require_within("/distance", self.distance, BACKDROP_DISTANCE_M, "metres");
        check.require_within("/falloff", self.falloff, FALLOFF_STOPS, "stops");
        check.finish()
    }

    /// The text for FIBO's `background_setting`.
    pub fn phrase(&self) -> String {
        let falloff = match self.falloff {
            stops if stops < 0.5 => "evenly lit",
            stops if stops < 1.75 => "darkening gently towards the edges",
            _ => "falling off into darkness at the edges",
        };
        format!("seamless {} studio backdrop, {falloff}", self.colour.phrase())
    }
}

impl BackdropTone {
    fn srgb(self) -> [u8; 3] {
        match self {
            BackdropTone::White => [238; 3],
            BackdropTone::LightGrey => [188; 3],
            BackdropTone::Grey => [122; 3],
            BackdropTone::Charcoal => [66; 3],
            BackdropTone::Black => [22; 3],
        }
    }
}

impl BackdropColour {
    /// The paper's reflectance as sRGB.
    pub fn srgb(self) -> [u8; 3] {
        match self {
            BackdropColour::Tone(tone) => tone.srgb(),
            BackdropColour::Rgb(rgb) => rgb,
        }
    }

    fn phrase(self) -> String {
        match self {
            BackdropColour::Tone(tone) => tone.into_str().replace('_', " "),
            BackdropColour::Rgb(_) => format!("{} coloured", String::from(self)),
        }
    }
}

impl From<BackdropTone> for BackdropColour {
    fn from(tone: BackdropTone) -> BackdropColour {
        BackdropColour::Tone(tone)
    }
}

impl From<BackdropColour> for String {
    fn from(colour: BackdropColour) -> String {
        match colour {
            BackdropColour::Tone(tone) => tone.into_str().to_owned(),
            BackdropColour::Rgb([r, g, b]) => format!("#{r:02x}{g:02x}{b:02x}"),
        }
    }
}

impl TryFrom<String> for BackdropColour {
    type Error = UnreadableColour;

    fn try_from(text: String) -> Result<BackdropColour, UnreadableColour> {
        if let Ok(tone) = text.parse::<BackdropTone>() {
            return Ok(BackdropColour::Tone(tone));
        }
        let digits = text.strip_prefix('#').ok_or(UnreadableColour)?;
        if digits.len() != 6 || !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            return Err(UnreadableColour);
        }
        let packed = u32::from_str_radix(digits, 16).map_err(|_| UnreadableColour)?;
        let [_, r, g, b] = packed.to_be_bytes();
        Ok(BackdropColour::Rgb([r, g, b]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_colour_is_a_tone_or_six_hex_digits() {
        let table = [
            ("charcoal", Some(BackdropTone::Charcoal.into())),
            ("light_grey", Some(BackdropTone::LightGrey.into())),
            ("#1a2B3c", Some(BackdropColour::Rgb([0x1a, 0x2b, 0x3c]))),
            ("#1a2b3", None),
            ("#+a2b3c", None),
            ("1a2b3c", None),
            ("Grey", None),
            ("", None),
        ];
        for (text, expected) in table {
            assert_eq!(BackdropColour::try_from(text.to_owned()).ok(), expected, "{text:?}");
        }
    }

    #[test]
    fn a_backdrop_is_described_by_tone_and_falloff() {
        let backdrop = Backdrop { falloff: 2.0, ..Backdrop::default() };
        assert_eq!(
            backdrop.phrase(),
            "seamless grey studio backdrop, falling off into darkness at the edges"
        );
    }
}
