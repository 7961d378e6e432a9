//! `GET /api/v1/billing/invoices`: invoices of the subscription, and receipts of packs and
//! marketplace purchases, newest first.
//!
//! Access: any member, suspended ones too, for their own.
//! Changes: nothing.

use runtime::{Access, ApiError, Call, Endpoint, Function, Json, PageRequest};
use store::{Page, Store};

use crate::view::InvoiceView;

pub const ENDPOINT: Endpoint =
    Endpoint::get("billing-list-invoices", "/api/v1/billing/invoices", Access::Member);

/// The function of this endpoint.
pub fn function() -> Function {
    Function::http(ENDPOINT, handle)
}

async fn handle(
    store: &Store,
    call: Call<PageRequest>,
) -> Result<Json<Page<InvoiceView>>, ApiError> {
    let PageRequest { limit, cursor } = &call.body;
    let page = store.invoices(&call.member()?.user_id, *limit, cursor.clone()).await?;
    Ok(Json(page.map(|invoice| InvoiceView::new(invoice, &call.links))))
}
