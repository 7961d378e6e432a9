//! Colours from a prompt.

use crate::colour;
use crate::vec3::Vec3;

/// Two colours of a subject.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Palette {
    /// sRGB of the largest surface: the garment, the liquid, the glaze.
    pub primary: [u8; 3],
    /// sRGB of the contrasting part: the cap of a bottle, the hair of a bust.
    pub accent: [u8; 3],
}

/// Colour words and their colours on matter, not on a screen: nothing in a studio is as saturated
/// as `#ff0000`.
const COLOURS: &[(&str, [u8; 3])] = &[
    ("amber", [198, 124, 40]),
    ("beige", [208, 188, 158]),
    ("black", [38, 38, 40]),
    ("blue", [52, 88, 158]),
    ("bronze", [140, 100, 58]),
    ("brown", [104, 70, 48]),
    ("burgundy", [110, 30, 44]),
    ("copper", [178, 104, 70]),
    ("coral", [220, 118, 100]),
    ("cream", [226, 214, 188]),
    ("crimson", [158, 32, 48]),
    ("cyan", [70, 160, 178]),
    ("emerald", [34, 124, 84]),
    ("gold", [196, 152, 72]),
    ("golden", [196, 152, 72]),
    ("gray", [128, 128, 128]),
    ("green", [66, 122, 72]),
    ("grey", [128, 128, 128]),
    ("indigo", [64, 60, 128]),
    ("ivory", [228, 220, 200]),
    ("lavender", [168, 152, 198]),
    ("magenta", [168, 54, 124]),
    ("maroon", [104, 34, 40]),
    ("mustard", [190, 150, 54]),
    ("navy", [38, 50, 88]),
    ("olive", [112, 112, 58]),
    ("orange", [208, 112, 44]),
    ("peach", [224, 168, 138]),
    ("pink", [208, 132, 150]),
    ("purple", [110, 70, 140]),
    ("red", [166, 42, 42]),
    ("rose", [196, 112, 124]),
    ("ruby", [150, 28, 56]),
    ("sapphire", [36, 66, 144]),
    ("scarlet", [182, 42, 36]),
    ("silver", [176, 178, 182]),
    ("tan", [188, 152, 112]),
    ("teal", [42, 116, 120]),
    ("turquoise", [68, 164, 158]),
    ("violet", [122, 82, 158]),
    ("white", [226, 226, 222]),
    ("yellow", [208, 178, 62]),
];

impl Default for Palette {
    /// Muted teal and warm brown: both keep their hue under warm and cool light.
    fn default() -> Palette {
        Palette { primary: [58, 92, 104], accent: [84, 62, 50] }
    }
}

impl Palette {
    /// The first two colours that `prompt` names; the rest stays default.
    pub fn from_prompt(prompt: &str) -> Palette {
        let lower = prompt.to_lowercase();
        let mut found = lower
            .split(|character: char| !character.is_alphanumeric())
            .filter_map(|word| COLOURS.iter().find(|(name, _)| *name == word))
            .map(|(_, srgb)| *srgb);
        let usual = Palette::default();
        Palette {
            primary: found.next().unwrap_or(usual.primary),
            accent: found.next().unwrap_or(usual.accent),
        }
    }

    /// The same in linear light.
    pub(crate) fn paint(&self) -> Paint {
        Paint { primary: colour::linear(self.primary), accent: colour::linear(self.accent) }
    }
}

/// A [`Palette`] in linear light.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Paint {
    pub(crate) primary: Vec3,
    pub(crate) accent: Vec3,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_two_colours_named_are_taken() {
        let usual = Palette::default();
        let table = [
            ("a violin", (usual.primary, usual.accent)),
            ("Red shoes, GOLD laces, blue floor", ([166, 42, 42], [196, 152, 72])),
            ("a blueberry in a navy bowl", ([38, 50, 88], usual.accent)),
        ];
        for (prompt, (primary, accent)) in table {
            assert_eq!(Palette::from_prompt(prompt), Palette { primary, accent }, "{prompt}");
        }
    }
}
