//! `POST /api/v1/admin/users/{id}/credits`: grant a member credits, or revoke some.
//!
//! Access: admins; not for their own account, nor for another admin's.
//! Changes: `amount` credits form a new lot, which first offsets the member's debt; a negative
//! amount is revoked from the balance, granted credits before paid ones, and refused if it exceeds
//! the balance. Ledger, idempotency record and audit entry are in the same transaction.
//! Retry: the same `Idempotency-Key` returns the same answer and changes nothing.

use domain::{
    Timestamp,
    account::{AccountUpdate, staff::Adjustment},
    audit::{Action, Target},
    credits::LotId,
    id::UserId,
    marketplace::listing::checked_reason,
};
use runtime::{Access, ApiError, Call, Endpoint, Function, NoStore, PathId, Recorded, replayed};
use serde::Deserialize;
use store::Store;

use crate::member::MemberView;

pub const ENDPOINT: Endpoint =
    Endpoint::post("admin-adjust-credits", "/api/v1/admin/users/{id}/credits", Access::Admin)
        .requires_key()
        .with_errors(&[
            "own_account",
            "target_is_admin",
            "too_few_credits",
            "too_many_grants",
            "user_not_found",
        ]);

#[derive(Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Request {
    id: PathId<UserId>,
    /// Credits to grant; to revoke, if negative.
    #[cfg_attr(feature = "schema", schemars(range(min = -i64::from(domain::account::staff::CREDITS_MAX), max = i64::from(domain::account::staff::CREDITS_MAX))))]
    amount: i64,
    /// For the audit log.
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = domain::marketplace::listing::REASON_CHARS_MAX)))]
    reason: String,
    /// When the granted credits expire; never by default.
    expires_at: Option<Timestamp>,
}

/// The function of this endpoint.
pub fn function() -> Function {
    Function::http(ENDPOINT, handle)
}

async fn handle(
    store: &Store,
    call: Call<Request>,
) -> Result<NoStore<Recorded<MemberView>>, ApiError> {
    let Request { id, amount, reason, expires_at } = &call.body;
    let member = id.get()?;
    let reason = checked_reason(reason)?;
    let adjustment = Adjustment::checked(*amount, *expires_at, call.now)?;
    let action = match adjustment {
        Adjustment::Grant(..) => Action::GrantCredits,
        Adjustment::TakeBack(..) => Action::TakeBackCredits,
    };
    let entry = call.audit_entry(action, Target::user(member))?.with_reason(&reason);
    let (lot, asked) = (LotId(format!("admin:{:032x}", call.random())), call.idempotency());
    let change = |update: &mut AccountUpdate| update.adjust(lot.clone(), adjustment);
    let decided = store
        .admin_update_account(call.staff()?, member, (asked, &entry), call.now, change, |account| {
            MemberView::of(account, call.now)
        })
        .await?;
    replayed(decided)
}
