//! `DELETE /api/v1/me/webhooks/{id}`: delete a webhook.
//!
//! Access: its member, unless suspended; for all other callers it does not exist (404).
//! Changes: the member's webhooks. What is on its way to the webhook is not sent, and its log can
//! no longer be read.
//! Retry: a repeat is a 404.

use domain::id::WebhookId;
use runtime::{Access, ApiError, Call, Endpoint, Function, NoContent, PathId};
use serde::Deserialize;
use store::Store;

pub const ENDPOINT: Endpoint =
    Endpoint::delete("account-delete-webhook", "/api/v1/me/webhooks/{id}", Access::Member)
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

async fn handle(store: &Store, call: Call<Request>) -> Result<NoContent, ApiError> {
    let which = (&call.member()?.user_id, call.body.id.get()?);
    store.delete_webhook(which, call.now).await?;
    Ok(NoContent)
}
