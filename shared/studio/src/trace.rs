//! Light transport along one ray of the camera.
//!
//! Nothing here is random. A panel is not sampled at points but treated as the cone it fills: a
//! shadow is the share of that cone which the distance field leaves open, a highlight is the
//! panel's mirror image. So there is no noise to average away.

use crate::field::Field;
use crate::light::{Arrival, Panel};
use crate::subject::{Figure, Material};
use crate::sweep::Sweep;
use crate::vec3::{Vec3, exp2, smoothstep, vec3};

/// Limits of ray marching.
#[derive(Debug, Clone, Copy)]
pub(crate) struct TraceQuality {
    /// Most steps along a ray from the camera.
    pub(crate) primary_steps: u32,
    /// Exact-distance steps after the last one: the field is a little off.
    pub(crate) exact_steps: u32,
    /// Most steps along a ray to a light.
    pub(crate) shadow_steps: u32,
    /// Length of those steps, as a share of the free distance.
    pub(crate) shadow_stride: f32,
}

/// A scene, ready to trace.
pub(crate) struct Tracer<'scene> {
    pub(crate) figure: &'scene Figure,
    pub(crate) panels: &'scene [Panel],
    pub(crate) sweep: &'scene Sweep,
    pub(crate) field: &'scene Field,
    pub(crate) care: TraceQuality,
    /// Light that has bounced around the studio, from above and from below.
    pub(crate) ambient: (Vec3, Vec3),
    pub(crate) translucency: Vec3,
}

/// The hit of a ray.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Hit {
    pub(crate) light: Vec3,
    pub(crate) point: Vec3,
    pub(crate) normal: Vec3,
    /// Whether it is on the subject rather than on the paper.
    pub(crate) on_subject: bool,
}

/// Distance to the surface, in metres, at which a ray has arrived.
const ARRIVED_M: f32 = 0.000_4;
/// Where shadow rays start, beyond the field's error at the surface.
const SHADOW_START_M: f32 = 0.008;
/// Refractive index of glass, and the share it reflects head-on.
const GLASS_INDEX: f32 = 1.5;
const DIELECTRIC_REFLECTANCE: f32 = 0.04;
/// Light of the empty studio, seen where a ray leaves it.
const DARKNESS: Vec3 = vec3(0.012, 0.012, 0.013);

