//! Head and shoulders of a mannequin: skin, hair and a high-necked garment.
//!
//! Metres, y up, the face towards +z, the chin a little under the centre of the frame. Left and
//! right are mirror images, so most parts are described for one side with `x` made positive.

use super::material::Material;
use super::shape::{ball, bar, carve, ellipsoid, join};
use crate::field::Bounds;
use crate::palette::Paint;
use crate::vec3::{Vec3, smoothstep, vec3};

/// Room for shoulders turned by up to 15 degrees, down to well below any frame.
pub(super) const BOUNDS: Bounds =
    Bounds { low: vec3(-0.29, -0.74, -0.19), high: vec3(0.29, 0.24, 0.20) };

/// From the centre of the frame to the head's.
const HEAD: Vec3 = vec3(0.0, 0.070, 0.0);
/// A complexion in linear light, as a grey card would see it: sRGB (202, 154, 128).
const SKIN: Vec3 = vec3(0.591, 0.323, 0.216);
/// The tint of blood in the lips.
const LIP_TINT: Vec3 = vec3(0.84, 0.56, 0.56);
/// A ball around brows, nose and mouth: centre in the head's frame, and radius.
const FEATURES: (Vec3, f32) = (vec3(0.0, -0.03, 0.07), 0.066);
/// Height of the locks of hair and of the ribs of the collar, in metres.
const LOCKS_M: f32 = 0.0016;
const RIBS_M: f32 = 0.0007;

/// The part that a point of the surface belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    Skin,
    Garment,
    Hair,
}

pub(super) fn distance(point: Vec3) -> f32 {
    let [skin, garment, hair] = parts(point);
    skin.min(garment).min(hair)
}

/// The part nearest to `point`.
pub(super) fn part(point: Vec3) -> Part {
    let [skin, garment, hair] = parts(point);
    match (garment <= skin.min(hair), hair < skin) {
        (true, _) => Part::Garment,
        (false, true) => Part::Hair,
        (false, false) => Part::Skin,
    }
}

/// Metres to skin, garment and hair. Parts that cannot be the nearest at this height are not
/// evaluated and infinitely far.
fn parts(point: Vec3) -> [f32; 3] {
    let mirrored = vec3(point.x.abs(), point.y, point.z);
    [
        if point.y > -0.20 { skin(mirrored) } else { f32::INFINITY },
        if point.y < 0.06 { garment(mirrored) } else { f32::INFINITY },
        if point.y > -0.10 { hair(mirrored) } else { f32::INFINITY },
    ]
}

/// Metres to one part with its locks and ribs, which are too fine for a grid and only bend the
/// normals.
pub(super) fn detailed(part: Part, point: Vec3) -> f32 {
    let mirrored = vec3(point.x.abs(), point.y, point.z);
    match part {
        Part::Skin => skin(mirrored),
        Part::Garment => garment(mirrored) - RIBS_M * ribs(mirrored),
        Part::Hair => hair(mirrored) - LOCKS_M * locks(mirrored - HEAD),
    }
}

pub(super) fn material(part: Part, point: Vec3, paint: &Paint) -> Material {
    let hair_colour = paint.accent * 0.55;
    match part {
        Part::Garment => Material::Fabric { albedo: paint.primary },
        Part::Hair => Material::Hair { albedo: hair_colour },
        Part::Skin => {
            let head = vec3(point.x.abs(), point.y, point.z) - HEAD;
            let lips = smoothstep(0.003, -0.001, lips(head));
            let painted = SKIN.lerp(SKIN * LIP_TINT, lips);
            Material::Skin { albedo: painted.lerp(hair_colour, brows_and_lashes(head)) }
        }
    }
}

/// How much of the face's skin is covered by brows and lashes, drawn from the front.
fn brows_and_lashes(p: Vec3) -> f32 {
    if p.z < 0.03 {
        return 0.0;
    }
    let flat = vec3(p.x, p.y, 0.0);
    let inner = bar(flat, vec3(0.013, 0.0205, 0.0), vec3(0.034, 0.0255, 0.0), 0.0032, 0.0026);
    let outer = bar(flat, vec3(0.034, 0.0255, 0.0), vec3(0.050, 0.0190, 0.0), 0.0026, 0.0008);
    let lash = bar(flat, vec3(0.0185, -0.0090, 0.0), vec3(0.032, -0.0120, 0.0), 0.0004, 0.0007);
    let wing = bar(flat, vec3(0.032, -0.0120, 0.0), vec3(0.0455, -0.0095, 0.0), 0.0007, 0.0005);
    let brow = smoothstep(0.0022, -0.0015, inner.min(outer));
    let lashes = smoothstep(0.0012, -0.0004, lash.min(wing));
    (0.72 * brow).max(0.75 * lashes)
}

fn skin(point: Vec3) -> f32 {
    let head = point - HEAD;
    let neck = bar(point, vec3(0.0, 0.02, -0.014), vec3(0.0, -0.17, -0.032), 0.046, 0.056);
    let mut near = join(skull(head), ear(head), 0.010);
    // The features fill a ball. Far from it, the distance to the ball is a sufficient bound.
    let from_features = (head - FEATURES.0).length() - FEATURES.1;
    near = if from_features < 0.05 { features(head, near) } else { near.min(from_features) };
    join(near, neck, 0.022)
}

fn skull(p: Vec3) -> f32 {
    let cranium = ellipsoid(p, vec3(0.0, 0.032, -0.014), vec3(0.074, 0.088, 0.095));
    let jaw = ellipsoid(p, vec3(0.0, -0.040, 0.022), vec3(0.057, 0.077, 0.066));
    let corner = ball(p, vec3(0.040, -0.064, 0.016), 0.020);
    let chin = ball(p, vec3(0.0, -0.097, 0.064), 0.0185);
    let cheek = ellipsoid(p, vec3(0.042, -0.026, 0.052), vec3(0.022, 0.018, 0.020));
    let head = join(join(cranium, jaw, 0.040), corner, 0.034);
    join(join(head, chin, 0.032), cheek, 0.028)
}

