//! Rendering on a blocking thread.

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
