//! The subject: a sphere, a bust or a product, as a signed distance and a material.

mod bust;
mod material;
mod product;
mod shape;

use crate::colour::scrambled;
use crate::field::Bounds;
use crate::palette::{Paint, Palette};
use crate::vec3::{Vec3, vec3};

pub(crate) use material::Material;

/// A neutral subject.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Subject {
    /// A glazed ball: the simplest subject that shows every light.
    Sphere,
    /// Head and shoulders.
    Bust,
    /// A bottle of tinted glass with a cap.
    Product,
}

/// Words that choose the bust.
const PEOPLE: &[&str] = &[
    "actor",
    "actress",
    "artist",
    "bride",
    "boy",
    "boxer",
    "bust",
    "chef",
    "child",
    "dancer",
    "doctor",
    "face",
    "fashion",
    "gentleman",
    "girl",
    "groom",
    "hair",
    "head",
    "headshot",
    "human",
    "lady",
    "makeup",
    "man",
    "men",
    "model",
    "musician",
    "people",
    "person",
    "portrait",
    "singer",
    "skin",
    "smile",
    "woman",
    "women",
    "worker",
];

/// Words that choose the ball.
const ROUND: &[&str] = &["apple", "ball", "globe", "moon", "orb", "pearl", "planet", "sphere"];

