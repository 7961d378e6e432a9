//! `POST /api/v1/me/webhooks/{id}/deliveries/{delivery_id}/redeliver`: send an event again.
//!
//! The request has the same `webhook-id` and the same body; if it fails, it is retried as at first.
//!
//! Access: the webhook's member, unless suspended; for all other callers it does not exist (404).
//! Changes: the delivery, which is queued. One that is in progress or whose webhook is disabled is
//! refused (409).
//! Retry: a repeat is refused while the delivery is in progress.

use domain::id::{WebhookEventId, WebhookId};
use runtime::{Accepted, Access, ApiError, Call, Endpoint, Function, PathId};
use serde::Deserialize;
use store::{Rate, Store};

use crate::{test_webhook::DELIVERED_AFTER_S, webhook_view::DeliveryView};

pub const ENDPOINT: Endpoint = Endpoint::post(
    "account-redeliver-webhook",
    "/api/v1/me/webhooks/{id}/deliveries/{delivery_id}/redeliver",
    Access::Member,
)
.ignores_key()
.with_rate(Rate::a_minute(60))
.with_errors(&[
    "delivery_in_progress",
    "delivery_not_found",
    "webhook_disabled",
    "webhook_not_found",
]);

#[derive(Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Request {
    id: PathId<WebhookId>,
    delivery_id: PathId<WebhookEventId>,
}

/// The function of this endpoint.
pub fn function() -> Function {
    Function::http(ENDPOINT, handle)
}

async fn handle(store: &Store, call: Call<Request>) -> Result<Accepted<DeliveryView>, ApiError> {
    let (id, delivery_id) = (call.body.id.get()?, call.body.delivery_id.get()?);
    let user = &call.member()?.user_id;
    let delivery = store.redeliver(user, (id, delivery_id), call.now).await?;
    let location = call.links.to(format_args!("/api/v1/me/webhooks/{id}/deliveries"));
    Ok(Accepted { location, retry_after_s: DELIVERED_AFTER_S, body: delivery.into() })
}
