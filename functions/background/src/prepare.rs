//! Prepares a submitted version for a moderator: draws the picture that it lacks.
//!
//! Retry: the picture has the name that its submission gave it, and the same version gives the same
//! pixels. The state changes once: a submission that was withdrawn meanwhile, or ended by another
//! delivery, stays as it is, and the erasure that its withdrawal requested deletes the picture. What
//! cannot be drawn, or fails in every delivery of the message, is a failure that the creator sees.

use std::collections::BTreeMap;

use clients::{PreviewBucket, StorageUnavailable, queue::PreparationMessage};
use domain::{
    Timestamp,
    id::UploadId,
    marketplace::listing::{
        ListingError,
        demo::{DemoScene, DemoSubject, default_scene},
        revision::Revision,
        upload::Preview,
    },
};
use media::{Preview as Drawn, picture::PictureError};
use runtime::{ApiError, Metrics};
use store::{ListingUpdate, Store, optional};
use studio::{Quality, Scene, Subject};
use tracing::{error, info};

/// Deliveries of a message before it becomes a dead letter: `maxReceiveCount` in `messaging.yaml`.
const DELIVERIES: u32 = 5;
/// Longer side of a picture, in pixels.
const SIDE_PX: u32 = 1_200;

/// The picture could not be drawn or stored.
#[derive(Debug, thiserror::Error)]
#[error("We could not draw a picture of it. Submit it again, or upload one.")]
struct NotDrawn;

domain::domain_error!(NotDrawn => Internal, "not_drawn");

/// Prepares the version that the message names, if it is still submitted, in the `attempt`th delivery
/// of the message.
///
/// # Errors
/// When it must be tried again.
pub(crate) async fn prepare(
    (store, bucket): (&Store, &PreviewBucket),
    message: &PreparationMessage,
    (now, attempt): (Timestamp, u32),
    draw: impl FnOnce(&DemoScene) -> Result<Drawn, PictureError> + Send + 'static,
) -> Result<(), ApiError> {
    let id = &message.listing_id;
    let Some(before) = optional(store.any_listing(id).await)? else { return Ok(()) };
    let Some((_, name)) = before.listing.preparing() else { return Ok(()) };
    let drawn = match picture_of(bucket, &before.newest, name, draw).await {
        Err(later) if attempt < DELIVERIES => return Err(later.into()),
        Err(last) => {
            error!(%id, error = %last, "picture not stored in any delivery, preparation fails");
            Err(NotDrawn)
        }
        Ok(drawn) => drawn,
    };
    let ended = store.end_preparation(id, now, |update| -> Result<(), ListingError> {
        let ListingUpdate { listing, newest, model, .. } = update;
        match &drawn {
            _ if listing.preparing().is_none_or(|(_, open)| open != name) => Ok(()),
            Ok(picture) => listing.prepared(name, (newest, picture.clone()), model, now),
            Err(why) => listing.fail_preparation(name, why, now),
        }
    });
    if let Some(ended) = optional(ended.await)? {
        info!(%id, state = ?ended.listing.state(), "preparation ended");
        Metrics::new().count("PreparationsFailed", u64::from(drawn.is_err())).emit();
    }
    Ok(())
}

/// The picture of a version that has none: drawn and stored under this name. `None` if it needs or
/// can have none; [`NotDrawn`] if another attempt would fail as well.
async fn picture_of(
    bucket: &PreviewBucket,
    version: &Revision,
    name: &UploadId,
    draw: impl FnOnce(&DemoScene) -> Result<Drawn, PictureError> + Send + 'static,
) -> Result<Result<Option<Preview>, NotDrawn>, StorageUnavailable> {
    if !version.previews.is_empty() || !version.kind.can_be_drawn() {
        return Ok(Ok(None));
    }
    let scene = cover(version);
    let picture = match tokio::task::spawn_blocking(move || draw(&scene)).await {
        Ok(Ok(picture)) => picture,
        Ok(Err(unusable)) => {
            error!(listing = %version.listing_id, error = %unusable, "picture cannot be drawn");
            return Ok(Err(NotDrawn));
        }
        Err(panicked) => {
            error!(listing = %version.listing_id, error = %panicked, "renderer failed");
            return Ok(Err(NotDrawn));
        }
    };
    let stored = bucket.store(&version.listing_id, name, &picture).await?;
    let (width, height) = (stored.large.width, stored.large.height);
    Ok(Ok(Some(Preview { upload_id: name.clone(), width, height, drawn: true })))
}

/// What is drawn of a version: its content, of a template an example.
fn cover(version: &Revision) -> DemoScene {
    let description = &version.description;
    let example = description.content.example(&BTreeMap::new());
    // An example that is too long is drawn as it is written.
    let content = example.unwrap_or_else(|_| description.content.clone());
    let mut scene = default_scene(&content, DemoSubject::of(description.category));
    if let Some(words) = &scene.words {
        scene.subject = Subject::from_prompt(words).into();
    }
    scene
}

/// Draws a cover. It takes seconds of CPU: call it on a blocking thread.
///
/// # Errors
/// When the rendered image is not an accepted picture: a fault of ours.
pub(crate) fn draw_cover(scene: &DemoScene) -> Result<Drawn, PictureError> {
    let (width, height) = scene.camera.aspect_ratio.fit(SIDE_PX);
    let frame = Scene::of_demo(scene).render(width, height, Quality::Standard);
    Drawn::from_rgb(frame.width, frame.height, frame.rgb)
}
