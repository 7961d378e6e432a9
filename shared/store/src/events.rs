//! Stripe's events: which were applied, which are parked until their cause is fixed, and until when
//! the event list was checked.

use std::time::Duration;

use domain::{Timestamp, billing::external::EventId};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::{
    condition::{Condition, conditional, string},
    cursor::PageSize,
    error::StoreError,
    keys::{Item, Key, PARKED_EVENTS, event_of, parked_index, set_index_key},
    table::{IndexPage, IndexPosition, Store, encode, written},
    transaction::{ItemKind, Transaction},
};

/// How long an applied event is remembered: as long as Stripe can deliver it again.
/// <https://docs.stripe.com/webhooks/process-undelivered-events>
pub const EVENTS_REMEMBERED: Duration = Duration::from_secs(30 * 24 * 60 * 60);
/// Longest body of a parked event, in bytes. A DynamoDB item has at most 400 KiB.
pub const PARKED_BODY_MAX: usize = 300 * 1024;

/// The state of a parked event.
const PARKED: &str = "parked";

/// An event that is being applied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AppliedEvent {
    /// Stripe's event id.
    pub id: EventId,
    /// Its type, such as `invoice.paid`.
    pub kind: String,
}

/// An event that could not be applied, stored for replay.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParkedEvent {
    /// Stripe's event id, or one made of the body.
    pub id: String,
    /// Its type, if it could be parsed.
    pub kind: String,
    /// The raw body.
    pub body: String,
    /// Why it could not be applied.
    pub why: String,
    /// When it was first received.
    pub received_at: Timestamp,
}

/// The body is too long to be stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("The event has {bytes} bytes: at most {PARKED_BODY_MAX} are stored.")]
pub struct BodyTooLong {
    /// Its length in bytes.
    pub bytes: usize,
}

domain::domain_error!(BodyTooLong => TooLarge, "event_too_large");

#[derive(Debug, Serialize, Deserialize)]
struct EventItem {
    id: String,
    kind: String,
    #[serde(flatten)]
    state: EventState,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
enum EventState {
    Applied {
        applied_at: Timestamp,
        /// Unix seconds: the table's TTL.
        expires_at: i64,
    },
    Parked {
        body: String,
        why: String,
        received_at: Timestamp,
    },
}

#[derive(Debug, Serialize, Deserialize)]
struct Checkpoint {
    at: Timestamp,
}

impl Store {
    /// Whether an event was applied (Q20).
    pub async fn event_applied(&self, event: &EventId) -> Result<bool, StoreError> {
        Ok(is_applied(self.get(&Key::event(event.as_str())).await?.as_ref()))
    }

    /// Which of these events, at most 100 different ones, were applied, in their order (Q20). One
    /// whose mark cannot be read was not: applying it says what is wrong with the mark.
    pub async fn events_applied(&self, events: &[EventId]) -> Result<Vec<bool>, StoreError> {
        let keys: Vec<Key> = events.iter().map(|event| Key::event(event.as_str())).collect();
        let mut found = self.get_all(&keys).await?;
        let mut is_next_applied =
            || found.next::<EventSeen>().is_ok_and(|seen| is_applied(seen.as_ref()));
        Ok(keys.iter().map(|_| is_next_applied()).collect())
    }

    /// Marks an event as applied whose processing wrote nothing. Idempotent.
    pub async fn mark_event(&self, event: &AppliedEvent, now: Timestamp) -> Result<(), StoreError> {
        self.put_item(applied_item(event, now)?, not_applied()).await.map(drop)
    }

    /// Parks an event that could not be applied, with its raw body. Without an id, its body names
    /// it. Parking the same event again changes nothing; an applied one is not parked.
    ///
    /// # Errors
    /// [`BodyTooLong`].
    pub async fn park_event(
        &self,
        id: Option<&EventId>,
        kind: &str,
        body: &str,
        why: &str,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        if body.len() > PARKED_BODY_MAX {
            return Err(StoreError::refused(BodyTooLong { bytes: body.len() }));
        }
        let id = id.map_or_else(|| name_of(body), EventId::to_string);
        let parked = EventItem {
            id: id.clone(),
            kind: kind.to_owned(),
            state: EventState::Parked {
                body: body.to_owned(),
                why: why.to_owned(),
                received_at: now,
            },
        };
        let mut item = encode(&Key::event(&id), &parked)?;
        set_index_key(&mut item, Some(parked_index(&id, now)));
        self.put_item(item, Condition::absent()).await.map(drop)
    }

