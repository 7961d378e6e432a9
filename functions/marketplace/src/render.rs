//! Drawing, where it blocks nobody.

use domain::{
    DomainError, ErrorKind,
    marketplace::demo::{DemoScene, DemoSubject},
};
use studio::{Palette, Scene, Subject};

/// The subject stands the same in every picture.
const SEED: u64 = 7;

/// The renderer did not come back: a fault of ours.
#[derive(Debug, thiserror::Error)]
#[error("the renderer failed")]
pub(crate) struct RendererFailed;

impl DomainError for RendererFailed {
    fn kind(&self) -> ErrorKind {
        ErrorKind::Internal
    }
    fn code(&self) -> &'static str {
        "renderer_failed"
    }
}

/// What `draw` makes, on a thread of its own.
///
/// # Errors
/// When it panics.
pub(crate) async fn drawn<T: Send + 'static>(
    draw: impl FnOnce() -> T + Send + 'static,
) -> Result<T, RendererFailed> {
    tokio::task::spawn_blocking(draw).await.map_err(|_| RendererFailed)
}

/// A demo's scene, set up.
pub(crate) fn scene_of(demo: &DemoScene) -> Scene {
    let (subject, palette) = match demo.subject {
        DemoSubject::Sphere => (Subject::Sphere, Palette::from_prompt("a grey sphere")),
        DemoSubject::Bust => (Subject::Bust, Palette::from_prompt("a marble bust")),
        DemoSubject::Product => (Subject::Product, Palette::from_prompt("an amber bottle")),
    };
    Scene::new(&demo.lighting, &demo.camera, subject, palette, SEED)
}
