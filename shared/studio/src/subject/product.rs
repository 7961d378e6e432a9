//! A perfume bottle: a thick block of tinted glass, a metal collar and a glazed cap.

use super::material::Material;
use super::shape::{block, drum, join};
use crate::field::Bounds;
use crate::palette::Paint;
use crate::vec3::{Vec3, vec3};

/// The foot of the bottle, in metres from the centre of the frame.
pub(super) const BASE: f32 = -0.165;

/// Room for the block turned by up to 30 degrees.
pub(super) const BOUNDS: Bounds =
    Bounds { low: vec3(-0.15, BASE - 0.01, -0.15), high: vec3(0.15, 0.20, 0.15) };

/// Halvings per centimetre of light outside the glass's hue: a few centimetres are deeply coloured
/// and still clear.
const ABSORPTION: f32 = 0.30;
/// Halvings per centimetre of all light.
const GREY: Vec3 = vec3(0.02, 0.02, 0.02);

/// Middle of the block and half its sides.
const BODY: (Vec3, Vec3) = (vec3(0.0, BASE + 0.105, 0.0), vec3(0.088, 0.105, 0.044));

/// The part that a point of the surface belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    Body,
    Collar,
    Cap,
}

pub(super) fn distance(point: Vec3) -> f32 {
    body(point).min(collar(point)).min(cap(point))
}

/// The part nearest to `point`.
pub(super) fn part(point: Vec3) -> Part {
    let (body, collar, cap) = (body(point), collar(point), cap(point));
    match (cap <= body.min(collar), collar < body) {
        (true, _) => Part::Cap,
        (false, true) => Part::Collar,
        (false, false) => Part::Body,
    }
}

/// Metres to one part.
pub(super) fn detailed(part: Part, point: Vec3) -> f32 {
    match part {
        Part::Body => body(point),
        Part::Collar => collar(point),
        Part::Cap => cap(point),
    }
}

pub(super) fn material(part: Part, paint: &Paint) -> Material {
    match part {
        Part::Cap => Material::Glaze { albedo: paint.accent * 0.6 },
        Part::Collar => Material::Metal { tint: vec3(0.80, 0.74, 0.62) },
        Part::Body => Material::Glass { absorption: (Vec3::ONE - hue(paint)) * ABSORPTION + GREY },
    }
}

/// The colour of the glass with its brightest channel at one.
pub(super) fn hue(paint: &Paint) -> Vec3 {
    let tint = paint.primary;
    (tint * (1.0 / tint.largest().max(0.05))).min(Vec3::ONE)
}

fn body(point: Vec3) -> f32 {
    let (centre, half) = BODY;
    let shoulder = drum(point, vec3(0.0, BASE + 0.205, 0.0), 0.036, 0.014, 0.008);
    join(block(point, centre, half, 0.016), shoulder, 0.014)
}

fn collar(point: Vec3) -> f32 {
    drum(point, vec3(0.0, BASE + 0.228, 0.0), 0.027, 0.012, 0.003)
}

fn cap(point: Vec3) -> f32 {
    block(point, vec3(0.0, BASE + 0.288, 0.0), vec3(0.034, 0.046, 0.034), 0.007)
}
