//! The backdrop: paper that runs from the floor through a curve up the wall.

use domain::lighting::Backdrop;

use crate::colour;
use crate::vec3::{Vec3, exp2, vec3};

/// Beyond this many metres the studio is dark.
const FARTHEST_M: f32 = 25.0;

/// A cyclorama, endless to both sides.
pub(crate) struct Sweep {
    floor: f32,
    /// Metres behind the subject.
    depth: f32,
    /// Radius of the curve between floor and wall.
    curve: f32,
    albedo: Vec3,
    falloff_stops: f32,
    /// Metres from the middle of the visible backdrop to its corner.
    corner: f32,
}

impl Sweep {
    /// Paper over `floor`, of which the camera sees a half-diagonal of `corner` metres.
    pub(crate) fn new(backdrop: &Backdrop, floor: f32, corner: f32) -> Sweep {
        let depth = backdrop.distance as f32;
        Sweep {
            floor,
            depth,
            curve: (depth * 0.6).min(0.9),
            albedo: colour::linear(backdrop.colour.srgb()),
            falloff_stops: backdrop.falloff as f32,
            corner,
        }
    }

    pub(crate) fn depth(&self) -> f32 {
        self.depth
    }

    /// The hit of a ray on the paper: its parameter and the normal there. Rays that run up or
    /// towards the camera's side may leave the studio.
    pub(crate) fn hit(&self, origin: Vec3, direction: Vec3) -> Option<(f32, Vec3)> {
        self.met(origin, direction).filter(|(t, _)| *t < FARTHEST_M)
    }

    fn met(&self, origin: Vec3, direction: Vec3) -> Option<(f32, Vec3)> {
        if direction.y < -1e-6 {
            let t = (self.floor - origin.y) / direction.y;
            if t > 0.0 && origin.z + direction.z * t >= self.curve - self.depth {
                return Some((t, vec3(0.0, 1.0, 0.0)));
            }
        }
        if direction.z < -1e-6 {
            let t = (-self.depth - origin.z) / direction.z;
            if t > 0.0 && origin.y + direction.y * t >= self.floor + self.curve {
                return Some((t, vec3(0.0, 0.0, 1.0)));
            }
        }
        self.hit_curve(origin, direction)
    }

    /// The far side of the cylinder that rounds the corner.
    fn hit_curve(&self, origin: Vec3, direction: Vec3) -> Option<(f32, Vec3)> {
        let (y, z) = (origin.y - self.floor - self.curve, origin.z + self.depth - self.curve);
        let a = direction.y * direction.y + direction.z * direction.z;
        let b = y * direction.y + z * direction.z;
        let c = y * y + z * z - self.curve * self.curve;
        let root = b * b - a * c;
        if a < 1e-9 || root < 0.0 {
            return None;
        }
        let t = (-b + root.sqrt()) / a;
        let (at_y, at_z) = (y + direction.y * t, z + direction.z * t);
        (t > 0.0 && at_y <= 1e-4 && at_z <= 1e-4)
            .then(|| (t, vec3(0.0, -at_y, -at_z) * (1.0 / self.curve)))
    }

    /// Reflectance at `point`, darkened towards the edge of the frame as flags would.
    pub(crate) fn albedo(&self, point: Vec3) -> Vec3 {
        let behind = (-point.z / self.depth).clamp(0.0, 1.0);
        let from_axis = (point.x * point.x + point.y * point.y).sqrt() / self.corner;
        let flagged = (from_axis * from_axis * behind).min(2.0);
        self.albedo * exp2(-self.falloff_stops * flagged)
    }
}
