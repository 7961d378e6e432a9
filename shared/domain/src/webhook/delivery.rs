//! One event on its way to one webhook.
//!
//! | state | meaning | next |
//! |---|---|---|
//! | `queued` | a message is in the queue, or about to be | `delivered`, `waiting`, `failed` |
//! | `waiting` | an attempt failed; the next is due at `due_at` | `queued` |
//! | `delivered` | the receiver answered 2xx | `queued`, if the member asks |
//! | `failed` | nothing is sent any more | `queued`, if the member asks |
//!
//! An attempt that is cut off before it is recorded is made again: a receiver sees the same
//! `webhook-id` twice and ignores the second.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{
    endpoint::{Webhook, WebhookError},
    event::{Event, EventType},
};
use crate::{
    account::Account,
    id::{UserId, WebhookEventId, WebhookId},
    time::{DAY, Timestamp},
};

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(60 * 60);

/// The waits between attempts, after each failure: ten attempts in a little over three days. A
/// retry begins within a minute of its time.
pub const RETRY_WAITS: [Duration; 9] = [
    MINUTE,
    MINUTE.saturating_mul(5),
    MINUTE.saturating_mul(30),
    HOUR.saturating_mul(2),
    HOUR.saturating_mul(5),
    HOUR.saturating_mul(10),
    HOUR.saturating_mul(14),
    HOUR.saturating_mul(20),
    HOUR.saturating_mul(24),
];
/// How long a delivery is in the log.
pub const LOG_KEPT: Duration = DAY.saturating_mul(30);
/// How long a message may be on its way before it counts as lost and is sent again.
pub const MESSAGE_LOST_AFTER: Duration = HOUR;
/// Longest excerpt of an answer, in characters.
pub const EXCERPT_CHARS_MAX: usize = 300;
/// The status that says that a webhook is gone for good.
const GONE: u16 = 410;

/// A delivery; its id is that of its event.
#[serde_with::skip_serializing_none]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delivery {
    /// The event's id, sent as `webhook-id`.
    pub id: WebhookEventId,
    /// The webhook.
    pub webhook_id: WebhookId,
    /// Its member.
    pub user_id: UserId,
    /// The optimistic lock: goes up by one with every write; zero before the first.
    pub version: u64,
    /// The type of the event.
    pub event_type: EventType,
    /// The body of its request.
    pub body: String,
    /// When it was first queued.
    pub created_at: Timestamp,
    /// Unix seconds after which it leaves the log: the table's TTL.
    pub expires_at: i64,
    /// Its state. No other item has an attribute of this name: the stream is filtered by it.
    pub delivery_state: DeliveryState,
    /// When it was last queued.
    pub queued_at: Timestamp,
    /// When the next attempt is due, while it waits.
    pub due_at: Option<Timestamp>,
    /// The number of attempts.
    #[serde(default)]
    pub attempts: u32,
    /// Failed attempts since it was made or the member last asked for it.
    #[serde(default)]
    pub failures: u32,
    /// The latest attempt.
    pub last_attempt: Option<Attempt>,
    /// Why nothing is sent any more.
    pub failure: Option<DeliveryFailure>,
}

/// The state of a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum DeliveryState {
    /// A message for it is in the queue.
    Queued,
    /// It waits for its next attempt.
    Waiting,
    /// The receiver answered 2xx.
    Delivered,
    /// Nothing is sent any more.
    Failed,
}

/// One request to a webhook.
#[serde_with::skip_serializing_none]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    /// When it began.
    pub at: Timestamp,
    /// How long it took, in milliseconds.
    pub duration_ms: u32,
    /// The status of the answer, if there was one.
    pub response_status: Option<u16>,
    /// The beginning of the answer, as text.
    pub response_excerpt: Option<String>,
    /// Why there was no answer.
    pub error: Option<AttemptError>,
}

/// Why a request got no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum AttemptError {
    /// The URL is not allowed, or leads to an address that is not public.
    AddressNotAllowed,
    /// No connection: no such name, refused, or no valid certificate.
    ConnectionFailed,
    /// The connection broke before the answer.
    ConnectionLost,
    /// The answer took too long.
    TimedOut,
}

/// Why a delivery failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum DeliveryFailure {
    /// Every attempt failed.
    AttemptsExhausted,
    /// The receiver answered 410.
    Gone,
    /// The webhook is disabled or deleted.
    WebhookDisabled,
    /// The member is suspended or leaves.
    MemberInactive,
}

