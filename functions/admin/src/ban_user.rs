//! `POST /api/v1/admin/users/{id}/ban`: suspend a member, for good or until a date.
//!
//! Access: admins; not their own account, nor another admin's. So the last admin stays.
//! Changes: the standing holds from the member's next request on, which is told the reason. Then what
//! waits to be generated is called off and its credits go back, and what they sell is hidden; a
//! generation that is with its provider ends as it ends. No payout is begun, and no pack is bought
//! by itself. What they paid for meanwhile they have when they are back. Without `until`, their
//! subscription is set to end with its period: `subscription` in the answer says when, and the audit
//! has a row of it once Stripe has done so.
//! Retry: the same `Idempotency-Key` returns the same answer; what could not be followed up in time is
//! done within a minute by `background-follow-sellers`, which also ends a suspension at its date; the
//! subscription by `background-reconcile-stripe` in the night.

use std::process::ExitCode;

use clients::Stripe;
use domain::{
    Timestamp,
    account::{Account, AccountUpdate, StaffError, staff::checked_until},
    audit::{Action, Target},
    billing::follow_up::FollowUpTask,
    marketplace::listing::checked_reason,
};
use runtime::{Access, ApiError, Call, Endpoint, NoStore, replayed};
use serde::Deserialize;
use serde_json::value::RawValue;
use settlement::Settlement;
use store::Store;

use crate::member::{DecidedView, member_id};

pub const ENDPOINT: Endpoint =
    Endpoint::post("admin-ban-user", "/api/v1/admin/users/{id}/ban", Access::Admin);

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Request {
    id: String,
    /// What the member is told.
    reason: String,
    /// When it ends by itself; never, if it is not said.
    until: Option<Timestamp>,
}

/// The whole of its process.
pub fn serve() -> ExitCode {
    runtime::http(ENDPOINT, handle)
}

pub async fn handle(
    (store, stripe): &(Store, Stripe),
    call: Call<Request>,
) -> Result<NoStore<Box<RawValue>>, ApiError> {
    let Request { id, reason, until } = &call.body;
    let member = member_id(id)?;
    let reason = checked_reason(reason)?;
    let until = checked_until(*until, call.now)?;
    let deed = call.deed(Action::Ban, Target::user(&member))?.with_reason(&reason);
    let (staff, asked) = (call.staff()?, call.idempotency());
    let change = |draft: &mut AccountUpdate| {
        draft.suspend(reason.clone(), until);
        Ok::<(), StaffError>(())
    };
    let billing = store.billing(&member).await?;
    let view = |account: &Account| DecidedView::of(account, &billing);
    let decided =
        store.admin_update_account(staff, &member, (asked, &deed), call.now, change, view).await?;
    store.apply_suspension(&member, call.now).await?;
    let settlement = Settlement::new(store, stripe);
    settlement.carry_out_one(&member, &FollowUpTask::StopRenewal, call.now).await?;
    replayed(decided)
}
