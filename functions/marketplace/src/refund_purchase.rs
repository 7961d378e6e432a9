//! `POST /api/v1/marketplace/purchases/{id}/refund`: refund an unused purchase.
//!
//! Access: the buyer, suspended ones too; for all other callers it does not exist (404).
//! Changes: within fourteen days, if nothing was downloaded or generated with it, the purchase is
//! refunded at once, which ends the entitlement. Otherwise a request for manual review is recorded,
//! and the response is a 409 with the reason.
//! Retry: a repeat returns the same refund.

use clients::Stripe;
use domain::{
    id::PurchaseId,
    marketplace::{
        listing::checked_reason,
        purchase::refund::{RefundReceipt, RefundRequest, RefundedBy},
    },
};
use runtime::{Access, ApiError, Call, Connect, Endpoint, Function, NoStore, PathId};
use serde::Deserialize;
use settlement::Settlement;
use store::{NotFound, Rate, Store};

pub const ENDPOINT: Endpoint = Endpoint::post(
    "marketplace-refund-purchase",
    "/api/v1/marketplace/purchases/{id}/refund",
    Access::Member,
)
.ignores_key()
.with_rate(Rate::an_hour(30));

#[derive(Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Request {
    id: PathId<PurchaseId>,
    /// The reason, shown to the creator.
    reason: Option<String>,
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
    let reason = call.body.reason.as_deref().map(checked_reason).transpose()?;
    let request = RefundRequest { amount: None, by: RefundedBy::Buyer, reason, request: None };
    let settlement = Settlement::new(store, stripe);
    let refund = settlement.ask_refund(&call.member()?.user_id, id, &request, call.now);
    Ok(NoStore(refund.await?.receipt(None).ok_or(NotFound::Purchase)?))
}
