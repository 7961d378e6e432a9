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
    let shelf = store.own_listing(creator, id).await?;
    shelf.creator.require_active(call.now)?;
    Seller::from(&shelf.creator).check_strikes(call.now)?;
    let upload = UploadId::new(call.now, call.random());
    let picture = picture_of(&shelf, &upload, bucket).await?;
    let submit = |shelf: &mut ListingUpdate| -> Result<(), StoreError> {
        let seller = Seller::from(&shelf.creator);
        seller.check_strikes(call.now).map_err(StoreError::refused)?;
        if shelf.newest.previews.is_empty() {
            shelf.newest.previews.extend(picture.clone());
        }
        let submitted = shelf.listing.submit(&shelf.newest, &shelf.model, call.now);
        submitted.map_err(StoreError::refused)
    };
    // What is refused anyway is not compared with other listings.
    submit(&mut shelf.clone())?;
    let submitted = store.submit_listing(creator, id, call.now, submit);
    Ok(NoStore(CreatorListingView::of(submitted.await?, (previews, &call.links), call.now)))
}

/// Renders an image for a preset that has none.
async fn picture_of(
    shelf: &ListingUpdate,
    upload: &UploadId,
    bucket: &PreviewBucket,
) -> Result<Option<Preview>, ApiError> {
    let revision = &shelf.newest;
    let open = shelf.listing.pending_since().is_none();
    if !open || !revision.previews.is_empty() || !shelf.listing.kind.can_be_drawn() {
        return Ok(None);
    }
    let said = &revision.description;
    let scene = default_scene(&said.content, DemoSubject::of(said.category));
    let picture = drawn(move || {
        let (width, height) = scene.camera.aspect_ratio.fit(SIDE_PX);
        let frame = scene_of(&scene).render(width, height, studio::Quality::Standard);
        Drawn::from_rgb(frame.width, frame.height, frame.rgb)
    })
    .await??;
    let stored = bucket.store(&shelf.listing.id, upload, &picture).await?;
    let (width, height) = (stored.large.width, stored.large.height);
    Ok(Some(Preview { upload_id: upload.clone(), width, height, drawn: true }))
}
