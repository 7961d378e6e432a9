//! `GET /api/v1/marketplace/purchases`: the member's purchases, pending ones included, newest
//! first.
//!
//! Access: any member, suspended ones too, for their own.
//! Changes: nothing. With `listing_id` the page is the one purchase that entitles the member to
//! that listing, or empty without an entitlement.

use domain::id::ListingId;
use runtime::{Access, ApiError, Call, Endpoint, Function, Json};
use serde::Deserialize;
use store::{Cursor, Page, PageSize, Store};

use crate::purchase_view::PurchaseView;

pub const ENDPOINT: Endpoint =
    Endpoint::get("marketplace-list-purchases", "/api/v1/marketplace/purchases", Access::Member);

#[derive(Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// Only the purchases of this listing.
    listing_id: Option<ListingId>,
    #[serde(default)]
    limit: PageSize,
    cursor: Option<Cursor>,
}

/// The function of this endpoint.
pub fn function() -> Function {
    Function::http(ENDPOINT, handle)
}

async fn handle(store: &Store, call: Call<Request>) -> Result<Json<Page<PurchaseView>>, ApiError> {
    let Request { listing_id, limit, cursor } = &call.body;
    let user = &call.member()?.user_id;
    let page = match listing_id {
        Some(listing) => store.purchase_of_listing(user, listing).await?,
        None => store.purchases(user, *limit, cursor.clone()).await?,
    };
    let page = store.purchase_records(user, page).await?;
    Ok(Json(page.map(|record| PurchaseView::new(record, &call.links, call.now))))
}
