//! `POST /api/v1/admin/marketplace/listings/{id}/reviews/{review_id}/remove`: remove a review.
//!
//! Access: moderators and admins, except for reviews of their own listings, and those they wrote or
//! reported.
//! Changes: the review is no longer shown and no longer counts in the rating of the listing and of
//! its creator; its reports are resolved. Its author sees the reason beside the purchase, and
//! cannot review the listing again.
//! Retry: a repeat changes nothing.

use domain::{
    Timestamp,
    audit::{Action, Target, TargetKind},
    id::{ListingId, ReviewId},
    marketplace::listing::checked_reason,
};
use runtime::{Access, ApiError, Call, Endpoint, Function, NoStore, PathId};
use serde::{Deserialize, Serialize};
use store::{NotFound, Store};

pub const ENDPOINT: Endpoint = Endpoint::post(
    "admin-remove-review",
    "/api/v1/admin/marketplace/listings/{id}/reviews/{review_id}/remove",
    Access::Moderator,
)
.ignores_key()
.with_errors(&["own_listing", "own_report", "own_review", "review_not_found"]);

#[derive(Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Request {
    id: PathId<ListingId>,
    review_id: PathId<ReviewId>,
    /// The reason, shown to the author.
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = domain::marketplace::listing::REASON_CHARS_MAX)))]
    reason: String,
}

#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Response {
    /// The review.
    id: ReviewId,
    listing_id: ListingId,
    /// When it was removed.
    removed_at: Option<Timestamp>,
    /// The reason, of the first removal.
    reason: Option<String>,
}

/// The function of this endpoint.
pub fn function() -> Function {
    Function::http(ENDPOINT, handle)
}

async fn handle(store: &Store, call: Call<Request>) -> Result<NoStore<Response>, ApiError> {
    let id = call.body.id.get().map_err(|_| NotFound::Review)?;
    let review = call.body.review_id.get()?;
    let reason = checked_reason(&call.body.reason)?;
    let target = Target::of(TargetKind::Review, review);
    let entry = call.audit_entry(Action::RemoveReview, target)?.with_reason(&reason);
    let removed = store.remove_review(&entry, (id, review), &reason, call.now).await?;
    let (removed_at, reason) = removed.removed.map(|it| (it.at, it.reason)).unzip();
    let (id, listing_id) = (removed.id, removed.listing_id);
    Ok(NoStore(Response { id, listing_id, removed_at, reason }))
}
