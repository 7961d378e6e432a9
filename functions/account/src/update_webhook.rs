//! `PATCH /api/v1/me/webhooks/{id}`: change a webhook, disable it or enable it again.
//!
//! An omitted field stays; `null` clears the description. While a webhook is disabled, events are
//! neither sent nor kept for later. Enabling it forgets its failures.
//!
//! Access: its member, unless suspended; for all other callers it does not exist (404).
//! Changes: the member's webhooks.
//! Retry: repeating a change has no further effect. `If-Match` with the tag of
//! `GET /api/v1/me/webhooks/{id}` refuses a change if the webhook has changed since (412).

use std::collections::BTreeSet;

use clients::WebhookUrls;
use domain::{
    id::WebhookId,
    webhook::{
        endpoint::{WebhookSettings, WebhookStatus},
        event::EventType,
    },
};
use runtime::{Access, ApiError, Call, Connect, Endpoint, Function, Json, PathId, patch};
use serde::Deserialize;
use store::{Store, StoreError};

use crate::webhook_view::WebhookView;

pub const ENDPOINT: Endpoint =
    Endpoint::patch("account-update-webhook", "/api/v1/me/webhooks/{id}", Access::Member)
        .with_if_match()
        .with_errors(&["webhook_not_found"]);

#[derive(Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Request {
    id: PathId<WebhookId>,
    /// An `https` URL of a public host.
    #[serde(default, deserialize_with = "patch::sent")]
    #[cfg_attr(feature = "schema", schemars(with = "String", length(max = domain::webhook::endpoint::URL_BYTES_MAX)))]
    url: Option<String>,
    /// A note of the member's.
    #[serde(default, deserialize_with = "patch::sent_or_null")]
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = domain::webhook::endpoint::DESCRIPTION_CHARS_MAX)))]
    description: Option<Option<String>>,
    /// The types of events to be sent, at least one.
    #[serde(default, deserialize_with = "patch::sent")]
    #[cfg_attr(feature = "schema", schemars(schema_with = "domain::webhook::event::wanted_types"))]
    events: Option<BTreeSet<EventType>>,
    /// Whether events are to be sent.
    #[serde(default, deserialize_with = "patch::sent")]
    #[cfg_attr(feature = "schema", schemars(with = "WebhookStatus"))]
    status: Option<WebhookStatus>,
}

impl Request {
    /// The settings after this change.
    fn applied_to(&self, now: WebhookSettings) -> WebhookSettings {
        WebhookSettings {
            url: self.url.clone().unwrap_or(now.url),
            description: self.description.clone().unwrap_or(now.description),
            events: self.events.clone().unwrap_or(now.events),
        }
    }
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
) -> Result<Json<WebhookView>, ApiError> {
    let which = (&call.member()?.user_id, call.body.id.get()?);
    if let Some(url) = &call.body.url {
        urls.check(url)?;
    }
    let webhook = store.update_webhook(which, None, call.now, |webhook| {
        let shown = WebhookView::new(webhook.clone(), call.now);
        call.check_if_match(&shown).map_err(StoreError::refused)?;
        let settings = call.body.applied_to(webhook.settings());
        settings.validate().map_err(StoreError::refused)?;
        webhook.change(settings, call.body.status, call.now);
        Ok::<(), StoreError>(())
    });
    Ok(Json(WebhookView::new(webhook.await?, call.now)))
}
