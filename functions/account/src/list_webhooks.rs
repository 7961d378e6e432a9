//! `GET /api/v1/me/webhooks`: the member's webhooks, oldest first.
//!
//! Access: any member, suspended ones too, for their own.
//! Changes: nothing. A member has at most ten, so there is one page.

use runtime::{Access, ApiError, Call, Endpoint, Function, Json};
use serde::Deserialize;
use store::{Page, Store};

use crate::webhook_view::WebhookView;

pub const ENDPOINT: Endpoint =
    Endpoint::get("account-list-webhooks", "/api/v1/me/webhooks", Access::Member);

#[derive(Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Request {}

/// The function of this endpoint.
pub fn function() -> Function {
    Function::http(ENDPOINT, handle)
}

async fn handle(store: &Store, call: Call<Request>) -> Result<Json<Page<WebhookView>>, ApiError> {
    let theirs = store.webhooks(&call.member()?.user_id).await?;
    let page = Page { items: theirs.webhooks, next_cursor: None };
    Ok(Json(page.map(|webhook| WebhookView::new(webhook, call.now))))
}
