//! The paths and texts that figures are drawn with.

use crate::typeset::Line;

/// A part of a figure, in points from the upper left corner of the page.
#[derive(Debug, Clone)]
pub(crate) enum Part {
    /// An outline of this width in points, or a filled area.
    Path { points: Vec<(f32, f32)>, stroke: Option<f32>, tint: Tint },
    /// A text at its baseline.
    Text { x: f32, baseline: f32, line: Line, tint: Tint },
}

/// A colour and its opacity.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Tint {
    pub(crate) rgb: (u8, u8, u8),
    pub(crate) opacity: f32,
}

impl Tint {
    pub(crate) const fn solid(rgb: (u8, u8, u8)) -> Tint {
        Tint { rgb, opacity: 1.0 }
    }
}