impl Subject {
    /// Every subject, by its name on the command line.
    pub const NAMED: [(&'static str, Subject); 3] =
        [("sphere", Subject::Sphere), ("bust", Subject::Bust), ("product", Subject::Product)];

    /// The best subject for `prompt`: a person is a bust, an object is a product, something round
    /// is a sphere. The first deciding word wins.
    pub fn from_prompt(prompt: &str) -> Subject {
        let lower = prompt.to_lowercase();
        let mut words = lower.split(|character: char| !character.is_alphanumeric());
        let stand_in = words.find_map(|word| match word.strip_suffix('s') {
            _ if PEOPLE.contains(&word) => Some(Subject::Bust),
            _ if ROUND.contains(&word) => Some(Subject::Sphere),
            Some(one) if PEOPLE.contains(&one) => Some(Subject::Bust),
            Some(one) if ROUND.contains(&one) => Some(Subject::Sphere),
            Some(_) | None => None,
        });
        stand_in.unwrap_or(Subject::Product)
    }
}

/// A subject in its pose.
pub(crate) struct Figure {
    subject: Subject,
    paint: Paint,
    /// Sine and cosine of its rotation around the vertical.
    turn: (f32, f32),
}

/// Radius of the ball, in metres.
const SPHERE_RADIUS: f32 = 0.17;

impl Figure {
    /// `seed` turns the subject a little, for variety.
    pub(crate) fn new(subject: Subject, palette: Palette, seed: u64) -> Figure {
        let bits = scrambled((seed ^ (seed >> 32)) as u32 ^ 0x5eed);
        let share = f64::from(bits) / f64::from(u32::MAX);
        let degrees = match subject {
            Subject::Sphere => 0.0,
            Subject::Bust => -2.0 + 12.0 * share,
            Subject::Product => 12.0 + 14.0 * share,
        };
        let (sin, cos) = degrees.to_radians().sin_cos();
        Figure { subject, paint: palette.paint(), turn: (sin as f32, cos as f32) }
    }

    /// Metres from the subject's centre down to the floor.
    pub(crate) fn floor(&self) -> f32 {
        match self.subject {
            Subject::Sphere => -SPHERE_RADIUS,
            Subject::Bust => -(domain::camera::SUBJECT_HEIGHT_M as f32),
            Subject::Product => product::BASE,
        }
    }

    /// The share of light that passes through it into its shadow.
    pub(crate) fn translucency(&self) -> Vec3 {
        match self.subject {
            Subject::Sphere | Subject::Bust => Vec3::ZERO,
            Subject::Product => product::hue(&self.paint) * 0.35,
        }
    }

    /// Metres on the short side of the frame at the subject.
    pub(crate) fn framed(&self) -> f32 {
        match self.subject {
            Subject::Sphere => 0.62,
            Subject::Bust => 0.52,
            Subject::Product => 0.50,
        }
    }

    /// Metres from the centre towards the camera where the lens is focused.
    pub(crate) fn focus(&self) -> f32 {
        match self.subject {
            Subject::Sphere => 0.12,
            Subject::Bust => 0.08,
            Subject::Product => 0.05,
        }
    }

    /// A box around the subject, with room for its rotation.
    pub(crate) fn bounds(&self) -> Bounds {
        match self.subject {
            Subject::Sphere => {
                let reach = SPHERE_RADIUS + 0.02;
                Bounds { low: vec3(-reach, -reach, -reach), high: vec3(reach, reach, reach) }
            }
            Subject::Bust => bust::BOUNDS,
            Subject::Product => product::BOUNDS,
        }
    }

    /// Metres from `point` to the surface, negative inside.
    pub(crate) fn distance(&self, point: Vec3) -> f32 {
        let point = self.turned(point);
        match self.subject {
            Subject::Sphere => point.length() - SPHERE_RADIUS,
            Subject::Bust => bust::distance(point),
            Subject::Product => product::distance(point),
        }
    }

    /// The material of the surface at `point`, and its outward normal.
    pub(crate) fn surface(&self, point: Vec3) -> (Material, Vec3) {
        let own = self.turned(point);
        match self.subject {
            Subject::Sphere => (Material::Glaze { albedo: self.paint.primary }, point.normalized()),
            Subject::Bust => {
                let part = bust::part(own);
                let normal = gradient(own, |at| bust::detailed(part, at));
                (bust::material(part, own, &self.paint), self.turned_back(normal))
            }
            Subject::Product => {
                let part = product::part(own);
                let normal = gradient(own, |at| product::detailed(part, at));
                (product::material(part, &self.paint), self.turned_back(normal))
            }
        }
    }

    /// `point` in the subject's own frame.
    fn turned(&self, point: Vec3) -> Vec3 {
        let (sin, cos) = self.turn;
        vec3(cos * point.x - sin * point.z, point.y, sin * point.x + cos * point.z)
    }

    /// A direction from the subject's own frame in the studio's.
    fn turned_back(&self, own: Vec3) -> Vec3 {
        let (sin, cos) = self.turn;
        vec3(cos * own.x + sin * own.z, own.y, cos * own.z - sin * own.x)
    }
}

/// The direction in which `distance` grows, from four samples at the corners of a tetrahedron.
fn gradient(point: Vec3, distance: impl Fn(Vec3) -> f32) -> Vec3 {
    const REACH_M: f32 = 0.0008;
    let corners =
        [vec3(1.0, -1.0, -1.0), vec3(-1.0, -1.0, 1.0), vec3(-1.0, 1.0, -1.0), vec3(1.0, 1.0, 1.0)];
    let sum = corners
        .into_iter()
        .fold(Vec3::ZERO, |sum, corner| sum + corner * distance(point + corner * REACH_M));
    sum.normalized()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::field::Field;

    #[test]
    fn a_prompt_finds_its_stand_in() {
        let table = [
            ("A moody portrait of an old fisherman", Subject::Bust),
            ("two women, laughing", Subject::Bust),
            ("perfume bottle on marble", Subject::Product),
            ("a wooden chair", Subject::Product),
            ("glass orbs in fog", Subject::Sphere),
            ("", Subject::Product),
        ];
        for (prompt, subject) in table {
            assert_eq!(Subject::from_prompt(prompt), subject, "{prompt}");
        }
    }

    #[test]
    fn every_figure_is_inside_its_box_and_on_its_floor() {
        for (name, subject) in Subject::NAMED {
            let figure = Figure::new(subject, Palette::default(), 7);
            let Bounds { low, high } = figure.bounds();
            for step in 0..4_000_u32 {
                let share = |salt: u32| scrambled(step * 3 + salt) as f32 / u32::MAX as f32;
                let inside = low + (high - low) * vec3(share(0), share(1), share(2));
                let on_face = vec3(
                    if step % 3 == 0 { [low.x, high.x][step as usize / 3 % 2] } else { inside.x },
                    if step % 3 == 1 { high.y } else { inside.y },
                    if step % 3 == 2 { [low.z, high.z][step as usize / 3 % 2] } else { inside.z },
                );
                assert!(figure.distance(on_face) > 0.0, "{name} leaves its box at {on_face:?}");
            }
        }
    }

    #[test]
    fn the_sampled_field_is_the_figure() {
        for (name, subject) in Subject::NAMED {
            let figure = Figure::new(subject, Palette::default(), 7);
            let Bounds { low, high } = figure.bounds();
            let field = Field::bake(figure.bounds(), 0.0055, |point| figure.distance(point));
            for step in 0..200_000_u32 {
                let share = |salt: u32| scrambled(step * 3 + salt) as f32 / u32::MAX as f32;
                let point = low + (high - low) * vec3(share(0), share(1), share(2));
                let (exact, sampled) = (figure.distance(point), field.distance(point));
                if (-0.001..0.01).contains(&exact) {
                    assert!(
                        (exact - sampled).abs() < 0.0025,
                        "{name} {point:?}: {exact} {sampled}"
                    );
                }
            }
        }
    }
}
