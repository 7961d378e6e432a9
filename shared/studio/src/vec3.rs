//! Three floats: a point or direction in metres, or a colour in linear sRGB.
//!
//! Only the four operations and square roots are used on them, which every processor rounds alike:
//! so a picture has the same bytes everywhere.

use std::ops::{Add, AddAssign, Mul, Neg, Sub};

/// Three floats.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(crate) struct Vec3 {
    pub(crate) x: f32,
    pub(crate) y: f32,
    pub(crate) z: f32,
}

/// `Vec3 { x, y, z }`, shorter.
pub(crate) const fn vec3(x: f32, y: f32, z: f32) -> Vec3 {
    Vec3 { x, y, z }
}

impl Vec3 {
    pub(crate) const ZERO: Vec3 = vec3(0.0, 0.0, 0.0);
    pub(crate) const ONE: Vec3 = vec3(1.0, 1.0, 1.0);

    pub(crate) fn dot(self, other: Vec3) -> f32 {
        self.x * other.x + self.y * other.y + self.z * other.z
    }

    pub(crate) fn cross(self, other: Vec3) -> Vec3 {
        vec3(
            self.y * other.z - self.z * other.y,
            self.z * other.x - self.x * other.z,
            self.x * other.y - self.y * other.x,
        )
    }

    pub(crate) fn length(self) -> f32 {
        self.dot(self).sqrt()
    }

    /// The same direction with length one. The zero vector stays zero.
    pub(crate) fn normalized(self) -> Vec3 {
        let length = self.length();
        if length > 0.0 { self * (1.0 / length) } else { self }
    }

    pub(crate) fn map(self, f: impl Fn(f32) -> f32) -> Vec3 {
        vec3(f(self.x), f(self.y), f(self.z))
    }

    pub(crate) fn abs(self) -> Vec3 {
        self.map(f32::abs)
    }

    /// The larger of each coordinate, and that of `other` for NaN.
    pub(crate) fn max(self, other: Vec3) -> Vec3 {
        // Unlike `f32::max` this is one instruction.
        let larger = |a: f32, b: f32| if a > b { a } else { b };
        vec3(larger(self.x, other.x), larger(self.y, other.y), larger(self.z, other.z))
    }

    /// The smaller of each coordinate, and that of `other` for NaN.
    pub(crate) fn min(self, other: Vec3) -> Vec3 {
        let smaller = |a: f32, b: f32| if a < b { a } else { b };
        vec3(smaller(self.x, other.x), smaller(self.y, other.y), smaller(self.z, other.z))
    }

    pub(crate) fn largest(self) -> f32 {
        self.x.max(self.y).max(self.z)
    }

    /// This direction mirrored on the plane with `normal`.
    pub(crate) fn reflected(self, normal: Vec3) -> Vec3 {
        self - normal * (2.0 * self.dot(normal))
    }

    /// This direction after entering a medium of relative index `1 / eta`, or `None` on total
    /// reflection (Snell's law).
    pub(crate) fn refracted(self, normal: Vec3, eta: f32) -> Option<Vec3> {
        let cos = -self.dot(normal);
        let left = 1.0 - eta * eta * (1.0 - cos * cos);
        (left >= 0.0).then(|| self * eta + normal * (eta * cos - left.sqrt()))
    }

    pub(crate) fn lerp(self, other: Vec3, share: f32) -> Vec3 {
        self + (other - self) * share
    }

    /// Rec. 709 luminance of a colour.
    pub(crate) fn luminance(self) -> f32 {
        self.dot(vec3(0.2126, 0.7152, 0.0722))
    }
}

impl Add for Vec3 {
    type Output = Vec3;
    fn add(self, other: Vec3) -> Vec3 {
        vec3(self.x + other.x, self.y + other.y, self.z + other.z)
    }
}

impl AddAssign for Vec3 {
    fn add_assign(&mut self, other: Vec3) {
        *self = *self + other;
    }
}

impl Sub for Vec3 {
    type Output = Vec3;
    fn sub(self, other: Vec3) -> Vec3 {
        vec3(self.x - other.x, self.y - other.y, self.z - other.z)
    }
}

impl Mul for Vec3 {
    type Output = Vec3;
    fn mul(self, other: Vec3) -> Vec3 {
        vec3(self.x * other.x, self.y * other.y, self.z * other.z)
    }
}

impl Mul<f32> for Vec3 {
    type Output = Vec3;
    fn mul(self, scale: f32) -> Vec3 {
        vec3(self.x * scale, self.y * scale, self.z * scale)
    }
}

impl Neg for Vec3 {
    type Output = Vec3;
    fn neg(self) -> Vec3 {
        self * -1.0
    }
}

/// 0 at `low` and before, 1 at `high` and beyond, smooth between; `low` may be the larger.
pub(crate) fn smoothstep(low: f32, high: f32, value: f32) -> f32 {
    let t = ((value - low) / (high - low)).clamp(0.0, 1.0);
    t * t * (3.0 - 2.0 * t)
}

/// `2^value` for `value` in -100..=100, within one part in ten thousand.
pub(crate) fn exp2(value: f32) -> f32 {
    let value = value.clamp(-100.0, 100.0);
    let whole = value.floor();
    let part = value - whole;
    let power = 1.0 + part * (0.695_976 + part * (0.224_94 + part * 0.079_02));
    f32::from_bits(((whole as i32 + 127) as u32) << 23) * power
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn powers_of_two_are_close() {
        for step in -400..=400 {
            let value = step as f32 / 20.0;
            let exact = f64::from(value).exp2() as f32;
            assert!((exp2(value) / exact - 1.0).abs() < 3e-4, "{value}");
        }
    }

    #[test]
    fn light_bends_towards_the_normal_in_glass() {
        let up = vec3(0.0, 1.0, 0.0);
        let slanted = vec3(1.0, -1.0, 0.0).normalized();
        let inside = slanted.refracted(up, 1.0 / 1.5).unwrap();
        assert!((inside.x - slanted.x / 1.5).abs() < 1e-6);
        assert!(vec3(1.0, -0.1, 0.0).normalized().refracted(up, 1.5).is_none());
    }
}
