//! `GET /api/v1/billing/invoices/{id}/pdf`: an invoice or a receipt as a PDF.
//!
//! Access: its owner; for all other callers it does not exist (404).
//! Changes: if Stripe has no PDF, ours is rendered once for each state of the invoice and stored.
//! Redirects to Stripe's PDF, or to a link to ours that is valid for ten minutes; with `Accept:
//! application/json`, answers 200 with that link, for pages: they cannot follow the redirect.

use clients::documents::{Company, Document, Documents};
use domain::id::InvoiceId;
use runtime::{Access, ApiError, Call, Connect, Endpoint, FileLink, Function, PathId};
use serde::Deserialize;
use store::{Rate, Store};

use crate::document::render;

pub const ENDPOINT: Endpoint =
    Endpoint::get("billing-get-invoice-pdf", "/api/v1/billing/invoices/{id}/pdf", Access::Member)
        .with_rate(Rate::a_minute(60))
        .with_errors(&["invoice_not_final", "invoice_not_found"]);

#[derive(Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Request {
    id: PathId<InvoiceId>,
}

/// The function of this endpoint.
pub fn function() -> Function {
    Function::http(ENDPOINT, handle)
}

#[derive(Connect)]
struct Deps {
    store: Store,
    documents: Documents,
    company: Company,
}

async fn handle(
    Deps { store, documents, company }: &Deps,
    call: Call<Request>,
) -> Result<FileLink, ApiError> {
    let id = call.body.id.get()?;
    let invoice = store.invoice(&call.member()?.user_id, id).await?;
    if let Some(url) = invoice.pdf_url {
        return Ok(FileLink { url, expires_at: None });
    }
    let print = || render(&invoice, company).map_err(ApiError::from);
    let key = documents.store_once(Document::of_invoice(&invoice)?, print).await?;
    Ok(FileLink::to_document(documents, &key, call.now).await?)
}
