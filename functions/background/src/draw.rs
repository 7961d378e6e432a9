//! The studio provider: a job's light, camera and words, drawn by our own renderer.

use clients::{Picture, picture::PictureError};
use domain::{
    generation::{Input, Quality},
    lighting::LightingRig,
};
use studio::{Palette, Scene, Subject};

/// Longest side of an image by quality, in pixels.
const SIDE_PX_LITE: u32 = 512;
/// See [`SIDE_PX_LITE`].
const SIDE_PX_STANDARD: u32 = 768;

/// Draws the image. It takes seconds of a processor: call it where it blocks nobody.
///
/// # Errors
/// When the renderer's own image is not one we keep: a fault of ours.
pub(crate) fn draw(input: &Input) -> Result<Picture, PictureError> {
    let words = words(input);
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

/// All that was said of the subject, in one text.
fn words(input: &Input) -> String {
    let structured =
        input.structured_prompt.as_ref().map(|prompt| prompt.short_description.as_str());
    [structured, input.prompt.as_deref()].into_iter().flatten().collect::<Vec<_>>().join(". ")
}
