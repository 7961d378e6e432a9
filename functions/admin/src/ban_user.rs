//! `POST /api/v1/admin/users/{id}/ban`: suspend a member, permanently or until a date.
//!
//! Access: admins; not their own account, and not another admin's. So the last admin stays.
//! Changes: the suspension applies from the member's next request, which is answered with the
//! reason. Then waiting generations are cancelled and their credits released, and the member's
//! listings are hidden; a generation already at its provider is completed. No payout is started,
//! and no top-up is bought. Purchases paid meanwhile are available afterwards. Without `until`, the
//! subscription is set to end with its period: `subscription` in the response says when, and the
//! audit log has an entry once Stripe has done so.
//! Retry: the same `Idempotency-Key` returns the same answer. Unfinished steps are done within a
//! minute by `background-follow-sellers`, which also ends a suspension at its date; the
//! subscription by `background-reconcile-stripe` at night.

use clients::Stripe;
use domain::{
    Timestamp,
    account::{Account, AccountUpdate, StaffError, staff::checked_until},
    audit::{Action, Target},
    billing::follow_up::FollowUpTask,
    id::UserId,
    marketplace::listing::checked_reason,
};
use runtime::{
    Access, ApiError, Call, Connect, Endpoint, Function, NoStore, PathId, Recorded, replayed,
};
use serde::Deserialize;
use settlement::Settlement;
use store::Store;

use crate::member::DecidedView;

pub const ENDPOINT: Endpoint =
    Endpoint::post("admin-ban-user", "/api/v1/admin/users/{id}/ban", Access::Admin).with_errors(&[
        "own_account",
        "target_is_admin",
        "user_not_found",
    ]);

#[derive(Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Request {
    id: PathId<UserId>,
    /// The reason, shown to the member.
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = domain::marketplace::listing::REASON_CHARS_MAX)))]
    reason: String,
    /// When it ends automatically; never by default.
    until: Option<Timestamp>,
}

/// The function of this endpoint.
pub fn function() -> Function {
    Function::http(ENDPOINT, handle)
}

#[derive(Connect)]
struct Deps {
    store: Store,
    stripe: Stripe,
}

async fn handle(
    Deps { store, stripe }: &Deps,
    call: Call<Request>,
) -> Result<NoStore<Recorded<DecidedView>>, ApiError> {
    let Request { id, reason, until } = &call.body;
    let member = id.get()?;
    let reason = checked_reason(reason)?;
    let until = checked_until(*until, call.now)?;
    let entry = call.audit_entry(Action::Ban, Target::user(member))?.with_reason(&reason);
    let (staff, asked) = (call.staff()?, call.idempotency());
    let change = |update: &mut AccountUpdate| {
        update.suspend(reason.clone(), until);
        Ok::<(), StaffError>(())
    };
    let billing = store.billing(member).await?;
    let view = |account: &Account| DecidedView::of(account, &billing, call.now);
    let decided =
        store.admin_update_account(staff, member, (asked, &entry), call.now, change, view).await?;
    store.apply_suspension(member, call.now).await?;
    let settlement = Settlement::new(store, stripe);
    settlement.carry_out_one(member, &FollowUpTask::StopRenewal, call.now).await?;
    replayed(decided)
}
