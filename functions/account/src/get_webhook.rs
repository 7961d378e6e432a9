//! `GET /api/v1/me/webhooks/{id}`: one webhook.
//!
//! Access: its member, suspended ones too; for all other callers it does not exist (404).
//! Changes: nothing.

use domain::id::WebhookId;
use runtime::{Access, ApiError, Call, Endpoint, Function, Json, PathId};
use serde::Deserialize;
use store::Store;

use crate::webhook_view::WebhookView;

pub const ENDPOINT: Endpoint =
    Endpoint::get("account-get-webhook", "/api/v1/me/webhooks/{id}", Access::Member)
        .with_errors(&["webhook_not_found"]);

#[derive(Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Request {
    id: PathId<WebhookId>,
}

/// The function of this endpoint.
pub fn function() -> Function {
    Function::http(ENDPOINT, handle)
}

async fn handle(store: &Store, call: Call<Request>) -> Result<Json<WebhookView>, ApiError> {
    let webhook = store.webhook(&call.member()?.user_id, call.body.id.get()?).await?;
    Ok(Json(WebhookView::new(webhook, call.now)))
}
