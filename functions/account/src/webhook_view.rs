//! Webhooks and their deliveries as their member sees them.

use std::collections::BTreeSet;

use domain::{
    Timestamp,
    id::{WebhookEventId, WebhookId},
    webhook::{
        delivery::{Attempt, AttemptError, Delivery, DeliveryFailure, DeliveryState},
        endpoint::{DisabledReason, Webhook, WebhookStatus},
        event::EventType,
    },
};
use serde::Serialize;

/// A webhook, without its secret.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub(crate) struct WebhookView {
    id: WebhookId,
    /// Where events are sent.
    url: String,
    /// The member's note.
    description: Option<String>,
    /// The types of events that are sent.
    events: BTreeSet<EventType>,
    status: WebhookStatus,
    /// Why nothing is sent; `null` while it is enabled. `gone` and `failing` are our decisions: fix
    /// the receiver, then enable the webhook.
    disabled_reason: Option<DisabledReason>,
    /// When it was disabled.
    disabled_at: Option<Timestamp>,
    /// The first failure since its last success: a day later it is disabled.
    failing_since: Option<Timestamp>,
    /// Until when the secret before the current one signs too; `null` if none does.
    previous_secret_expires_at: Option<Timestamp>,
    created_at: Timestamp,
    /// When it was last changed, or disabled.
    updated_at: Timestamp,
}

/// A webhook with its secret, which is shown when it is made and at no other time.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub(crate) struct WebhookWithSecret {
    #[serde(flatten)]
    webhook: WebhookView,
    /// What requests are signed with: `whsec_` and 32 bytes in base64.
    secret: String,
}

/// A delivery of an event to a webhook.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub(crate) struct DeliveryView {
    /// The event's id, sent as `webhook-id`.
    id: WebhookEventId,
    /// The webhook.
    webhook_id: WebhookId,
    /// The type of the event.
    event_type: EventType,
    status: DeliveryState,
    /// Why it failed; only of a failed one.
    failure: Option<DeliveryFailure>,
    /// The number of requests so far.
    attempts: u32,
    /// When the next one is due, while it waits.
    next_attempt_at: Option<Timestamp>,
    /// The latest request.
    last_attempt: Option<AttemptView>,
    created_at: Timestamp,
    /// The exact body of its requests.
    body: String,
}

/// A request to a webhook.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
struct AttemptView {
    /// When it began.
    at: Timestamp,
    /// How long it took, in milliseconds.
    duration_ms: u32,
    /// The status of the answer; `null` if there was none.
    response_status: Option<u16>,
    /// The beginning of the answer, as text.
    response_excerpt: Option<String>,
    /// Why there was no answer.
    error: Option<AttemptError>,
}

impl WebhookView {
    /// A webhook as of `now`.
    pub(crate) fn new(webhook: Webhook, now: Timestamp) -> WebhookView {
        let previous = webhook.previous_secret.as_ref().map(|previous| previous.until);
        WebhookView {
            status: webhook.status(),
            disabled_reason: webhook.disabled.map(|disabled| disabled.reason),
            disabled_at: webhook.disabled.map(|disabled| disabled.at),
            previous_secret_expires_at: previous.filter(|until| now < *until),
            id: webhook.id,
            url: webhook.url,
            description: webhook.description,
            events: webhook.events,
            failing_since: webhook.failing_since,
            created_at: webhook.created_at,
            updated_at: webhook.updated_at,
        }
    }
}

impl WebhookWithSecret {
    /// A webhook as of `now`, with its current secret.
    pub(crate) fn new(webhook: Webhook, now: Timestamp) -> WebhookWithSecret {
        let secret = webhook.secret.expose().to_owned();
        WebhookWithSecret { webhook: WebhookView::new(webhook, now), secret }
    }
}

impl From<Delivery> for DeliveryView {
    fn from(delivery: Delivery) -> DeliveryView {
        DeliveryView {
            id: delivery.id,
            webhook_id: delivery.webhook_id,
            event_type: delivery.event_type,
            status: delivery.delivery_state,
            failure: delivery.failure,
            attempts: delivery.attempts,
            next_attempt_at: delivery.due_at,
            last_attempt: delivery.last_attempt.map(AttemptView::from),
            created_at: delivery.created_at,
            body: delivery.body,
        }
    }
}

impl From<Attempt> for AttemptView {
    fn from(attempt: Attempt) -> AttemptView {
        let Attempt { at, duration_ms, response_status, response_excerpt, error } = attempt;
        AttemptView { at, duration_ms, response_status, response_excerpt, error }
    }
}
