//! Taking an event in: nothing that Stripe has signed is ever lost.

use clients::stripe::webhook_event::WebhookEvent;
use domain::{DomainError, ErrorKind, Timestamp};
use tracing::error;

use crate::{EventOutcome, SettleError, Settlement};

/// What became of an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Received {
    /// It was heeded; the kind it is of.
    Heard(EventOutcome, String),
    /// Nothing could be made of it, and trying again would not help: it is kept for a person, under
    /// the code of why.
    Parked(&'static str),
}

impl Settlement<'_> {
    /// Takes an event in, as its body came.
    ///
    /// # Errors
    /// When Stripe or the table cannot be asked now: the event is to come again.
    pub async fn receive(&self, body: &str, now: Timestamp) -> Result<Received, SettleError> {
        let notice = match WebhookEvent::parse(body.as_bytes()) {
            Ok(notice) => notice,
            Err(why) => {
                self.store.park_event(None, "unknown", body, &why.to_string(), now).await?;
                return Ok(Received::Parked("event_unreadable"));
            }
        };
        if notice.live != self.stripe.is_live() {
            return Ok(Received::Heard(EventOutcome::NotOurs, notice.kind));
        }
        match self.process_event(&notice, now).await {
            Ok(heard) => Ok(Received::Heard(heard, notice.kind)),
            Err(later) if passes(later.kind()) => Err(later),
            Err(never) => {
                error!(event = %notice.id, kind = notice.kind, error = %never, "an event is parked");
                let (id, why) = (Some(&notice.id), never.to_string());
                self.store.park_event(id, &notice.kind, body, &why, now).await?;
                Ok(Received::Parked(never.code()))
            }
        }
    }
}

/// Whether a refusal may pass with time.
fn passes(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::Unavailable | ErrorKind::TooMany)
}
