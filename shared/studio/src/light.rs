//! A light of the rig as a square, glowing panel.

use domain::lighting::{Light, LightRole};

use crate::colour;
use crate::vec3::{Vec3, vec3};

/// Minimum height of a light above the floor, in metres; a lower one is raised.
const CLEARANCE_M: f32 = 0.05;

/// A panel that shines forward, brightest straight ahead.
pub(crate) struct Panel {
    position: Vec3,
    /// Its facing direction, and two sides of its face.
    axis: Vec3,
    across: Vec3,
    up: Vec3,
    half: f32,
    /// Irradiance on the metered point times the square of its distance.
    power: Vec3,
}

/// The effect of one panel on one point.
pub(crate) struct Arrival {
    /// Direction to the panel's centre.
    pub(crate) direction: Vec3,
    pub(crate) distance: f32,
    /// Half the panel's width over the distance.
    pub(crate) spread: f32,
    /// Irradiance on a surface that faces the panel. One makes white paper white.
    pub(crate) irradiance: Vec3,
}

impl Panel {
    /// The panel for `light`, above a floor at `floor`, with a backdrop `backdrop_m` behind.
    pub(crate) fn new(light: &Light, floor: f32, backdrop_m: f32) -> Panel {
        let (sin_a, cos_a) = light.azimuth.to_radians().sin_cos();
        let (sin_e, cos_e) = light.elevation.to_radians().sin_cos();
        let distance = light.distance;
        let mut position = vec3(
            (sin_a * cos_e * distance) as f32,
            (sin_e * distance) as f32,
            (cos_a * cos_e * distance) as f32,
        );
        let half = (light.size / 2.0) as f32;
        position.y = position.y.max(floor + CLEARANCE_M);
        let target = match light.role {
            LightRole::Background => {
                // A panel behind the paper would light nothing, so it is moved in front of it.
                position.z = position.z.max(0.3 - backdrop_m);
                vec3(position.x * 0.3, position.y * 0.5, -backdrop_m)
            }
            LightRole::Key | LightRole::Fill | LightRole::Rim | LightRole::Hair => Vec3::ZERO,
        };
        let away = target - position;
        let axis = away.normalized();
        let pole = if axis.y.abs() > 0.97 { vec3(0.0, 0.0, 1.0) } else { vec3(0.0, 1.0, 0.0) };
        let across = pole.cross(axis).normalized();
        let metered = away.dot(away) + half * half;
        let strength = light.intensity.exp2() as f32;
        Panel {
            position,
            axis,
            across,
            up: axis.cross(across),
            half,
            power: colour::of_kelvin(light.colour) * (strength * metered),
        }
    }

    /// The light arriving at `point`, or `None` behind the panel.
    pub(crate) fn arrival(&self, point: Vec3) -> Option<Arrival> {
        let to = self.position - point;
        let square = to.dot(to).max(1e-6);
        let distance = square.sqrt();
        let direction = to * (1.0 / distance);
        let ahead = -direction.dot(self.axis);
        (ahead > 0.0).then(|| Arrival {
            direction,
            distance,
            spread: self.half / distance,
            irradiance: self.power * (ahead / (square + self.half * self.half)),
        })
    }

    /// The light seen by a ray that hits the panel's face. The edge is blurred by the `roughness`
    /// of the surface that mirrors it.
    pub(crate) fn seen(&self, origin: Vec3, direction: Vec3, roughness: f32) -> Vec3 {
        let ahead = -direction.dot(self.axis);
        if ahead <= 0.02 {
            return Vec3::ZERO;
        }
        let t = (origin - self.position).dot(self.axis) / ahead;
        if t <= 0.0 {
            return Vec3::ZERO;
        }
        let at = origin + direction * t - self.position;
        let blur = self.half * 0.04 + roughness * t;
        let (x, y) = (at.dot(self.across).abs(), at.dot(self.up).abs());
        let inside = |offset: f32| {
            let share = ((self.half + blur - offset) / (2.0 * blur)).clamp(0.0, 1.0);
            share * share * (3.0 - 2.0 * share)
        };
        // The diffuser is brighter in the middle than at its frame.
        let centre = 1.25 - 0.5 * ((x * x + y * y) / (2.0 * self.half * self.half)).min(1.0);
        let covered = self.half / (self.half + blur);
        let area = 4.0 * self.half * self.half;
        let share = inside(x) * inside(y) * centre * covered * covered;
        self.power * (share * std::f32::consts::PI / area)
    }
}
