//! `PUT /api/v1/admin/users/{id}/limits`: set a member's own limits in place of their plan's.
//!
//! Access: admins; not their own account, nor another admin's.
//! Changes: `concurrency` holds for the next generation, `monthly_allowance` from the next month or
//! invoice on; an unlimited plan stays unlimited. What is `null` or not said is the plan's again.
//! Retry: it is the same limits.

use std::process::ExitCode;

use domain::{
    account::{AccountUpdate, Limits, StaffError},
    audit::{Action, Target},
    marketplace::listing::checked_reason,
};
use runtime::{Access, ApiError, Call, Endpoint, NoStore, replayed};
use serde::Deserialize;
use serde_json::value::RawValue;
use store::Store;

use crate::member::{MemberView, member_id};

pub const ENDPOINT: Endpoint =
    Endpoint::put("admin-update-limits", "/api/v1/admin/users/{id}/limits", Access::Admin);

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Request {
    id: String,
    /// Credits a month.
    monthly_allowance: Option<u32>,
    /// Generations open at once.
    concurrency: Option<u32>,
    /// For the audit.
    reason: String,
}

/// The whole of its process.
pub fn serve() -> ExitCode {
    runtime::http(ENDPOINT, handle)
}

pub async fn handle(
    store: &Store,
    call: Call<Request>,
) -> Result<NoStore<Box<RawValue>>, ApiError> {
    let Request { id, monthly_allowance, concurrency, reason } = &call.body;
    let member = member_id(id)?;
    let reason = checked_reason(reason)?;
    let limits = Limits { monthly_allowance: *monthly_allowance, concurrency: *concurrency };
    limits.validate()?;
    let deed = call.deed(Action::SetLimits, Target::user(&member))?.with_reason(&reason);
    let (staff, asked) = (call.staff()?, call.idempotency());
    let change = |draft: &mut AccountUpdate| {
        draft.limit(limits);
        Ok::<(), StaffError>(())
    };
    let decided = store
        .admin_update_account(staff, &member, (asked, &deed), call.now, change, MemberView::of)
        .await?;
    replayed(decided)
}
