//! `POST /api/v1/marketplace/purchases/{id}/refund`: refund an unused purchase.
//!
//! Access: the buyer, suspended ones too; for all other callers it does not exist (404).
//! Changes: until `refundable_until`, that is within fourteen days and before anything is downloaded
//! or generated with it, the purchase is refunded at once (200), which ends the entitlement. Later a
//! request is recorded for staff (202): `refund_request` of the purchase says what they decide.
//! Retry: a repeat returns the same refund or request. A request that staff declined is not decided
//! on again (409).

use clients::Stripe;
use domain::{
    id::PurchaseId,
    marketplace::{
        listing::checked_reason,
        purchase::refund::{RefundRequest, RefundedBy},
    },
};
use runtime::{Accepted, Access, ApiError, Call, Connect, Endpoint, Function, NowOrLater, PathId};
use serde::Deserialize;
use settlement::Settlement;
use store::{Rate, Store};

use crate::purchase_view::{PurchaseView, location_of};

pub const ENDPOINT: Endpoint = Endpoint::post(
    "marketplace-refund-purchase",
    "/api/v1/marketplace/purchases/{id}/refund",
    Access::Member,
)
.ignores_key()
.for_suspended()
.with_rate(Rate::an_hour(30))
.with_errors(&[
    "in_dispute",
    "not_paid",
    "purchase_not_found",
    "refund_declined",
    "refund_in_progress",
    "refunded_already",
    "too_many_refunds",
]);

/// When to look for the decision of staff, who work by day.
const DECIDED_AFTER_S: u32 = 3_600;

#[derive(Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Request {
    id: PathId<PurchaseId>,
    /// The reason, shown to staff and to the creator.
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = domain::marketplace::listing::REASON_CHARS_MAX)))]
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
) -> Result<NowOrLater<PurchaseView>, ApiError> {
    let id = call.body.id.get()?;
    let reason = call.body.reason.as_deref().map(checked_reason).transpose()?;
    let request = RefundRequest { amount: None, by: RefundedBy::Buyer, reason, request: None };
    let settlement = Settlement::new(store, stripe);
    let asked = settlement.ask_refund(&call.member()?.user_id, id, &request, call.now).await?;
    let waits = asked.refund_request.as_ref().is_some_and(|it| it.is_open());
    let body = PurchaseView::read(store, asked, &call).await?;
    Ok(match waits {
        true => NowOrLater::Later(Accepted {
            location: location_of(id, &call.links),
            retry_after_s: DECIDED_AFTER_S,
            body,
        }),
        false => NowOrLater::Now(body),
    })
}
