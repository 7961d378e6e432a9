//! `POST /api/v1/admin/marketplace/listings/{id}/reject`: send the version that waits back.
//!
//! Access: moderators and admins, except for their own listings.
//! Changes: the listing: its creator is told the reason. What is on sale of it stays there.
//! Retry: the same `Idempotency-Key` returns the same answer; without one a version that was
//! decided on does not wait any more.

use domain::{
    Timestamp,
    audit::{Action, Target, TargetKind},
    id::ListingId,
    marketplace::listing::checked_reason,
};
use runtime::{Access, ApiError, Call, Endpoint, Fresh, once};
use serde::Deserialize;
use serde_json::value::RawValue;
use store::{Missing, Store};

use crate::view::JudgedView;

pub const ENDPOINT: Endpoint = Endpoint::post(
    "admin-reject-listing",
    "/api/v1/admin/marketplace/listings/{id}/reject",
    Access::Moderator,
);

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Request {
    id: String,
    /// The version that the moderator has seen.
    version: u32,
    /// When that was submitted: see `approve_listing`.
    submitted_at: Option<Timestamp>,
    /// What its creator is told.
    reason: String,
}

pub async fn handle(store: &Store, call: Call<Request>) -> Result<Fresh<Box<RawValue>>, ApiError> {
    let id = ListingId::parse(&call.body.id).map_err(|_| Missing::Listing)?;
    let (seen, target) = (&call.body, Target::of(TargetKind::Listing, &id));
    let deed = call.deed(Action::RejectListing, target)?;
    let reason = checked_reason(&seen.reason)?;
    let deed = deed.because(&reason);
    let answer = once(store, &call, async || {
        let judged = store.judge_listing(&deed, &id, call.now, |shelf| {
            shelf.listing.check_seen(seen.version, seen.submitted_at)?;
            shelf.listing.reject(seen.version, reason.clone(), call.now)
        });
        Ok(JudgedView::of(&judged.await?.listing, seen.version))
    });
    Ok(Fresh(answer.await?))
}