    /// Parked events, oldest first; at most `most`, and never more than 100 (Q19).
    pub async fn parked_events(
        &self,
        after: Option<&IndexPosition>,
        most: u16,
    ) -> Result<IndexPage<ParkedEvent>, StoreError> {
        let (most, key) = (most.min(PageSize::MAX), |item: &Item| event_of(item).map(Key::event));
        let page = self.walked(PARKED_EVENTS, None, (after, most), key).await?;
        let IndexPage { items, unreadable, next } = self.loaded::<EventItem>(page).await?;
        let items = items.into_iter().filter_map(EventItem::parked).collect();
        Ok(IndexPage { items, unreadable, next })
    }

    /// Deletes a parked event that was replayed or is not wanted. If it was applied meanwhile, its
    /// mark stays.
    pub async fn unpark_event(&self, id: &str) -> Result<(), StoreError> {
        let delete = self.client.delete_item().table_name(&self.table);
        let delete = conditional!(delete, is_parked("#state = :parked"));
        written(delete.set_key(Some(Key::event(id).item())).send().await).map(drop)
    }

    /// Until when Stripe's events were checked; `None` if they never were (Q20).
    pub async fn events_checkpoint(&self) -> Result<Option<Timestamp>, StoreError> {
        let found: Option<Checkpoint> = self.get(&Key::checkpoint()).await?;
        Ok(found.map(|checkpoint| checkpoint.at))
    }

    /// Records that Stripe's events were checked until `at`, less the overlap by which the next run
    /// begins before it. It never moves back.
    pub async fn set_events_checkpoint(&self, at: Timestamp) -> Result<(), StoreError> {
        let is_later = Condition::that("attribute_not_exists(pk) OR #at < :at")
            .name("#at", "at")
            .value(":at", string(at));
        let item = encode(&Key::checkpoint(), &Checkpoint { at })?;
        self.put_item(item, is_later).await.map(drop)
    }
}

impl Transaction {
    /// Marks an event as applied, unless it is; a parked one is no longer parked.
    pub(crate) fn event(self, event: &AppliedEvent, now: Timestamp) -> Result<Self, StoreError> {
        Ok(self.put(ItemKind::Event, applied_item(event, now)?, not_applied()))
    }
}

/// That an event was not applied.
fn not_applied() -> Condition {
    is_parked("attribute_not_exists(pk) OR #state = :parked")
}

fn is_parked(expression: &str) -> Condition {
    Condition::that(expression).name("#state", "state").value(":parked", string(PARKED))
}

impl EventItem {
    fn parked(self) -> Option<ParkedEvent> {
        let EventItem { id, kind, state } = self;
        match state {
            EventState::Parked { body, why, received_at } => {
                Some(ParkedEvent { id, kind, body, why, received_at })
            }
            EventState::Applied { .. } => None,
        }
    }
}

/// The stored item of an event, as far as it says whether the event was applied.
#[derive(Debug, Deserialize)]
pub(crate) struct EventSeen {
    state: String,
}

/// Whether the stored event was applied.
pub(crate) fn is_applied(found: Option<&EventSeen>) -> bool {
    found.is_some_and(|event| event.state != PARKED)
}

/// The item of an event that is being applied.
fn applied_item(event: &AppliedEvent, now: Timestamp) -> Result<Item, StoreError> {
    let expires_at = now.plus(EVENTS_REMEMBERED).as_secs();
    let applied = EventItem {
        id: event.id.to_string(),
        kind: event.kind.clone(),
        state: EventState::Applied { applied_at: now, expires_at },
    };
    encode(&Key::event(event.id.as_str()), &applied)
}

/// SHA-256 in hex.
pub(crate) fn digest_of(text: &str) -> String {
    hex::encode(Sha256::digest(text))
}

fn name_of(body: &str) -> String {
    format!("sha256_{}", digest_of(body))
}
