//! `POST /api/v1/me/webhooks`: add a webhook that events are sent to.
//!
//! Requests to it follow Standard Webhooks (<https://www.standardwebhooks.com>): `webhook-id`,
//! `webhook-timestamp`, `webhook-signature`, and a body `{type, timestamp, data}`. The answer has
//! the secret, which no later answer shows. A member has at most ten webhooks.
//!
//! Access: any member who is not suspended.
//! Changes: the member's webhooks, in one transaction with the record of the key.
//! Retry: the same `Idempotency-Key` returns the same webhook, or 404 once it is deleted.

use std::collections::BTreeSet;

use clients::{WebhookUrls, webhook::new_secret};
use domain::{
    id::WebhookId,
    webhook::{
        endpoint::{Webhook, WebhookSettings},
        event::EventType,
    },
};
use runtime::{Access, ApiError, Call, Connect, Created, Endpoint, Function};
use serde::Deserialize;
use store::Store;

use crate::webhook_view::WebhookWithSecret;

pub const ENDPOINT: Endpoint =
    Endpoint::post("account-create-webhook", "/api/v1/me/webhooks", Access::Member)
        .with_errors(&["too_many_webhooks", "webhook_not_found"]);

#[derive(Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// An `https` URL of a public host.
    #[cfg_attr(feature = "schema", schemars(length(max = domain::webhook::endpoint::URL_BYTES_MAX)))]
    url: String,
    /// A note of the member's.
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = domain::webhook::endpoint::DESCRIPTION_CHARS_MAX)))]
    description: Option<String>,
    /// The types of events to be sent, at least one.
    #[cfg_attr(feature = "schema", schemars(schema_with = "domain::webhook::event::wanted_types"))]
    events: BTreeSet<EventType>,
}

/// The function of this endpoint.
pub fn function() -> Function {
    Function::http(ENDPOINT, handle)
}

#[derive(Connect)]
struct Deps {
    store: Store,
    urls: WebhookUrls,
}

async fn handle(
    Deps { store, urls }: &Deps,
    call: Call<Request>,
) -> Result<Created<WebhookWithSecret>, ApiError> {
    let member = call.member()?;
    let Request { url, description, events } = &call.body;
    let (url, description, events) = (url.clone(), description.clone(), events.clone());
    let settings = WebhookSettings { url, description, events };
    settings.validate()?;
    urls.check(&settings.url)?;
    let id = WebhookId::new(call.now, call.random());
    let secret = new_secret([call.random(), call.random()]);
    let webhook = Webhook::new(id, settings, secret, call.now);
    let (by, key) = ((&member.user_id, member.email_claim()), call.idempotency());
    let webhook = store.create_webhook(by, &webhook, key, call.now).await?;
    let location = call.links.to(format_args!("{}/{}", ENDPOINT.path, webhook.id));
    Ok(Created { location, body: WebhookWithSecret::new(webhook, call.now) })
}
