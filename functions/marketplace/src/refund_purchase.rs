//! `POST /api/v1/marketplace/purchases/{id}/refund`: give back what was never opened.
//!
//! Access: the buyer, suspended ones too; to everybody else it does not exist.
//! Changes: within fourteen days, if nothing was downloaded and no image was made with it, the money
//! goes back at once, and with it the right to use it. Otherwise the wish is noted for staff, and the
//! answer is a conflict that says why.
//! Retry: asked for again, the same refund is answered.

use std::process::ExitCode;

use clients::Stripe;
use domain::{
    id::PurchaseId,
    marketplace::{
        listing::checked_reason,
        refund::{RefundReceipt, RefundRequest, RefundedBy},
    },
};
use runtime::{Access, ApiError, Call, Endpoint, NoStore};
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
#[serde(deny_unknown_fields)]
pub struct Request {
    id: String,
    /// Why; its creator is shown it.
    reason: Option<String>,
}

/// The whole of its process.
pub fn serve() -> ExitCode {
    runtime::http(ENDPOINT, handle)
}

pub async fn handle(
    (store, stripe): &(Store, Stripe),
    call: Call<Request>,
) -> Result<NoStore<RefundReceipt>, ApiError> {
    let id = PurchaseId::parse(&call.body.id).map_err(|_| NotFound::Purchase)?;
    let reason = call.body.reason.as_deref().map(checked_reason).transpose()?;
    let wish = RefundRequest { amount: None, by: RefundedBy::Buyer, reason, request: None };
    let settlement = Settlement::new(store, stripe);
    let asked = settlement.ask_refund(&call.member()?.user_id, &id, &wish, call.now);
    Ok(NoStore(asked.await?.receipt(None).ok_or(NotFound::Purchase)?))
}