impl Attempt {
    /// Whether the receiver accepted the event. A redirect is not followed and no success.
    pub fn is_success(&self) -> bool {
        self.response_status.is_some_and(|status| (200..300).contains(&status))
    }

    fn is_gone(&self) -> bool {
        self.response_status == Some(GONE)
    }
}

impl Delivery {
    /// A delivery that is queued.
    pub fn new(
        (user_id, webhook_id): (UserId, WebhookId),
        id: WebhookEventId,
        event: &Event,
        now: Timestamp,
    ) -> Delivery {
        Delivery {
            id,
            webhook_id,
            user_id,
            version: 0,
            event_type: event.data.event_type(),
            body: event.body(),
            created_at: now,
            expires_at: now.plus(LOG_KEPT).as_secs(),
            delivery_state: DeliveryState::Queued,
            queued_at: now,
            due_at: None,
            attempts: 0,
            failures: 0,
            last_attempt: None,
            failure: None,
        }
    }

    /// Whether it may be attempted: a message may be a duplicate, or late.
    pub fn is_queued(&self) -> bool {
        self.delivery_state == DeliveryState::Queued
    }

    /// When the sweep must look at it; `None` once it has ended.
    pub fn look_at(&self) -> Option<Timestamp> {
        match self.delivery_state {
            DeliveryState::Queued => Some(self.queued_at.plus(MESSAGE_LOST_AFTER)),
            DeliveryState::Waiting => self.due_at,
            DeliveryState::Delivered | DeliveryState::Failed => None,
        }
    }

    /// Queues it for its next attempt, or once more because its message is lost.
    pub fn queue(&mut self, now: Timestamp) {
        (self.delivery_state, self.queued_at, self.due_at) = (DeliveryState::Queued, now, None);
    }

    /// Queues it again as the member asks, with all attempts before it.
    ///
    /// # Errors
    /// [`WebhookError::InProgress`] when it has not ended.
    pub fn redeliver(&mut self, now: Timestamp) -> Result<(), WebhookError> {
        if self.look_at().is_some() {
            return Err(WebhookError::InProgress);
        }
        (self.failures, self.failure) = (0, None);
        self.queue(now);
        Ok(())
    }

    /// The webhook to send it to.
    ///
    /// # Errors
    /// When nothing may be sent.
    pub fn receiver<'a>(
        &self,
        account: Option<&Account>,
        webhook: Option<&'a Webhook>,
        now: Timestamp,
    ) -> Result<&'a Webhook, DeliveryFailure> {
        if account.is_none_or(|account| account.require_active(now).is_err()) {
            return Err(DeliveryFailure::MemberInactive);
        }
        let enabled = webhook.filter(|webhook| webhook.require_enabled().is_ok());
        enabled.ok_or(DeliveryFailure::WebhookDisabled)
    }

    /// Ends it without an attempt.
    pub fn fail(&mut self, why: DeliveryFailure) {
        (self.delivery_state, self.due_at) = (DeliveryState::Failed, None);
        self.failure = Some(why);
    }

    /// Records an attempt, here and at its webhook, and decides what follows.
    pub fn record(&mut self, attempt: Attempt, webhook: Option<&mut Webhook>, now: Timestamp) {
        self.attempts += 1;
        let (succeeded, gone) = (attempt.is_success(), attempt.is_gone());
        self.last_attempt = Some(attempt);
        if succeeded {
            (self.delivery_state, self.failures, self.due_at) = (DeliveryState::Delivered, 0, None);
            webhook.into_iter().for_each(Webhook::succeeded);
            return;
        }
        if gone {
            self.fail(DeliveryFailure::Gone);
            webhook.into_iter().for_each(|webhook| webhook.gone(now));
            return;
        }
        self.failures += 1;
        webhook.into_iter().for_each(|webhook| webhook.failed(now));
        let place = usize::try_from(self.failures).unwrap_or(usize::MAX) - 1;
        match RETRY_WAITS.get(place) {
            Some(wait) => {
                self.delivery_state = DeliveryState::Waiting;
                self.due_at = Some(now.plus(*wait));
            }
            None => self.fail(DeliveryFailure::AttemptsExhausted),
        }
    }
}

/// The waits of [`RETRY_WAITS`] in words, for documents: `1 min, 5 min, 30 min, 2 h`.
pub fn retry_table() -> String {
    let word = |wait: &Duration| match wait.as_secs() / 60 {
        minutes if minutes < 60 => format!("{minutes} min"),
        minutes => format!("{} h", minutes / 60),
    };
    RETRY_WAITS.iter().map(word).collect::<Vec<_>>().join(", ")
}
