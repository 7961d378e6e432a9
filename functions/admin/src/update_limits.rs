//! `PUT /api/v1/admin/users/{id}/limits`: set limits for a member in place of their plan's.
//!
//! Access: admins; not their own account, and not another admin's.
//! Changes: `concurrency` applies from the next generation, `monthly_allowance` from the next month
//! or invoice; an unlimited plan stays unlimited. A `null` or omitted limit is the plan's again.
//! Retry: a repeat sets the same limits.

use domain::{
    account::{AccountUpdate, Limits, StaffError},
    audit::{Action, Target},
    id::UserId,
    marketplace::listing::checked_reason,
};
use runtime::{Access, ApiError, Call, Endpoint, Function, NoStore, PathId, Recorded, replayed};
use serde::Deserialize;
use store::Store;

use crate::member::MemberView;

pub const ENDPOINT: Endpoint =
    Endpoint::put("admin-update-limits", "/api/v1/admin/users/{id}/limits", Access::Admin)
        .with_errors(&["own_account", "target_is_admin", "user_not_found"]);

#[derive(Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Request {
    id: PathId<UserId>,
    /// Credits per month.
    #[cfg_attr(feature = "schema", schemars(range(max = domain::account::ALLOWANCE_MAX)))]
    monthly_allowance: Option<u32>,
    /// Generations open at once.
    #[cfg_attr(feature = "schema", schemars(range(min = 1, max = domain::account::CONCURRENCY_MAX)))]
    concurrency: Option<u32>,
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
) -> Result<NoStore<Recorded<MemberView>>, ApiError> {
    let Request { id, monthly_allowance, concurrency, reason } = &call.body;
    let member = id.get()?;
    let reason = checked_reason(reason)?;
    let limits = Limits { monthly_allowance: *monthly_allowance, concurrency: *concurrency };
    limits.validate()?;
    let entry = call.audit_entry(Action::SetLimits, Target::user(member))?.with_reason(&reason);
    let (staff, asked) = (call.staff()?, call.idempotency());
    let change = |update: &mut AccountUpdate| {
        update.limit(limits);
        Ok::<(), StaffError>(())
    };
    let decided = store
        .admin_update_account(staff, member, (asked, &entry), call.now, change, |account| {
            MemberView::of(account, call.now)
        })
        .await?;
    replayed(decided)
}
