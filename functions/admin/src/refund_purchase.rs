//! `POST /api/v1/admin/purchases/{id}/refund`: refund a buyer, in full or in part.
//!
//! Access: admins.
//! Changes: the refund is recorded with its requester and reason, then made at Stripe. Before the
//! payout of the sale its payable shrinks in proportion; after it a part of the transfer is
//! reversed, or becomes creator debt. A full refund ends the entitlement. Refused while a dispute
//! is open: the bank decides.
//! Retry: the same `Idempotency-Key` is the same refund, also after a crash between any two steps.

use clients::Stripe;
use domain::{
    audit::Action,
    id::PurchaseId,
    marketplace::{
        listing::checked_reason,
        purchase::refund::{IdempotencyMark, RefundReceipt, RefundRequest},
    },
    money::Money,
};
use runtime::{Access, ApiError, Call, Connect, Endpoint, Function, NoStore, PathId};
use serde::Deserialize;
use settlement::Settlement;
use store::{NotFound, Store};

use crate::decider::decider;

pub const ENDPOINT: Endpoint =
    Endpoint::post("admin-refund-purchase", "/api/v1/admin/purchases/{id}/refund", Access::Admin)
        .requires_key()
        .with_errors(&[
            "in_dispute",
            "not_paid",
            "own_listing",
            "own_purchase",
            "purchase_not_found",
            "refund_in_progress",
            "refund_too_large",
            "refund_too_small",
            "refunded_already",
            "too_many_refunds",
        ]);

#[derive(Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Request {
    id: PathId<PurchaseId>,
    /// The amount, tax included; by default all that is not yet refunded.
    amount: Option<Money>,
    /// The reason, shown to buyer and creator.
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = domain::marketplace::listing::REASON_CHARS_MAX)))]
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
) -> Result<NoStore<RefundReceipt>, ApiError> {
    let id = call.body.id.get()?;
    let reason = checked_reason(&call.body.reason)?;
    let key = call.idempotency_key()?;
    let mark = IdempotencyMark { key: key.key.clone(), fingerprint: key.fingerprint.clone() };
    let request = RefundRequest {
        amount: call.body.amount,
        by: decider(&call, Action::Refund, id)?,
        reason: Some(reason),
        request: Some(mark.clone()),
    };
    let buyer = store.buyer_of(id).await?;
    let asked = Settlement::new(store, stripe).ask_refund(&buyer, id, &request, call.now).await?;
    Ok(NoStore(asked.receipt(Some(&mark)).ok_or(NotFound::Purchase)?))
}
