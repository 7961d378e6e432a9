//! `POST /api/v1/admin/marketplace/flags/{id}/resolve`: decide on reports.
//!
//! Access: moderators and admins, except for what they sell, wrote or reported, and for themselves.
//! Changes: the flags are resolved; `id` is that of the reports. `dismiss` remembers the reporters:
//! their flags do not count again for this version. `delist` takes the listing off sale, `strike`
//! also adds a strike to its creator; three strikes suspend selling. Buyers keep the listing, and
//! no money moves. Of an image, a review or a member `uphold` says that the reports are justified:
//! what follows is decided elsewhere.
//! Retry: the same `Idempotency-Key` returns the same answer; without one, resolved flags are a
//! 409. The creator's other listings that are not yet hidden are hidden within a minute by
//! `background-follow-sellers`; they cannot be bought meanwhile either.

use domain::{
    Timestamp,
    audit::{Action, Target, TargetKind},
    id::ListingId,
    marketplace::{
        listing::{State, checked_reason},
        moderation::flag::{Decision, FlagSubject, FlagsId},
    },
};
use runtime::{Access, ApiError, Call, Endpoint, Function, NoStore, PathId, Recorded, once};
use serde::{Deserialize, Serialize};
use store::{Resolved, Store};

pub const ENDPOINT: Endpoint = Endpoint::post(
    "admin-resolve-flags",
    "/api/v1/admin/marketplace/flags/{id}/resolve",
    Access::Moderator,
)
.with_errors(&[
    "decision_unfit",
    "flags_changed",
    "flags_not_found",
    "flags_resolved",
    "idempotency_key_in_flight",
    "listing_not_found",
    "own_account",
    "own_listing",
    "own_purchase",
    "own_report",
    "own_review",
]);

#[derive(Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Request {
    id: PathId<FlagsId>,
    decision: Decision,
    /// The reason, shown to the creator of a listing that is taken off sale.
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = domain::marketplace::listing::REASON_CHARS_MAX)))]
    reason: String,
    /// The version of the flags that the moderator has seen.
    seen: u64,
}

#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Response {
    id: String,
    decision: Decision,
    /// What was decided about a listing.
    #[serde(flatten)]
    listing: Option<ListingDecided>,
}

#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
struct ListingDecided {
    listing_id: ListingId,
    /// The status of the listing.
    status: State,
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
    let FlagsId(id) = id.get()?;
    let reason = checked_reason(reason)?;
    let entry = call.audit_entry(action_of(*decision), target_of(id))?.with_reason(&reason);
    let answer = once(store, &call, async || {
        let FlagSubject::Listing { listing_id } = id else {
            store.resolve_subject((&entry, id), (*decision, *seen), call.now).await?;
            return Ok(Response { id: id.to_string(), decision: *decision, listing: None });
        };
        let decided = (*decision, &*reason);
        let resolved = store.resolve_flags((&entry, listing_id), decided, *seen, call.now).await?;
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
        Decision::Uphold => Action::UpholdFlags,
    }
}

fn target_of(subject: &FlagSubject) -> Target {
    match subject {
        FlagSubject::Listing { listing_id } | FlagSubject::Image { listing_id, .. } => {
            Target::of(TargetKind::Listing, listing_id)
        }
        FlagSubject::Review { review_id, .. } => Target::of(TargetKind::Review, review_id),
        FlagSubject::Member { member_id } => Target::user(member_id),
    }
}

impl Response {
    fn of(
        Resolved { listing, strikes }: &Resolved,
        decision: Decision,
        now: Timestamp,
    ) -> Response {
        let decided = ListingDecided {
            listing_id: listing.id.clone(),
            status: listing.state(),
            live_strikes: strikes.live(now).count(),
            selling_suspended_until: strikes.suspend_until(now),
        };
        Response { id: listing.id.to_string(), decision, listing: Some(decided) }
    }
}
