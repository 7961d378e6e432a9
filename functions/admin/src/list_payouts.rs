//! `GET /api/v1/admin/payouts`: payouts to creators, the newest first.
//!
//! Access: admins.
//! Changes: only an audit entry for the read of the creator or of all members, once an hour.
//! Filters are combined. A page may be short, or empty, before the end; `next_cursor` continues. A
//! page costs 3 read units, and 1 for each payout and each creator on it. A finished payout from
//! before this list was kept is found by its creator.

use domain::{
    Timestamp,
    audit::{Action, Target},
    billing::external::TransferId,
    id::{Named, PayoutId, UserId},
    marketplace::creator::payout::{Payout, PayoutStatus},
    money::Money,
};
use runtime::{Access, ApiError, Call, Endpoint, Function, Json};
use serde::{Deserialize, Serialize};
use store::{Cursor, Names, Page, PageSize, PayoutFilter, Store};

pub const ENDPOINT: Endpoint =
    Endpoint::get("admin-list-payouts", "/api/v1/admin/payouts", Access::Admin);

#[derive(Debug, Clone, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// Only those with this status.
    status: Option<PayoutStatus>,
    /// Only those of this creator.
    creator_id: Option<UserId>,
    #[serde(default)]
    limit: PageSize,
    cursor: Option<Cursor>,
}

/// A payout in a list for staff.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct PaidOutView {
    id: PayoutId,
    /// The day of the run.
    date: String,
    status: PayoutStatus,
    creator: Named<UserId>,
    /// The amount sent or to be sent; of a skipped payout, the payable balance.
    amount: Money,
    /// Number of sales in it.
    sales: u32,
    /// The debt offset; negative where we owed the creator.
    settled: Money,
    /// Reversed because of refunds and disputes.
    reversed: Money,
    /// Why it was skipped or failed.
    reason: Option<String>,
    /// Stripe's transfer.
    transfer_id: Option<TransferId>,
    created_at: Timestamp,
    sent_at: Option<Timestamp>,
    paid_at: Option<Timestamp>,
}

/// The function of this endpoint.
pub fn function() -> Function {
    Function::http(ENDPOINT, handle)
}

async fn handle(store: &Store, call: Call<Request>) -> Result<Json<Page<PaidOutView>>, ApiError> {
    let Request { status, creator_id, limit, cursor } = call.body.clone();
    let target = creator_id.as_ref().map_or_else(Target::directory, Target::user);
    let entry = call.audit_entry(Action::ReadMember, target)?;
    let wanted = PayoutFilter { status, creator: creator_id };
    let page = store.all_payouts(&wanted, (limit, cursor)).await?;
    let names = store.names(page.items.iter().map(|it| &it.creator_id), []).await?;
    store.note_read(entry, call.now).await?;
    Ok(Json(page.map(|payout| PaidOutView::of(payout, &names))))
}

impl PaidOutView {
    fn of(payout: Payout, names: &Names) -> PaidOutView {
        let money = |amount| Money { amount, currency: payout.currency };
        PaidOutView {
            status: payout.state.status(),
            creator: names.member(&payout.creator_id),
            amount: money(payout.amount),
            sales: payout.sales,
            settled: money(payout.settled),
            reversed: money(payout.reversed),
            reason: payout.state.reason().map(str::to_owned),
            id: payout.id,
            date: payout.date,
            transfer_id: payout.transfer,
            created_at: payout.created_at,
            sent_at: payout.sent_at,
            paid_at: payout.paid_at,
        }
    }
}
