//! `POST /api/v1/admin/marketplace/listings/{id}/reject`: reject the version in review.
//!
//! Access: moderators and admins, except for their own listings.
//! Changes: the listing: its creator is shown the reason. The version on sale stays.
//! Retry: the same `Idempotency-Key` returns the same answer; without one, a version already
//! decided on is a 409.

use domain::{
    audit::{Action, Target, TargetKind},
    id::ListingId,
    marketplace::listing::checked_reason,
};
use runtime::{Access, ApiError, Call, Endpoint, Function, NoStore, PathId, Recorded, once};
use serde::Deserialize;
use store::{ListingUpdate, Store};

use crate::view::JudgedView;

pub const ENDPOINT: Endpoint = Endpoint::post(
    "admin-reject-listing",
    "/api/v1/admin/marketplace/listings/{id}/reject",
    Access::Moderator,
)
.with_errors(&[
    "idempotency_key_in_flight",
    "listing_not_found",
    "not_pending",
    "own_listing",
    "own_purchase",
    "own_report",
    "version_changed",
]);

#[derive(Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Request {
    id: PathId<ListingId>,
    /// The `content_hash` of the version that the moderator was shown: see `approve_listing`.
    content_hash: String,
    /// The reason, shown to the creator.
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = domain::marketplace::listing::REASON_CHARS_MAX)))]
    reason: String,
}

/// The function of this endpoint.
pub fn function() -> Function {
    Function::http(ENDPOINT, handle)
}

async fn handle(
    store: &Store,
    call: Call<Request>,
) -> Result<NoStore<Recorded<JudgedView>>, ApiError> {
    let id = call.body.id.get()?;
    let (request, target) = (&call.body, Target::of(TargetKind::Listing, id));
    let entry = call.audit_entry(Action::RejectListing, target)?;
    let reason = checked_reason(&request.reason)?;
    let entry = entry.with_reason(&reason);
    let answer = once(store, &call, async || {
        let judged = store.moderate_listing(&entry, id, call.now, |update| {
            update.listing.check_shown(&update.newest, &request.content_hash)?;
            update.listing.reject(update.newest.number, reason.clone(), call.now)
        });
        let ListingUpdate { listing, newest, .. } = judged.await?;
        Ok(JudgedView::of(&listing, newest.number))
    });
    Ok(NoStore(answer.await?))
}
