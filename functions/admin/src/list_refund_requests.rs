//! `GET /api/v1/admin/purchases/refund-requests`: refund requests that need a manual review,
//! the longest waiting first.
//!
//! Access: admins.
//! Changes: nothing. A request that is decided on leaves the list, without hiding or repeating
//! another on the next page. The index is eventually consistent.

use domain::{
    Timestamp,
    id::{ListingId, Named, PurchaseId, UserId},
    marketplace::purchase::{Purchase, refund::RefundObstacle},
    money::Money,
};
use runtime::{Access, ApiError, Call, Endpoint, Function, Json, PageRequest};
use serde::Serialize;
use store::{Names, Page, Store};

pub const ENDPOINT: Endpoint = Endpoint::get(
    "admin-list-refund-requests",
    "/api/v1/admin/purchases/refund-requests",
    Access::Admin,
);

#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct RequestView {
    purchase_id: PurchaseId,
    buyer: Named<UserId>,
    creator: Named<UserId>,
    /// With the title at which it was bought.
    listing: Named<ListingId>,
    /// With tax.
    paid: Option<Money>,
    paid_at: Option<Timestamp>,
    /// The refundable amount.
    refundable: Money,
    /// When the buyer first asked.
    requested_at: Option<Timestamp>,
    /// Why it was not refunded at once.
    because: Option<RefundObstacle>,
    /// The buyer's reason, in their words.
    reason: Option<String>,
}

/// The function of this endpoint.
pub fn function() -> Function {
    Function::http(ENDPOINT, handle)
}

async fn handle(
    store: &Store,
    call: Call<PageRequest>,
) -> Result<Json<Page<RequestView>>, ApiError> {
    let PageRequest { limit, cursor } = &call.body;
    let waiting = store.refund_requests(*limit, cursor.clone()).await?;
    let members = waiting.items.iter().flat_map(|it| [&it.buyer_id, &it.creator_id]);
    let names = store.names(members, []).await?;
    Ok(Json(waiting.map(|it| RequestView::of(it, &names))))
}

impl RequestView {
    fn of(purchase: Purchase, names: &Names) -> RequestView {
        let request = purchase.refund_request.as_ref();
        RequestView {
            refundable: Money { amount: purchase.refundable(), ..purchase.price },
            requested_at: request.map(|it| it.at),
            because: request.map(|it| it.because),
            reason: request.and_then(|it| it.reason.clone()),
            purchase_id: purchase.id,
            buyer: names.member(&purchase.buyer_id),
            creator: names.member(&purchase.creator_id),
            listing: Named { id: purchase.listing_id, name: Some(purchase.title) },
            paid: purchase.paid,
            paid_at: purchase.paid_at,
        }
    }
}
