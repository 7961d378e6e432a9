//! `POST /api/v1/admin/marketplace/listings/{id}/approve`: put the version that waits on sale.
//!
//! Access: moderators and admins, except for their own listings.
//! Changes: the listing and the version, and with them what can be found and what is near to it.
//! Retry: the same `Idempotency-Key` returns the same answer; without one a version that was
//! decided on does not wait any more.

use domain::{
    Timestamp,
    audit::{Action, Target, TargetKind},
    id::ListingId,
};
use runtime::{Access, ApiError, Call, Endpoint, Fresh, once};
use serde::Deserialize;
use serde_json::value::RawValue;
use store::{Missing, Store};

use crate::view::JudgedView;

pub const ENDPOINT: Endpoint = Endpoint::post(
    "admin-approve-listing",
    "/api/v1/admin/marketplace/listings/{id}/approve",
    Access::Moderator,
);

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Request {
    id: String,
    /// The version that the moderator has seen.
    version: u32,
    /// When that was submitted. A version that was sent back may get other pictures and be submitted
    /// again under its number; whoever sends this never approves what they have not seen.
    submitted_at: Option<Timestamp>,
}

pub async fn handle(store: &Store, call: Call<Request>) -> Result<Fresh<Box<RawValue>>, ApiError> {
    let id = ListingId::parse(&call.body.id).map_err(|_| Missing::Listing)?;
    let (seen, target) = (&call.body, Target::of(TargetKind::Listing, &id));
    let deed = call.deed(Action::ApproveListing, target)?;
    let answer = once(store, &call, async || {
        let judged = store.judge_listing(&deed, &id, call.now, |shelf| {
            shelf.listing.check_seen(seen.version, seen.submitted_at)?;
            shelf.listing.approve(&mut shelf.newest, call.now)
        });
        Ok(JudgedView::of(&judged.await?.listing, seen.version))
    });
    Ok(Fresh(answer.await?))
}
