//! `GET /api/v1/marketplace/creator/payouts`: a creator's payouts, sent, open and skipped, newest
//! first.
//!
//! Access: any member, suspended ones too, for their own.
//! Changes: nothing.

use domain::{
    Timestamp,
    id::PayoutId,
    marketplace::creator::payout::{Payout, PayoutStatus},
    money::Money,
};
use runtime::{Access, ApiError, Call, Endpoint, Function, Json, PageRequest};
use serde::Serialize;
use store::{Page, Store};

pub const ENDPOINT: Endpoint = Endpoint::get(
    "marketplace-list-creator-payouts",
    "/api/v1/marketplace/creator/payouts",
    Access::Member,
);

#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct PayoutView {
    id: PayoutId,
    /// The day of the run.
    date: String,
    status: PayoutStatus,
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
    created_at: Timestamp,
    sent_at: Option<Timestamp>,
    paid_at: Option<Timestamp>,
}

/// The function of this endpoint.
pub fn function() -> Function {
    Function::http(ENDPOINT, handle)
}

async fn handle(
    store: &Store,
    call: Call<PageRequest>,
) -> Result<Json<Page<PayoutView>>, ApiError> {
    let PageRequest { limit, cursor } = &call.body;
    let page = store.payouts(&call.member()?.user_id, *limit, cursor.clone()).await?;
    Ok(Json(page.map(PayoutView::from)))
}

impl From<Payout> for PayoutView {
    fn from(payout: Payout) -> PayoutView {
        let money = |amount| Money { amount, currency: payout.currency };
        PayoutView {
            status: PayoutStatus::from(&payout.state),
            amount: money(payout.amount),
            sales: payout.sales,
            settled: money(payout.settled),
            reversed: money(payout.reversed),
            reason: payout.state.reason().map(str::to_owned),
            id: payout.id,
            date: payout.date,
            created_at: payout.created_at,
            sent_at: payout.sent_at,
            paid_at: payout.paid_at,
        }
    }
}
