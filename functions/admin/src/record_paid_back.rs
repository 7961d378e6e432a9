//! `POST /api/v1/admin/purchases/{id}/paid-back`: record that you pay a buyer outside Stripe.
//!
//! Access: admins, except on what they sold or bought.
//! Changes: of a purchase that is `returned` and whose payment cannot be refunded, nothing is due
//! any more, with an audit entry and a journal; its parked events are applied by the next nightly
//! run. What comes back to us of the payment later is owed again, and recorded as this was. No
//! money moves here: record it first, then pay. Only one person can record it, so it is paid once.
//! Refused while a refund is due or in progress, and while a dispute is open: the bank decides.
//! Retry: a repeat by the same person with the same amount and reason has no further effect and
//! answers with what was recorded first; any other is `409 paid_back_already`.

use clients::Stripe;
use domain::{
    Timestamp, audit::Action, id::PurchaseId, marketplace::listing::checked_reason, money::Money,
};
use runtime::{Access, ApiError, Call, Connect, Endpoint, Function, NoStore, PathId};
use serde::{Deserialize, Serialize};
use settlement::Settlement;
use store::{NotFound, Store};

use crate::decider::decider;

pub const ENDPOINT: Endpoint = Endpoint::post(
    "admin-record-paid-back",
    "/api/v1/admin/purchases/{id}/paid-back",
    Access::Admin,
)
.ignores_key()
.with_errors(&[
    "amount_changed",
    "in_dispute",
    "not_returned",
    "own_listing",
    "own_purchase",
    "paid_back_already",
    "purchase_not_found",
    "refund_in_progress",
    "refunded_already",
]);

#[derive(Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Request {
    id: PathId<PurchaseId>,
    /// What is owed to the buyer, tax included. Another amount is `409 amount_changed`, which says
    /// what is owed now.
    amount: Money,
    /// How it is paid, and why not through Stripe: for staff.
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = domain::marketplace::listing::REASON_CHARS_MAX)))]
    reason: String,
}

#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Response {
    purchase_id: PurchaseId,
    /// What is paid to the buyer, tax included.
    amount: Money,
    recorded_at: Timestamp,
    reason: String,
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
) -> Result<NoStore<Response>, ApiError> {
    let id = call.body.id.get()?;
    let reason = checked_reason(&call.body.reason)?;
    let by = decider(&call, Action::RecordPaidBack, id)?;
    let buyer = store.buyer_of(id).await?;
    let settlement = Settlement::new(store, stripe);
    let (amount, said) = (call.body.amount, (&by, reason.as_str()));
    let purchase = settlement.record_paid_back(&buyer, id, amount, said, call.now).await?;
    let mut recorded = purchase.paid_back.into_iter().rev();
    let paid = recorded.find(|it| it.is_said_again(amount, said)).ok_or(NotFound::Purchase)?;
    Ok(NoStore(Response {
        purchase_id: purchase.id,
        amount: Money { amount: paid.amount, ..purchase.price },
        recorded_at: paid.at,
        reason: paid.reason,
    }))
}
