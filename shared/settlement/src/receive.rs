//! Receiving webhook events: no event that Stripe signed is ever lost.

use clients::stripe::webhook_event::WebhookEvent;
use domain::{DomainError, ErrorKind, Timestamp};
use tracing::error;

use crate::{EventOutcome, SettleError, Settlement};

/// The outcome of a received event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReceivedEvent {
    /// Processed: the outcome, and the event type.
    Processed(EventOutcome, String),
    /// Failed permanently, with this error code: the event is stored for manual replay.
    Parked(&'static str),
}

impl Settlement<'_> {
    /// Processes an event from its raw body.
    ///
    /// # Errors
    /// When Stripe or DynamoDB is unavailable: Stripe must deliver the event again.
    pub async fn receive(&self, body: &str, now: Timestamp) -> Result<ReceivedEvent, SettleError> {
        let webhook = match WebhookEvent::parse(body.as_bytes()) {
            Ok(webhook) => webhook,
            Err(why) => {
                self.store.park_event(None, "unknown", body, &why.to_string(), now).await?;
                return Ok(ReceivedEvent::Parked("event_unreadable"));
            }
        };
        if webhook.live != self.stripe.is_live() {
            return Ok(ReceivedEvent::Processed(EventOutcome::NotOurs, webhook.kind));
        }
        match self.process_event(&webhook, now).await {
            Ok(outcome) => Ok(ReceivedEvent::Processed(outcome, webhook.kind)),
            Err(later) if passes(later.kind()) => Err(later),
            Err(never) => {
                error!(
                    event = %webhook.id,
                    kind = webhook.kind,
                    error = %never,
                    "webhook event failed permanently, parked for replay"
                );
                let (id, why) = (Some(&webhook.id), never.to_string());
                self.store.park_event(id, &webhook.kind, body, &why, now).await?;
                Ok(ReceivedEvent::Parked(never.code()))
            }
        }
    }
}

/// Whether a retry may succeed.
fn passes(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::Unavailable | ErrorKind::TooMany)
}
