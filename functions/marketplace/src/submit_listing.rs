//! `POST /api/v1/marketplace/listings/{id}/submit`: submit a version for review.
//!
//! Access: the listing's creator, unless suspended or barred from selling by strikes; for all other
//! callers it does not exist (404). Changes: the version waits for a moderator and becomes
//! immutable, together with its similar listings on sale. A preset without images gets one rendered
//! by `studio`.
//! Retry: submitting a version in review is a 409 and changes nothing.

use clients::{PreviewBucket, Previews};
use domain::{
    id::{ListingId, UploadId},
    marketplace::{
        listing::{
            demo::{DemoSubject, default_scene},
            upload::Preview,
        },
        moderation::strike::Seller,
    },
};
use media::Preview as Drawn;
use runtime::{Access, ApiError, Call, Connect, Endpoint, Function, NoStore, PathId};
use serde::Deserialize;
use store::{ListingUpdate, Store, StoreError};

use crate::{
    render::{drawn, scene_of},
    view::CreatorListingView,
};

pub const ENDPOINT: Endpoint = Endpoint::post(
    "marketplace-submit-listing",
    "/api/v1/marketplace/listings/{id}/submit",
    Access::Member,
)
.ignores_key();

/// Longer side of the image rendered for a preset, in pixels.
const SIDE_PX: u32 = 1_200;

#[derive(Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Request {
    id: PathId<ListingId>,
}

/// The function of this endpoint.
pub fn function() -> Function {
    Function::http(ENDPOINT, handle)
}

#[derive(Connect)]
struct Deps {
    store: Store,
    previews: Previews,
    bucket: PreviewBucket,
}

async fn handle(
    Deps { store, previews, bucket }: &Deps,
    call: Call<Request>,
) -> Result<NoStore<CreatorListingView>, ApiError> {
    let id = call.body.id.get()?;
    let creator = &call.member()?.user_id;
    let update = store.own_listing(creator, id).await?;
    update.creator.require_active(call.now)?;
    Seller::from(&update.creator).check_strikes(call.now)?;
    let upload = UploadId::new(call.now, call.random());
    let picture = picture_of(&update, &upload, bucket).await?;
    let submit = |update: &mut ListingUpdate| -> Result<(), StoreError> {
        let seller = Seller::from(&update.creator);
        seller.check_strikes(call.now).map_err(StoreError::refused)?;
        if update.newest.previews.is_empty() {
            update.newest.previews.extend(picture.clone());
        }
        let submitted = update.listing.submit(&update.newest, &update.model, call.now);
        submitted.map_err(StoreError::refused)
    };
    // What is refused anyway is not compared with other listings.
    submit(&mut update.clone())?;
    let submitted = store.submit_listing(creator, id, call.now, submit);
    Ok(NoStore(CreatorListingView::of(submitted.await?, (previews, &call.links), call.now)))
}

/// Renders an image for a preset that has none.
async fn picture_of(
    update: &ListingUpdate,
    upload: &UploadId,
    bucket: &PreviewBucket,
) -> Result<Option<Preview>, ApiError> {
    let revision = &update.newest;
    let open = update.listing.pending_since().is_none();
    if !open || !revision.previews.is_empty() || !update.listing.kind.can_be_drawn() {
        return Ok(None);
    }
    let description = &revision.description;
    let scene = default_scene(&description.content, DemoSubject::of(description.category));
    let picture = drawn(move || {
        let (width, height) = scene.camera.aspect_ratio.fit(SIDE_PX);
        let frame = scene_of(&scene).render(width, height, studio::Quality::Standard);
        Drawn::from_rgb(frame.width, frame.height, frame.rgb)
    })
    .await??;
    let stored = bucket.store(&update.listing.id, upload, &picture).await?;
    let (width, height) = (stored.large.width, stored.large.height);
    Ok(Some(Preview { upload_id: upload.clone(), width, height, drawn: true }))
}
