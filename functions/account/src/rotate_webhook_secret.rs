//! `POST /api/v1/me/webhooks/{id}/secret`: replace a webhook's secret.
//!
//! For 24 hours requests have two signatures, of the new secret and of the one before, so that a
//! receiver can change over in its own time. The answer has the secret, which no later answer
//! shows.
//!
//! Access: its member, unless suspended; for all other callers it does not exist (404).
//! Changes: the member's webhooks, in one transaction with the record of the key.
//! Retry: the same `Idempotency-Key`, which is required, returns the same secret: without it, a
//! repeat would end the secret that the receiver still uses.

use clients::webhook::new_secret;
use domain::id::WebhookId;
use runtime::{Access, ApiError, Call, Endpoint, Function, NoStore, PathId};
use serde::Deserialize;
use store::Store;

use crate::webhook_view::WebhookWithSecret;

pub const ENDPOINT: Endpoint = Endpoint::post(
    "account-rotate-webhook-secret",
    "/api/v1/me/webhooks/{id}/secret",
    Access::Member,
)
.requires_key()
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

async fn handle(
    store: &Store,
    call: Call<Request>,
) -> Result<NoStore<WebhookWithSecret>, ApiError> {
    let which = (&call.member()?.user_id, call.body.id.get()?);
    let secret = new_secret([call.random(), call.random()]);
    let key = Some(call.idempotency_key()?);
    let rotate = store.update_webhook(which, key, call.now, |webhook| {
        webhook.rotate(secret.clone(), call.now);
    });
    Ok(NoStore(WebhookWithSecret::new(rotate.await?, call.now)))
}