impl Tracer<'_> {
    /// How far a bundle of rays from `origin` is certain to miss the subject, or `None` if it
    /// misses it altogether. At distance one the bundle is `spread` wide to every side of `axis`.
    pub(crate) fn clearance(&self, origin: Vec3, axis: Vec3, spread: f32) -> Option<f32> {
        let (mut t, leave) = self.field.reach(origin, axis, spread)?;
        for _ in 0..self.care.primary_steps {
            let free = self.field.distance(origin + axis * t) - spread * t;
            if free < ARRIVED_M {
                break;
            }
            t += free / (1.0 + spread);
            if t > leave {
                return None;
            }
        }
        Some(t)
    }

    /// The hit from `origin` in `direction` by a ray of a bundle with this `clearance`.
    pub(crate) fn trace(&self, origin: Vec3, direction: Vec3, clearance: Option<f32>) -> Hit {
        if let Some(point) = clearance.and_then(|start| self.meet(origin, direction, start)) {
            let (material, normal) = self.figure.surface(point);
            // Interpolated surfaces may face away at grazing angles; a visible one faces the eye.
            let against = normal.dot(direction);
            let normal = if against > 0.0 {
                (normal - direction * (against * 1.01)).normalized()
            } else {
                normal
            };
            let light = self.surface(material, point, normal, direction);
            return Hit { light, point, normal, on_subject: true };
        }
        match self.sweep.hit(origin, direction) {
            Some((t, normal)) => {
                let point = origin + direction * t;
                let light = self.paper(point, normal);
                Hit { light, point, normal, on_subject: false }
            }
            None => Hit {
                light: DARKNESS,
                point: origin + direction * 20.0,
                normal: -direction,
                on_subject: false,
            },
        }
    }

    /// Where the ray meets the subject, at or after `start`.
    fn meet(&self, origin: Vec3, direction: Vec3, start: f32) -> Option<Vec3> {
        let (enter, end) = self.field.bounds().clip(origin, direction)?;
        let mut t = enter.max(start);
        for _ in 0..self.care.primary_steps {
            let distance = self.field.distance(origin + direction * t);
            if distance < ARRIVED_M {
                for _ in 0..self.care.exact_steps {
                    t += self.figure.distance(origin + direction * t);
                }
                return Some(origin + direction * t);
            }
            t += distance;
            if t > end {
                return None;
            }
        }
        None
    }

    fn surface(&self, made_of: Material, point: Vec3, normal: Vec3, direction: Vec3) -> Vec3 {
        match made_of {
            Material::Skin { albedo } => {
                let scatter = vec3(0.15, 0.06, 0.035);
                let gloss = Gloss { alpha: 0.20, reflectance: 0.035 };
                self.matte(point, normal, direction, albedo, scatter, Some(gloss))
            }
            Material::Fabric { albedo } => {
                let facing = (-direction.dot(normal)).clamp(0.0, 1.0);
                let edge = (1.0 - facing) * (1.0 - facing) * (1.0 - facing);
                let albedo = albedo * (0.9 + 0.9 * edge);
                let gloss = Gloss { alpha: 0.5, reflectance: 0.03 };
                let scatter = vec3(0.06, 0.06, 0.06);
                self.matte(point, normal, direction, albedo, scatter, Some(gloss))
            }
            Material::Hair { albedo } => {
                let gloss = Gloss { alpha: 0.22, reflectance: 0.045 };
                let scatter = vec3(0.05, 0.05, 0.05);
                self.matte(point, normal, direction, albedo, scatter, Some(gloss))
            }
            Material::Glaze { albedo } => {
                let body = self.matte(point, normal, direction, albedo, Vec3::ZERO, None);
                let mirrored = self.mirrored(point, normal, direction, 0.015);
                body.lerp(mirrored, fresnel(-direction.dot(normal)))
            }
            Material::Metal { tint } => {
                let wide = self.mirrored(point, normal, direction, 0.16);
                let body = self.matte(point, normal, direction, tint * 0.25, Vec3::ZERO, None);
                wide * tint * 0.8 + body
            }
            Material::Glass { absorption } => self.glass(point, normal, direction, absorption),
        }
    }

    /// Diffuse light, softened at the terminator by `scatter` per channel, and a blurred gloss.
    fn matte(
        &self,
        point: Vec3,
        normal: Vec3,
        direction: Vec3,
        albedo: Vec3,
        scatter: Vec3,
        gloss: Option<Gloss>,
    ) -> Vec3 {
        let mut sum = albedo * self.bounced(point, normal);
        for arrival in self.panels.iter().filter_map(|panel| panel.arrival(point)) {
            let cos = normal.dot(arrival.direction);
            let reach = arrival.spread + scatter.x;
            if cos <= -reach {
                continue;
            }
            let open = self.openness(point, normal, &arrival, arrival.spread + 0.25 * scatter.x);
            if open <= 0.0 {
                continue;
            }
            let lit = vec3(
                horizon(cos, arrival.spread + scatter.x),
                horizon(cos, arrival.spread + scatter.y),
                horizon(cos, arrival.spread + scatter.z),
            );
            // Scattered light reddens the edge of a shadow.
            let edge = open * (1.0 - open);
            let open = vec3(open + edge * scatter.x * 1.2, open, open - edge * scatter.z * 0.8);
            sum += albedo * lit * open * arrival.irradiance;
            if let Some(gloss) = gloss {
                let shine = gloss.towards(normal, direction, &arrival);
                sum += arrival.irradiance * (shine * horizon(cos, arrival.spread) * open.y);
            }
        }
        sum
    }

    /// The paper, with the subject's shadow on it.
    fn paper(&self, point: Vec3, normal: Vec3) -> Vec3 {
        let near = smoothstep(-0.02, 0.16, self.field.distance(point));
        let mut light = self.sky(normal) * (0.25 + 0.75 * near);
        for arrival in self.panels.iter().filter_map(|panel| panel.arrival(point)) {
            let lit = horizon(normal.dot(arrival.direction), arrival.spread);
            if lit > 0.0 {
                let open = self.openness(point, normal, &arrival, arrival.spread);
                let open = Vec3::ONE * open + self.translucency * (1.0 - open);
                light += arrival.irradiance * open * lit;
            }
        }
        light * self.sweep.albedo(point)
    }

    /// The mirror image at `point`, blurred by `roughness`.
    fn mirrored(&self, point: Vec3, normal: Vec3, direction: Vec3, roughness: f32) -> Vec3 {
        let out = direction.reflected(normal);
        self.surroundings(point + normal * 0.002, out, roughness)
    }

    /// The studio around the subject: panels before paper before darkness.
    fn surroundings(&self, origin: Vec3, direction: Vec3, roughness: f32) -> Vec3 {
        let behind = match self.sweep.hit(origin, direction) {
            Some((t, normal)) => self.paper(origin + direction * t, normal),
            None => DARKNESS,
        };
        let panels = self.panels.iter().map(|panel| panel.seen(origin, direction, roughness));
        panels.fold(behind, |sum, seen| sum + seen)
    }

    /// Clear, tinted glass: one way in, at most one reflection inside, one way out.
    fn glass(&self, point: Vec3, normal: Vec3, direction: Vec3, absorption: Vec3) -> Vec3 {
        let reflected = self.mirrored(point, normal, direction, 0.01);
        let share = fresnel(-direction.dot(normal));
        let Some(mut inner) = direction.refracted(normal, 1.0 / GLASS_INDEX) else {
            return reflected;
        };
        let (mut at, mut centimetres) = (point, 0.0);
        let mut out = None;
        for _ in 0..2 {
            let from = at - normal * 0.001;
            let travelled = self.exit(from, inner);
            at = from + inner * travelled;
            centimetres += travelled * 100.0;
            let (material, wall) = self.figure.surface(at);
            if !matches!(material, Material::Glass { .. }) {
                break;
            }
            out = inner.refracted(-wall, GLASS_INDEX);
            if out.is_some() {
                break;
            }
            inner = inner.reflected(wall);
            at = at - wall * 0.001;
        }
        let passed = absorption.map(|halvings| exp2(-halvings * centimetres));
        let seen = match out {
            Some(out) => self.surroundings(at, out, 0.02),
            None => self.sky(normal) * 0.35,
        };
        // Light scattered by the body itself keeps dark glass from going black.
        let body = self.bounced(point, normal) * passed * 0.10;
        (seen * passed + body).lerp(reflected, share)
    }

    /// Metres to the inner wall of the subject.
    fn exit(&self, from: Vec3, direction: Vec3) -> f32 {
        let mut t = 0.002;
        for _ in 0..self.care.primary_steps {
            let depth = -self.field.distance(from + direction * t);
            if depth < ARRIVED_M {
                break;
            }
            t += depth;
        }
        t
    }

    /// Bounced light at `point`, reduced where the surface folds in on itself.
    fn bounced(&self, point: Vec3, normal: Vec3) -> Vec3 {
        let mut closed = 0.0;
        let mut weight = 1.0;
        for reach in [0.010, 0.025, 0.055, 0.11] {
            let free = self.field.distance(point + normal * reach);
            closed += weight * (reach - free).max(0.0) / reach;
            weight *= 0.6;
        }
        self.sky(normal) * (1.0 - 0.42 * closed).clamp(0.12, 1.0)
    }

    fn sky(&self, normal: Vec3) -> Vec3 {
        let (above, below) = self.ambient;
        below.lerp(above, 0.5 + 0.5 * normal.y)
    }

    /// The share of a panel that the subject does not hide from `point`.
    ///
    /// The ray to the panel is the axis of a cone whose opening is the panel. How far the cone
    /// overlaps the distance field says how much of it is covered (after Quilez and Aaltonen).
    /// Where the panel is partly below the horizon of the surface, the cone is that of the part
    /// above.
    fn openness(&self, point: Vec3, normal: Vec3, arrival: &Arrival, spread: f32) -> f32 {
        let cos = normal.dot(arrival.direction);
        let (direction, spread) = if cos < spread {
            let raised = arrival.direction + normal * ((spread - cos) * 0.5);
            (raised.normalized(), ((spread + cos) * 0.5).max(0.02))
        } else {
            (arrival.direction, spread)
        };
        let origin = point + normal * 0.003;
        let Some((enter, leave)) = self.field.reach(origin, direction, spread) else {
            return 1.0;
        };
        let mut t = enter.max(SHADOW_START_M);
        let end = leave.min(arrival.distance);
        let mut open = 1.0_f32;
        for _ in 0..self.care.shadow_steps {
            if t > end {
                break;
            }
            let free = self.field.distance(origin + direction * t);
            open = open.min(free / (spread * t));
            if open < -1.0 {
                return 0.0;
            }
            // A cone as wide as this one does not need shorter steps.
            t += free.abs().max(0.008 + 0.1 * spread * t) * self.care.shadow_stride;
        }
        let open = open.clamp(-1.0, 1.0);
        0.25 * (1.0 + open) * (1.0 + open) * (2.0 - open)
    }
}

