//! `POST /api/v1/me/webhooks/{id}/test`: send a test event to a webhook.
//!
//! The event has the type `webhook.test` and goes the way of every other event; its delivery is in
//! the log.
//!
//! Access: its member, unless suspended; for all other callers it does not exist (404).
//! Changes: one delivery, which is queued.
//! Retry: a repeat sends another event.

use domain::{
    id::{WebhookEventId, WebhookId},
    webhook::event::{Event, EventData, TestSent},
};
use runtime::{Accepted, Access, ApiError, Call, Endpoint, Function, PathId};
use serde::Deserialize;
use store::{Rate, Store};

use crate::webhook_view::DeliveryView;

/// Seconds after which a delivery has usually been attempted.
pub(crate) const DELIVERED_AFTER_S: u32 = 3;

pub const ENDPOINT: Endpoint =
    Endpoint::post("account-test-webhook", "/api/v1/me/webhooks/{id}/test", Access::Member)
        .ignores_key()
        .with_rate(Rate::a_minute(20))
        .with_errors(&["webhook_disabled", "webhook_not_found"]);

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

async fn handle(store: &Store, call: Call<Request>) -> Result<Accepted<DeliveryView>, ApiError> {
    let (user, id) = (&call.member()?.user_id, call.body.id.get()?);
    let event_id = WebhookEventId::new(call.now, call.random());
    let data = EventData::Test(TestSent { webhook_id: id.clone() });
    let event = Event { data, timestamp: call.now };
    let delivery = store.test_webhook((user, id), (event_id, event), call.now).await?;
    let location = call.links.to(format_args!("/api/v1/me/webhooks/{id}/deliveries"));
    Ok(Accepted { location, retry_after_s: DELIVERED_AFTER_S, body: delivery.into() })
}
