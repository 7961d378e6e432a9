//! `POST /api/v1/admin/users/{id}/appeals/{appeal_id}/resolve`: decide on a member's appeal.
//!
//! Access: moderators and admins, of suspensions admins only; not the appealing member, nor who has
//! a part in the listing, nor who took the appealed decision while another staff member can decide.
//! Changes: `upheld` leaves the decision as it is. `reversed` undoes it, as far as it is still in
//! effect: the suspension is lifted, the rejected version is in review again, the delisted listing
//! is on sale again and its strike is withdrawn. A listing whose images were removed, or whose
//! model belongs to another creator by now, cannot be put on sale again: it has to be submitted.
//! The member sees the outcome and the reason.
//! Retry: a repeat of the same ruling changes nothing; another one is a 409. Listings that a
//! withdrawn suspension or strike had hidden are shown within a minute.

use domain::{
    appeal::{AppealKind, AppealStatus, Outcome},
    audit::{Action, Target, TargetKind},
    id::{AppealId, UserId},
    marketplace::listing::checked_reason,
};
use runtime::{Access, ApiError, Call, Endpoint, Function, NoStore, PathId};
use serde::{Deserialize, Serialize};
use store::{NotFound, RulingRequest, Store};

pub const ENDPOINT: Endpoint = Endpoint::post(
    "admin-resolve-appeal",
    "/api/v1/admin/users/{id}/appeals/{appeal_id}/resolve",
    Access::Moderator,
)
.ignores_key()
.with_errors(&[
    "appeal_decided",
    "appeal_not_found",
    "listing_not_found",
    "model_taken",
    "needs_admin",
    "no_preview",
    "own_account",
    "own_decision",
    "own_listing",
    "own_purchase",
    "own_report",
    "target_is_admin",
]);

#[derive(Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Request {
    id: PathId<UserId>,
    appeal_id: PathId<AppealId>,
    outcome: Outcome,
    /// The reason, shown to the member.
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = domain::marketplace::listing::REASON_CHARS_MAX)))]
    reason: String,
}

#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Response {
    id: AppealId,
    member_id: UserId,
    status: AppealStatus,
}

/// The function of this endpoint.
pub fn function() -> Function {
    Function::http(ENDPOINT, handle)
}

async fn handle(store: &Store, call: Call<Request>) -> Result<NoStore<Response>, ApiError> {
    let member = call.body.id.get().map_err(|_| NotFound::Appeal)?;
    let id = call.body.appeal_id.get()?;
    let (outcome, reason) = (call.body.outcome, checked_reason(&call.body.reason)?);
    let appeal = store.appeal(member, id).await?;
    let target = match appeal.decision.listing_id() {
        Some(listing) => Target::of(TargetKind::Listing, listing),
        None => Target::user(member),
    };
    let action = match outcome {
        Outcome::Upheld => Action::UpholdDecision,
        Outcome::Reversed => Action::ReverseDecision,
    };
    let entry = call.audit_entry(action, target)?.with_reason(&reason);
    let asked = RulingRequest { outcome, reason: &reason };
    let ruled =
        store.rule_on_appeal((call.staff()?, &entry), (member, id), asked, call.now).await?;
    if outcome == Outcome::Reversed {
        match ruled.decision.kind() {
            AppealKind::Suspension => store.apply_suspension(member, call.now).await?,
            AppealKind::Listing => store.sync_visibility(member, call.now).await.map(drop)?,
        }
    }
    let status = ruled.status();
    Ok(NoStore(Response { id: ruled.id, member_id: ruled.member_id, status }))
}
