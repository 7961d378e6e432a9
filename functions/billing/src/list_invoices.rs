//! `GET /api/v1/billing/invoices`: invoices of the subscription and receipts of packs, newest
//! first.
//!
//! Access: any member, suspended ones too, for their own.
//! Changes: nothing.

use std::process::ExitCode;

use runtime::{Access, ApiError, Call, Endpoint, Json, PageRequest};
use store::{Page, Store};

use crate::view::InvoiceView;

pub const ENDPOINT: Endpoint =
    Endpoint::get("billing-list-invoices", "/api/v1/billing/invoices", Access::Member);

/// Runs the function: the entry point of its binary.
pub fn serve() -> ExitCode {
    runtime::http(ENDPOINT, handle)
}

pub async fn handle(
    store: &Store,
    call: Call<PageRequest>,
) -> Result<Json<Page<InvoiceView>>, ApiError> {
    let PageRequest { limit, cursor } = &call.body;
    let page = store.invoices(&call.member()?.user_id, *limit, cursor.clone()).await?;
    Ok(Json(page.map(|invoice| InvoiceView::new(invoice, &call.links))))
}
