//! `POST /api/v1/admin/purchases/{id}/refund/decline`: decline a buyer's refund request.
//!
//! Access: admins, except on what they sold or bought.
//! Changes: the request is decided, with an audit entry. The buyer reads the reason on their
//! purchase. It can still be refunded: `POST /api/v1/admin/purchases/{id}/refund`.
//! Retry: a repeat with the same reason has no further effect. A request that was decided otherwise
//! meanwhile is a 409.

use domain::{Timestamp, audit::Action, id::PurchaseId, marketplace::listing::checked_reason};
use runtime::{Access, ApiError, Call, Endpoint, Function, NoStore, PathId};
use serde::{Deserialize, Serialize};
use store::Store;

use crate::decider::decider;

pub const ENDPOINT: Endpoint = Endpoint::post(
    "admin-decline-refund",
    "/api/v1/admin/purchases/{id}/refund/decline",
    Access::Admin,
)
.ignores_key()
.with_errors(&["no_refund_request", "own_listing", "own_purchase", "purchase_not_found"]);

#[derive(Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Request {
    id: PathId<PurchaseId>,
    /// The reason, shown to the buyer.
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = domain::marketplace::listing::REASON_CHARS_MAX)))]
    reason: String,
}

#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Response {
    purchase_id: PurchaseId,
    requested_at: Timestamp,
    decided_at: Timestamp,
    /// As the buyer reads it.
    reason: String,
}

/// The function of this endpoint.
pub fn function() -> Function {
    Function::http(ENDPOINT, handle)
}

async fn handle(store: &Store, call: Call<Request>) -> Result<NoStore<Response>, ApiError> {
    let id = call.body.id.get()?;
    let reason = checked_reason(&call.body.reason)?;
    let by = decider(&call, Action::DeclineRefund, id)?;
    let buyer = store.buyer_of(id).await?;
    let declined = store.change_purchase((&buyer, id), call.now, |update| {
        update.decline_refund(by.clone(), reason.clone(), call.now)
    });
    let (requested_at, decided_at) = declined.await?;
    Ok(NoStore(Response { purchase_id: id.clone(), requested_at, decided_at, reason }))
}
