//! The camera: position, field of view and depth of field.

use domain::camera::CameraSettings;

use crate::vec3::{Vec3, vec3};

/// Half the short side of a full frame, in millimetres.
const HALF_SENSOR_MM: f32 = 12.0;
/// Minimum distance of the camera to the subject's centre, in metres.
const NEAREST_M: f32 = 0.34;
/// Minimum height of the lens over the floor, in metres.
const CLEARANCE_M: f32 = 0.04;

/// A pinhole for aiming and a lens for blurring.
pub(crate) struct View {
    pub(crate) eye: Vec3,
    right: Vec3,
    up: Vec3,
    forward: Vec3,
    /// Half the short side of the frame at distance one.
    slope: f32,
    /// Diameter of the entrance pupil in metres, times focal length over focus distance.
    blur: f32,
    /// Metres along the view at which the picture is sharp.
    focus: f32,
}

impl View {
    /// The view that shows `framed` metres on the short side at the subject's centre, focused
    /// `focus` metres in front of it, above a floor at `floor`.
    pub(crate) fn new(camera: &CameraSettings, framed: f32, focus: f32, floor: f32) -> View {
        let focal_mm = camera.focal_length_mm as f32;
        let slope = HALF_SENSOR_MM / focal_mm;
        let distance = (framed / 2.0 / slope).max(NEAREST_M);
        let (sin, cos) = camera.elevation_degrees().to_radians().sin_cos();
        let height = (sin as f32 * distance).max(floor + CLEARANCE_M);
        let eye = vec3(0.0, height, cos as f32 * distance);
        let forward = (-eye).normalized();
        let right = forward.cross(vec3(0.0, 1.0, 0.0)).normalized();
        let focus = eye.length() - focus;
        let focal_m = focal_mm / 1_000.0;
        let pupil = focal_m / camera.aperture as f32;
        View {
            eye,
            right,
            up: right.cross(forward),
            forward,
            slope,
            blur: pupil * focal_m / (focus - focal_m).max(0.05),
            focus,
        }
    }

    /// Metres from the camera to the subject's centre.
    pub(crate) fn distance(&self) -> f32 {
        self.eye.length()
    }

    /// Half the short side of the frame at distance one.
    pub(crate) fn slope(&self) -> f32 {
        self.slope
    }

    /// The direction through `x`, `y`, which run from -1 to 1 over the short side, y upwards.
    pub(crate) fn towards(&self, x: f32, y: f32) -> Vec3 {
        (self.forward + self.right * (x * self.slope) + self.up * (y * self.slope)).normalized()
    }

    /// Metres of `point` along the view.
    pub(crate) fn depth(&self, point: Vec3) -> f32 {
        (point - self.eye).dot(self.forward)
    }

    /// Radius in pixels of the disc that a point at `depth` becomes, on a frame whose short side
    /// is `short_px` (the thin-lens circle of confusion).
    pub(crate) fn blur_px(&self, depth: f32, short_px: f32) -> f32 {
        let diameter_m = self.blur * (depth - self.focus).abs() / depth.max(0.05);
        diameter_m * 1_000.0 / (2.0 * HALF_SENSOR_MM) * short_px / 2.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_longer_lens_steps_back_and_keeps_the_size() {
        for focal_length_mm in [35.0, 85.0, 200.0] {
            let camera = CameraSettings { focal_length_mm, ..CameraSettings::default() };
            let view = View::new(&camera, 0.6, 0.0, -1.5);
            assert!((view.distance() * view.slope() - 0.3).abs() < 1e-4, "{focal_length_mm}");
        }
    }

    #[test]
    fn blur_grows_with_the_aperture_and_is_none_at_the_focus() {
        let blur = |aperture: f64| {
            let camera = CameraSettings { aperture, ..CameraSettings::default() };
            let view = View::new(&camera, 0.6, 0.1, -1.5);
            assert!(view.blur_px(view.distance() - 0.1, 512.0) < 1e-3);
            view.blur_px(view.distance() + 1.0, 512.0)
        };
        assert!(blur(1.4) > 5.0 && blur(16.0) < 1.0);
    }
}
