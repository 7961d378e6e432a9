//! `POST /api/v1/admin/marketplace/flags/{id}/resolve`: decide on the reports of a listing.
//!
//! Access: moderators and admins, except for their own listings.
//! Changes: the flags are resolved. `dismiss` remembers the reporters: their flags do not count
//! again for this version. `delist` takes the listing off sale, `strike` also adds a strike to its
//! creator; three strikes suspend selling. Buyers keep the listing, and no money moves.
//! Retry: the same `Idempotency-Key` returns the same answer; without one, resolved flags are a
//! 409. The creator's other listings that are not yet hidden are hidden within a minute by
//! `background-follow-sellers`; they cannot be bought meanwhile either.

use domain::{
    Timestamp,
    audit::{Action, Target, TargetKind},
    id::ListingId,
    marketplace::{
        listing::{State, checked_reason},
        moderation::flag::Decision,
    },
};
use runtime::{Access, ApiError, Call, Endpoint, Function, NoStore, PathId, Recorded, once};
use serde::{Deserialize, Serialize};
use store::{Resolved, Store};

pub const ENDPOINT: Endpoint = Endpoint::post(
    "admin-resolve-flags",
    "/api/v1/admin/marketplace/flags/{id}/resolve",
    Access::Moderator,
);

#[derive(Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Request {
    id: PathId<ListingId>,
    decision: Decision,
    /// The reason, shown to the creator unless the flags are dismissed.
    reason: String,
    /// The version of the flags that the moderator has seen.
    seen: u64,
}

#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Response {
    listing_id: ListingId,
    decision: Decision,
    /// The state of the listing.
    state: State,
    live_strikes: usize,
    /// Until when strikes suspend selling.
    selling_suspended_until: Option<Timestamp>,
}

/// The function of this endpoint.
pub fn function() -> Function {
    Function::http(ENDPOINT, handle)
}

async fn handle(
    store: &Store,
    call: Call<Request>,
) -> Result<NoStore<Recorded<Response>>, ApiError> {
    let Request { id, decision, reason, seen } = &call.body;
    let id = id.get()?;
    let reason = checked_reason(reason)?;
    let target = Target::of(TargetKind::Listing, id);
    let entry = call.audit_entry(action_of(*decision), target)?.with_reason(&reason);
    let answer = once(store, &call, async || {
        let resolved =
            store.resolve_flags((&entry, id), (*decision, &reason), *seen, call.now).await?;
        if *decision == Decision::Strike {
            store.sync_visibility(&resolved.listing.creator_id, call.now).await?;
        }
        Ok(Response::of(&resolved, *decision, call.now))
    });
    Ok(NoStore(answer.await?))
}

const fn action_of(decision: Decision) -> Action {
    match decision {
        Decision::Dismiss => Action::DismissFlags,
        Decision::Delist => Action::DelistListing,
        Decision::Strike => Action::Strike,
    }
}

impl Response {
    fn of(
        Resolved { listing, strikes }: &Resolved,
        decision: Decision,
        now: Timestamp,
    ) -> Response {
        Response {
            listing_id: listing.id.clone(),
            decision,
            state: listing.state(),
            live_strikes: strikes.live(now).count(),
            selling_suspended_until: strikes.suspend_until(now),
        }
    }
}
