//! `POST /api/v1/admin/users/{id}/unban`: lift a member's suspension.
//!
//! Access: admins; not their own account, and not another admin's.
//! Changes: the member may act from their next request on, and their listings are shown again. A
//! subscription that the ban set to end with its period stays so, as `subscription` in the response
//! says: only the member can undo that (`POST /api/v1/billing/subscription/cancel`).
//! Retry: the same `Idempotency-Key` returns the same answer; without one, a member who is not
//! suspended is a 409.

use domain::{
    account::{Account, AccountUpdate},
    audit::{Action, Target},
    id::UserId,
    marketplace::listing::checked_reason,
};
use runtime::{Access, ApiError, Call, Endpoint, Function, NoStore, PathId, Recorded, replayed};
use serde::Deserialize;
use store::Store;

use crate::member::DecidedView;

pub const ENDPOINT: Endpoint =
    Endpoint::post("admin-unban-user", "/api/v1/admin/users/{id}/unban", Access::Admin)
        .with_errors(&["not_suspended", "own_account", "target_is_admin", "user_not_found"]);

#[derive(Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Request {
    id: PathId<UserId>,
    /// For the audit log.
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
) -> Result<NoStore<Recorded<DecidedView>>, ApiError> {
    let member = call.body.id.get()?;
    let reason = checked_reason(&call.body.reason)?;
    let entry = call.audit_entry(Action::Unban, Target::user(member))?.with_reason(&reason);
    let (staff, asked) = (call.staff()?, call.idempotency());
    let billing = store.billing(member).await?;
    let view = |account: &Account| DecidedView::of(account, &billing, call.now);
    let decided = store
        .admin_update_account(
            staff,
            member,
            (asked, &entry),
            call.now,
            AccountUpdate::reinstate,
            view,
        )
        .await?;
    store.apply_suspension(member, call.now).await?;
    replayed(decided)
}
