//! Rendering on a blocking thread.

use domain::marketplace::listing::demo::{DemoScene, DemoSubject};
use studio::{Palette, Scene, Subject};

/// The same seed in every image, so that the subject is always the same.
const SEED: u64 = 7;

/// The renderer panicked: a fault of ours.
#[derive(Debug, thiserror::Error)]
#[error("the renderer failed")]
pub(crate) struct RendererFailed;

domain::domain_error!(RendererFailed => Internal, "renderer_failed");

/// Runs `draw` on a blocking thread.
///
/// # Errors
/// When it panics.
pub(crate) async fn drawn<T: Send + 'static>(
    draw: impl FnOnce() -> T + Send + 'static,
) -> Result<T, RendererFailed> {
    tokio::task::spawn_blocking(draw).await.map_err(|_| RendererFailed)
}

/// The scene of a demo.
pub(crate) fn scene_of(demo: &DemoScene) -> Scene {
    let (subject, palette) = match demo.subject {
        DemoSubject::Sphere => (Subject::Sphere, Palette::from_prompt("a grey sphere")),
        DemoSubject::Bust => (Subject::Bust, Palette::from_prompt("a marble bust")),
        DemoSubject::Product => (Subject::Product, Palette::from_prompt("an amber bottle")),
    };
    Scene::new(&demo.lighting, &demo.camera, subject, palette, SEED)
}
