//! `GET /api/v1/admin/purchases/refund-requests`: refund requests that need a manual review,
//! the longest waiting first.
//!
//! Access: admins.
//! Changes: nothing. There is no next page: refunded requests make room for the next. The index is
//! eventually consistent.

use domain::{
    Timestamp,
    id::{ListingId, Named, PurchaseId, UserId},
    marketplace::purchase::{Purchase, refund::ManualReview},
    money::Money,
};
use runtime::{Access, ApiError, Call, Endpoint, Function, Json};
use serde::{Deserialize, Serialize};
use store::{Names, Page, PageSize, Store};

pub const ENDPOINT: Endpoint = Endpoint::get(
    "admin-list-refund-requests",
    "/api/v1/admin/purchases/refund-requests",
    Access::Admin,
);

#[derive(Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// At most 100 are shown.
    #[serde(default)]
    limit: PageSize,
}

#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct RequestView {
    purchase_id: PurchaseId,
    buyer: Named<UserId>,
    creator: Named<UserId>,
    /// With the title at which it was bought.
    listing: Named<ListingId>,
    paid: Option<Money>,
    paid_at: Option<Timestamp>,
    /// The refundable amount.
    refundable: Money,
    request: Option<ManualReview>,
}

/// The function of this endpoint.
pub fn function() -> Function {
    Function::http(ENDPOINT, handle)
}

async fn handle(store: &Store, call: Call<Request>) -> Result<Json<Page<RequestView>>, ApiError> {
    let most = u16::try_from(call.body.limit.get()).unwrap_or(PageSize::MAX);
    let waiting = store.refund_requests(most).await?;
    let members = waiting.iter().flat_map(|it| [&it.buyer_id, &it.creator_id]);
    let names = store.names(members, []).await?;
    let items = waiting.into_iter().map(|it| RequestView::of(it, &names)).collect();
    Ok(Json(Page { items, next_cursor: None }))
}

impl RequestView {
    fn of(purchase: Purchase, names: &Names) -> RequestView {
        RequestView {
            refundable: Money { amount: purchase.refundable(), ..purchase.price },
            purchase_id: purchase.id,
            buyer: names.member(&purchase.buyer_id),
            creator: names.member(&purchase.creator_id),
            listing: Named { id: purchase.listing_id, name: Some(purchase.title) },
            paid: purchase.paid,
            paid_at: purchase.paid_at,
            request: purchase.refund_request,
        }
    }
}