/// A blurred highlight: GGX with Schlick's reflectance.
#[derive(Debug, Clone, Copy)]
struct Gloss {
    /// Square of the roughness.
    alpha: f32,
    /// Share reflected head-on.
    reflectance: f32,
}

impl Gloss {
    /// The share of the panel's irradiance that goes to the eye. A wide panel widens the lobe and
    /// moves light from its peak to its sides.
    fn towards(self, normal: Vec3, direction: Vec3, arrival: &Arrival) -> f32 {
        let half = (arrival.direction - direction).normalized();
        let cos_half = normal.dot(half).max(0.0);
        let facing = (-normal.dot(direction)).max(0.06);
        let lit = normal.dot(arrival.direction).max(0.06);
        let wide = (self.alpha + 0.4 * arrival.spread).min(1.0);
        let square = wide * wide;
        let base = cos_half * cos_half * (square - 1.0) + 1.0;
        let kept = self.alpha / wide;
        let lobe = square / (base * base) * (0.4 + 0.6 * kept);
        let rest = 1.0 - arrival.direction.dot(half).clamp(0.0, 1.0);
        let grazing = rest * rest * rest * rest * rest;
        let reflectance = self.reflectance + (1.0 - self.reflectance) * grazing * 0.6;
        let k = self.alpha * 0.5;
        let hidden = (facing * (1.0 - k) + k) * (lit * (1.0 - k) + k);
        (lobe * reflectance / (4.0 * hidden)).min(6.0)
    }
}

/// Share of a panel of half-width `spread` over distance whose centre is at `cos` over the surface,
/// times the cosine of its incidence: Lambert's cosine with a soft horizon.
fn horizon(cos: f32, spread: f32) -> f32 {
    if cos >= spread {
        cos
    } else if cos > -spread {
        (cos + spread) * (cos + spread) / (4.0 * spread)
    } else {
        0.0
    }
}

/// Schlick's reflectance of glass or glaze seen at `cos`.
fn fresnel(cos: f32) -> f32 {
    let rest = 1.0 - cos.clamp(0.0, 1.0);
    let square = rest * rest;
    DIELECTRIC_REFLECTANCE + (1.0 - DIELECTRIC_REFLECTANCE) * square * square * rest
}
