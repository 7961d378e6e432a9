//! Signed distances of simple solids, and how they are joined.
//!
//! The formulas are the well-known ones (Quilez, "distance functions"). All are lower bounds of the
//! true distance near the surface, as marching needs.

use crate::vec3::{Vec3, vec3};

/// A ball.
pub(super) fn ball(point: Vec3, centre: Vec3, radius: f32) -> f32 {
    (point - centre).length() - radius
}

/// An ellipsoid; exact on the surface, an estimate elsewhere.
pub(super) fn ellipsoid(point: Vec3, centre: Vec3, radii: Vec3) -> f32 {
    let inverse = vec3(1.0 / radii.x, 1.0 / radii.y, 1.0 / radii.z);
    let scaled = (point - centre) * inverse;
    let outer = scaled.length();
    let inner = (scaled * inverse).length();
    if inner < 1e-6 { -radii.x.min(radii.y).min(radii.z) } else { outer * (outer - 1.0) / inner }
}

/// A bar with round ends whose radius runs from `radius_a` to `radius_b`.
pub(super) fn bar(point: Vec3, a: Vec3, b: Vec3, radius_a: f32, radius_b: f32) -> f32 {
    let (along, from) = (b - a, point - a);
    let share = (from.dot(along) / along.dot(along)).clamp(0.0, 1.0);
    (from - along * share).length() - (radius_a + (radius_b - radius_a) * share)
}

/// A box with rounded edges.
pub(super) fn block(point: Vec3, centre: Vec3, half: Vec3, rounding: f32) -> f32 {
    let beyond = (point - centre).abs() - (half - vec3(rounding, rounding, rounding));
    beyond.max(Vec3::ZERO).length() + beyond.largest().min(0.0) - rounding
}

/// An upright cylinder with rounded rims.
pub(super) fn drum(point: Vec3, centre: Vec3, radius: f32, half_height: f32, rounding: f32) -> f32 {
    let from = point - centre;
    let around = (from.x * from.x + from.z * from.z).sqrt() - radius + rounding;
    let above = from.y.abs() - half_height + rounding;
    let outside = (around.max(0.0) * around.max(0.0) + above.max(0.0) * above.max(0.0)).sqrt();
    outside + around.max(above).min(0.0) - rounding
}

/// Both solids, their seam filled over about `blend` metres.
pub(super) fn join(a: f32, b: f32, blend: f32) -> f32 {
    let overlap = (blend - (a - b).abs()).max(0.0) / blend;
    a.min(b) - overlap * overlap * blend * 0.25
}

/// `solid` without `hollow`, the edge rounded over about `blend` metres.
pub(super) fn carve(solid: f32, hollow: f32, blend: f32) -> f32 {
    -join(-solid, hollow, blend)
}
