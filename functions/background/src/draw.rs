//! The studio provider: renders a job's lighting, camera and prompt with our own renderer.

use domain::{
    generation::{Input, Quality},
    lighting::LightingRig,
};
use media::{Picture, picture::PictureError};
use studio::{Palette, Scene, Subject};

/// Longest side of a lite image, in pixels.
const SIDE_PX_LITE: u32 = 512;
/// Longest side of a standard image, in pixels.
const SIDE_PX_STANDARD: u32 = 768;

/// Renders the image. It takes seconds of CPU: call it on a blocking thread.
///
/// # Errors
/// When the rendered image is not an accepted picture: a fault of ours.
pub(crate) fn draw(input: &Input) -> Result<Picture, PictureError> {
    let words = input.words();
    let rig = input.lighting.clone().unwrap_or_else(LightingRig::three_point);
    let camera = input.camera.unwrap_or_default();
    let (side, quality) = match input.quality {
        Quality::Lite => (SIDE_PX_LITE, studio::Quality::Preview),
        Quality::Standard => (SIDE_PX_STANDARD, studio::Quality::Standard),
    };
    let (width, height) = input.aspect_ratio.fit(side);
    let (subject, palette) = (Subject::from_prompt(&words), Palette::from_prompt(&words));
    let scene = Scene::new(&rig, &camera, subject, palette, u64::from(input.seed));
    let frame = scene.render(width, height, quality);
    Picture::from_rgb(frame.width, frame.height, frame.rgb)
}
