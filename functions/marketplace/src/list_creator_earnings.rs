//! `GET /api/v1/marketplace/creator/earnings`: a creator's sales and their payout status,
//! newest first.
//!
//! Access: any member, suspended ones too, for their own.
//! Changes: nothing. Free sales are not included.

use runtime::{Access, ApiError, Call, Endpoint, Function, Json, PageRequest};
use store::{Page, Store};

use crate::purchase_view::EarningView;

pub const ENDPOINT: Endpoint = Endpoint::get(
    "marketplace-list-creator-earnings",
    "/api/v1/marketplace/creator/earnings",
    Access::Member,
);

/// The function of this endpoint.
pub fn function() -> Function {
    Function::http(ENDPOINT, handle)
}

async fn handle(
    store: &Store,
    call: Call<PageRequest>,
) -> Result<Json<Page<EarningView>>, ApiError> {
    let PageRequest { limit, cursor } = &call.body;
    let page = store.sales(&call.member()?.user_id, *limit, cursor.clone()).await?;
    Ok(Json(page.map(|sale| EarningView::new(sale, call.now))))
}