fn features(p: Vec3, skull: f32) -> f32 {
    let brow = bar(p, vec3(0.008, 0.016, 0.081), vec3(0.040, 0.017, 0.067), 0.008, 0.004);
    let socket = ellipsoid(p, vec3(0.032, -0.003, 0.091), vec3(0.019, 0.012, 0.020));
    let eye = ball(p, vec3(0.031, -0.004, 0.0655), 0.0135);
    let lid = bar(p, vec3(0.019, -0.007, 0.0775), vec3(0.044, -0.008, 0.0705), 0.0022, 0.0016);
    let bridge = bar(p, vec3(0.0, 0.010, 0.0785), vec3(0.0, -0.033, 0.103), 0.0072, 0.0085);
    let tip = ball(p, vec3(0.0, -0.038, 0.106), 0.0105);
    let wing = ellipsoid(p, vec3(0.0115, -0.042, 0.094), vec3(0.0075, 0.0065, 0.010));
    let nostril = ball(p, vec3(0.0062, -0.0495, 0.101), 0.0034);
    let mouth = bar(p, vec3(0.0, -0.0725, 0.0945), vec3(0.021, -0.0735, 0.083), 0.0010, 0.0006);
    let mut face = join(skull, brow, 0.018);
    face = carve(face, socket, 0.016);
    face = join(join(face, eye, 0.004), lid, 0.005);
    face = join(face, bridge, 0.020);
    face = join(face, join(tip, wing, 0.008), 0.010);
    face = carve(face, nostril, 0.004);
    carve(join(face, lips(p), 0.006), mouth, 0.005)
}

fn ear(p: Vec3) -> f32 {
    let shell = ellipsoid(p, vec3(0.074, -0.006, -0.012), vec3(0.008, 0.029, 0.017));
    let bowl = ellipsoid(p, vec3(0.083, -0.004, -0.006), vec3(0.006, 0.018, 0.009));
    carve(shell, bowl, 0.006)
}

fn lips(p: Vec3) -> f32 {
    let upper = bar(p, vec3(0.006, -0.0685, 0.0875), vec3(0.0215, -0.0730, 0.0785), 0.0046, 0.0024);
    let lower = bar(p, vec3(0.0, -0.0785, 0.0865), vec3(0.0185, -0.0757, 0.0792), 0.0060, 0.0026);
    upper.min(lower)
}

/// Short hair swept back from the forehead.
fn hair(point: Vec3) -> f32 {
    let p = point - HEAD;
    let mass = ellipsoid(p, vec3(0.0, 0.042, -0.020), vec3(0.0815, 0.096, 0.1025));
    let nape = ellipsoid(p, vec3(0.0, -0.02, -0.055), vec3(0.062, 0.060, 0.052));
    let quiff = ellipsoid(p, vec3(0.0, 0.098, 0.044), vec3(0.052, 0.026, 0.036));
    let side = ellipsoid(p, vec3(0.092, -0.058, 0.004), vec3(0.040, 0.070, 0.046));
    carve(carve(join(join(mass, nape, 0.02), quiff, 0.03), opening(p), 0.012), side, 0.010)
}

/// The face, cut out of the hair.
fn opening(p: Vec3) -> f32 {
    ellipsoid(p, vec3(0.0, -0.040, 0.090), vec3(0.074, 0.106, 0.085))
}

/// From 0 between two locks to 1 on top of one. They run front to back, fanned around the crown.
fn locks(p: Vec3) -> f32 {
    let fan = p.x / (p.x.abs() + (p.y - 0.02).abs() + 0.004);
    let strand = fan * 11.0 + p.z * 9.0 * (1.0 - fan) + 0.5 * ridge(p.z * 7.0 + fan * 2.0);
    let lock = 0.65 * ridge(strand) + 0.35 * ridge(strand * 2.7 + p.z * 5.0);
    // They rise from the hairline.
    lock * smoothstep(0.001, 0.012, opening(p))
}

/// From 0 between two ribs to 1 on top of one: upright on the collar, faded out below it.
fn ribs(point: Vec3) -> f32 {
    let around = point.x / (point.x.abs() + (point.z + 0.03).abs() + 0.001);
    ridge(around * 22.0) * smoothstep(-0.165, -0.120, point.y)
}

/// Parabolic arches of period one, with creases between them.
fn ridge(at: f32) -> f32 {
    let share = at - at.floor();
    4.0 * share * (1.0 - share)
}

fn garment(point: Vec3) -> f32 {
    let collar = bar(point, vec3(0.0, -0.070, -0.024), vec3(0.0, -0.18, -0.035), 0.0575, 0.068);
    let rim = point.y + 0.077 - 0.12 * (point.z + 0.02);
    let shoulder = bar(point, vec3(0.0, -0.180, -0.035), vec3(0.150, -0.226, -0.030), 0.058, 0.056);
    let chest = ellipsoid(point, vec3(0.0, -0.37, -0.02), vec3(0.168, 0.24, 0.112));
    let arm = bar(point, vec3(0.168, -0.24, -0.030), vec3(0.198, -0.67, -0.015), 0.050, 0.046);
    let trunk = bar(point, vec3(0.0, -0.37, -0.02), vec3(0.0, -0.63, -0.02), 0.10, 0.09);
    let body = join(join(shoulder, chest, 0.07), join(arm, trunk, 0.03), 0.025);
    join(carve(collar, -rim, 0.008), body, 0.045)
}
