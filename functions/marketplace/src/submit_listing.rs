//! `POST /api/v1/marketplace/listings/{id}/submit`: submit a version for review.
//!
//! Access: the listing's creator, unless suspended or barred from selling by strikes; for all other
//! callers it does not exist (404).
//! Changes: the version becomes immutable and is `preparing`: `background-render-preview` draws the
//! picture of a preset or template without one and looks for similar listings on sale. Then it is
//! `pending` and waits for a moderator. If that fails it is `preparation_failed`, with a reason, and
//! can be submitted again. A change meanwhile (`PATCH`) withdraws it.
//! A file joins a version only before that: while one is being sent or inspected, this is a 409.
//! Retry: submitting a version that is being prepared or in review is a 409 and changes nothing. A
//! preparation that did not end within an hour is begun again.

use clients::Previews;
use domain::{
    id::{ListingId, UploadId},
    marketplace::{listing::ListingError, moderation::strike::Seller},
};
use runtime::{Accepted, Access, ApiError, Call, Connect, Endpoint, Function, PathId};
use serde::Deserialize;
use store::{ListingUpdate, Store, StoreError};

use crate::view::CreatorListingView;

pub const ENDPOINT: Endpoint = Endpoint::post(
    "marketplace-submit-listing",
    "/api/v1/marketplace/listings/{id}/submit",
    Access::Member,
)
.ignores_key()
.with_errors(&[
    "listing_in_review",
    "listing_not_found",
    "model_taken",
    "no_draft",
    "no_preview",
    "selling_suspended",
    "upload_waiting",
]);

/// Seconds until a preparation has usually ended.
pub(crate) const PREPARED_AFTER_S: u32 = 3;

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
}

async fn handle(
    Deps { store, previews }: &Deps,
    call: Call<Request>,
) -> Result<Accepted<CreatorListingView>, ApiError> {
    let (user, id) = (&call.member()?.user_id, call.body.id.get()?);
    let awaits_upload = store.awaits_upload(user, id, call.now).await?;
    let picture_id = UploadId::new(call.now, call.random());
    let submit = |update: &mut ListingUpdate| -> Result<(), StoreError> {
        Seller::from(&update.creator).check_strikes(call.now).map_err(StoreError::refused)?;
        if awaits_upload {
            return Err(StoreError::refused(ListingError::UploadWaiting));
        }
        let (newest, model) = (&update.newest, &update.model);
        let submitted = update.listing.submit(newest, model, picture_id.clone(), call.now);
        submitted.map_err(StoreError::refused)
    };
    let submitted = store.submit_listing(user, id, call.now, submit).await?;
    let body = CreatorListingView::of(submitted, (previews, &call.links), call.now);
    let location = call.links.to(format_args!("/api/v1/marketplace/creator/listings/{id}"));
    Ok(Accepted { location, retry_after_s: PREPARED_AFTER_S, body })
}
