//! Colours of light, of paper, and of the finished pixel.

use crate::vec3::{Vec3, vec3};

/// The white balance of the camera: light of this temperature is neutral.
const WHITE_BALANCE_KELVIN: f64 = 5_600.0;
/// The share of the true tint that remains after the adaptation of eye and raw converter.
const TINT_KEPT: f32 = 0.72;

/// sRGB bytes as linear light.
pub(crate) fn linear(srgb: [u8; 3]) -> Vec3 {
    let [r, g, b] = srgb.map(|byte| {
        let value = f64::from(byte) / 255.0;
        let light =
            if value <= 0.040_45 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) };
        light as f32
    });
    vec3(r, g, b)
}

/// The colour of a light of `kelvin` under a daylight white balance, of luminance one.
pub(crate) fn of_kelvin(kelvin: u32) -> Vec3 {
    let tint = planckian(f64::from(kelvin));
    let white = planckian(WHITE_BALANCE_KELVIN);
    let balanced = vec3(tint.x / white.x, tint.y / white.y, tint.z / white.z);
    let kept = Vec3::ONE.lerp(balanced, TINT_KEPT).max(vec3(0.02, 0.02, 0.02));
    kept * (1.0 / kept.luminance())
}

/// Linear sRGB of a black body (Kim et al. 2002, cubic fit of the Planckian locus, 1667 K up).
fn planckian(kelvin: f64) -> Vec3 {
    let t = 1_000.0 / kelvin.clamp(1_667.0, 25_000.0);
    let x = if t >= 0.25 {
        ((-0.266_123_9 * t - 0.234_358_9) * t + 0.877_695_6) * t + 0.179_910
    } else {
        ((-3.025_846_9 * t + 2.107_037_9) * t + 0.222_634_7) * t + 0.240_390
    };
    let y = if t >= 1_000.0 / 2_222.0 {
        ((-1.106_381_4 * x - 1.348_110_2) * x + 2.185_558_32) * x - 0.202_196_83
    } else if t >= 0.25 {
        ((-0.954_947_6 * x - 1.374_185_93) * x + 2.091_370_15) * x - 0.167_488_67
    } else {
        ((3.081_758_0 * x - 5.873_386_7) * x + 3.751_129_97) * x - 0.370_014_83
    };
    let (big_x, big_z) = (x / y, (1.0 - x - y) / y);
    vec3(
        (3.240_454_2 * big_x - 1.537_138_5 - 0.498_531_4 * big_z) as f32,
        (-0.969_266_0 * big_x + 1.876_010_8 + 0.041_556_0 * big_z) as f32,
        (0.055_643_4 * big_x - 0.204_025_9 + 1.057_225_2 * big_z) as f32,
    )
    .max(vec3(0.001, 0.001, 0.001))
}

/// From scene light to eight bits: a filmic curve, the sRGB transfer function and dithering.
pub(crate) struct Film {
    /// The sRGB transfer by the square root of linear light, so that the shadows get most entries.
    transfer: Vec<f32>,
    seed: u32,
}

const TRANSFER_STEPS: usize = 2_048;

impl Film {
    /// Film whose dither pattern follows from `seed`.
    pub(crate) fn new(seed: u64) -> Film {
        let transfer = (0..=TRANSFER_STEPS + 1)
            .map(|step| {
                let root = step as f64 / TRANSFER_STEPS as f64;
                let light = root * root;
                let value = if light <= 0.003_130_8 {
                    light * 12.92
                } else {
                    1.055 * light.powf(1.0 / 2.4) - 0.055
                };
                (value * 255.0) as f32
            })
            .collect();
        Film { transfer, seed: (seed ^ (seed >> 32)) as u32 }
    }

    /// The pixel at `x`, `y` for scene light `light`, where 0.18 is middle grey.
    pub(crate) fn develop(&self, light: Vec3, x: u32, y: u32) -> [u8; 3] {
        // Very bright colours wash out towards white, as on film.
        let peak = light.largest();
        let washed = light.lerp(vec3(peak, peak, peak), (0.10 * (peak - 0.8)).clamp(0.0, 0.6));
        let noise = triangular(x, y, self.seed);
        [washed.x, washed.y, washed.z].map(|channel| {
            let root = curve(channel.max(0.0)).sqrt() * TRANSFER_STEPS as f32;
            let index = (root as usize).min(TRANSFER_STEPS);
            let [low, high] = [self.transfer[index], self.transfer[index + 1]];
            let value = low + (high - low) * (root - index as f32);
            (value + noise + 0.5).clamp(0.0, 255.0) as u8
        })
    }
}

/// Tone curve: a toe that deepens the shadows, middle grey unchanged, and a shoulder that still
/// separates three stops above it from white (Narkowicz's fit of the ACES curve).
fn curve(light: f32) -> f32 {
    let x = light * 0.76;
    (x * (2.51 * x + 0.03) / (x * (2.43 * x + 0.59) + 0.14)).clamp(0.0, 1.0)
}

/// Triangular noise in -1..1: dither that leaves neither bands nor visible grain in eight bits.
fn triangular(x: u32, y: u32, seed: u32) -> f32 {
    let bits = scrambled(x.wrapping_mul(0x9e37_79b1) ^ y.wrapping_mul(0x85eb_ca77) ^ seed);
    ((bits & 0xffff) as f32 - (bits >> 16) as f32) / 65_536.0
}

/// A well-mixing permutation of 32 bits (Wellons' `lowbias32`).
pub(crate) fn scrambled(mut bits: u32) -> u32 {
    bits ^= bits >> 16;
    bits = bits.wrapping_mul(0x7feb_352d);
    bits ^= bits >> 15;
    bits = bits.wrapping_mul(0x846c_a68b);
    bits ^ (bits >> 16)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn warm_is_red_cool_is_blue_and_daylight_is_neutral() {
        let warm = of_kelvin(3_200);
        assert!(warm.x > warm.y && warm.y > warm.z, "{warm:?}");
        let cool = of_kelvin(9_000);
        assert!(cool.z > cool.y && cool.y > cool.x, "{cool:?}");
        assert!((of_kelvin(5_600) - Vec3::ONE).length() < 0.01);
    }

    #[test]
    fn film_is_monotonic_from_black_to_white() {
        let values: Vec<f32> = (0..900).map(|step| curve(step as f32 / 100.0)).collect();
        assert!(values.windows(2).all(|pair| pair[0] <= pair[1]));
        assert!(values[0].abs() < 1e-6 && values[899] > 0.97);
        let grey = Film::new(1).develop(vec3(0.18, 0.18, 0.18), 0, 0);
        assert!((100..=135).contains(&grey[0]), "{grey:?}");
    }
}
