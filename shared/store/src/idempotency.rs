//! Idempotency keys: for a day, the same key with the same request gets the same answer.
//!
//! If a request changes the table, its record is part of that transaction. If it does not (a prompt
//! that is structured by a model), the key is claimed first, completed with the answer, and
//! abandoned on failure, so that a failure never blocks the key.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use domain::{
    Timestamp,
    id::{JobId, ListingId, OrderId, PresetId, PurchaseId, UserId, WebhookId},
};
use serde::{Deserialize, Serialize};

use crate::{
    condition::{Condition, number, string},
    error::StoreError,
    keys::{Key, TTL},
    table::{Store, encode},
    transaction::{ItemKind, Transaction},
};

/// How long a key is remembered.
pub const REMEMBERED: Duration = Duration::from_secs(24 * 60 * 60);
/// How long an unanswered claim blocks its key: a function's longest run and a margin.
const CLAIM_BLOCKS: Duration = Duration::from_secs(60);

/// A request's key and its fingerprint.
#[derive(Debug, Clone)]
pub struct Idempotency {
    /// As the caller sent it: 1 to 255 visible ASCII characters.
    pub key: String,
    /// SHA-256 over method, path and body, in hex.
    pub fingerprint: String,
    /// Whether its record had the answer; shared by the copies of one request.
    pub(crate) replayed: Arc<AtomicBool>,
}

impl Idempotency {
    /// A request that was not looked up yet.
    pub fn new(key: impl Into<String>, fingerprint: impl Into<String>) -> Idempotency {
        let (key, fingerprint) = (key.into(), fingerprint.into());
        Idempotency { key, fingerprint, replayed: Arc::default() }
    }

    /// Whether an earlier request with this key was carried out instead of this one.
    pub fn is_replayed(&self) -> bool {
        self.replayed.load(Ordering::Relaxed)
    }
}

/// Why a key was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// The key was used with another request.
    #[error("This Idempotency-Key was used for a different request: send a new key.")]
    Reused,
    /// The first request with the key is still in progress.
    #[error("The first request with this Idempotency-Key is still in progress.")]
    InFlight,
}

domain::domain_error! {
    KeyError {
        Reused => Invalid, "idempotency_key_reused";
        InFlight => Conflict, "idempotency_key_in_flight";
    }
    fn retry_after_s(&self) -> Option<u32> {
        matches!(self, KeyError::InFlight).then_some(2)
    }
}

/// The outcome of a remembered request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Outcome {
    /// Created or cancelled this job.
    Job(JobId),
    /// Created this preset.
    Preset(PresetId),
    /// Created this order.
    Order(OrderId),
    /// Created this listing.
    Listing(ListingId),
    /// Created this purchase.
    Purchase(PurchaseId),
    /// Created or changed this webhook.
    Webhook(WebhookId),
    /// Recorded only: the same request may run again, another may not.
    Noted,
    /// Still in progress.
    Claimed,
    /// Answered with this text.
    Answer(String),
}

/// The record of a key.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Record {
    pub(crate) key: String,
    pub(crate) fingerprint: String,
    pub(crate) outcome: Outcome,
    pub(crate) claimed_at: Timestamp,
    /// Unix seconds: the table's TTL.
    pub(crate) expires_at: i64,
}

impl Record {
    pub(crate) fn new(request: &Idempotency, outcome: Outcome, now: Timestamp) -> Record {
        Record {
            key: request.key.clone(),
            fingerprint: request.fingerprint.clone(),
            outcome,
            claimed_at: now,
            expires_at: now.plus(REMEMBERED).as_secs(),
        }
    }
}

/// The outcome of a request, if `record` is of the same request and has not expired.
///
/// # Errors
/// When the key was used for another request.
pub(crate) fn outcome(
    record: Option<Record>,
    request: Option<&Idempotency>,
    now: Timestamp,
) -> Result<Option<Outcome>, StoreError> {
    match (record, request) {
        (Some(record), Some(request)) if now.as_secs() < record.expires_at => {
            match record.fingerprint == request.fingerprint {
                true => {
                    let again = matches!(record.outcome, Outcome::Noted | Outcome::Claimed);
                    request.replayed.fetch_or(!again, Ordering::Relaxed);
                    Ok(Some(record.outcome))
                }
                false => Err(StoreError::refused(KeyError::Reused)),
            }
        }
        (_, _) => Ok(None),
    }
}

/// What a request created.
pub(crate) enum Created<T, Id> {
    /// Created now.
    New(T),
    /// The same key created it before.
    Before(Id),
}

impl Transaction {
    /// Writes the record of a request, if it has a key and there is no record or it has expired.
    pub(crate) fn remember(
        self,
        user: &UserId,
        request: Option<&Idempotency>,
        outcome: Outcome,
        now: Timestamp,
    ) -> Result<Self, StoreError> {
        let Some(request) = request else { return Ok(self) };
        let record = Record::new(request, outcome, now);
        let item = encode(&Key::idempotency(user, &request.key), &record)?;
        Ok(self.put(ItemKind::Idempotency, item, Condition::expired(now)))
    }
}

/// The result of claiming a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Claim {
    /// Claimed: the caller must complete or abandon it.
    New,
    /// Answered before, with this JSON.
    Replay(String),
}

impl Store {
    /// Claims a key for a request whose effect is outside the table.
    ///
    /// # Errors
    /// [`KeyError`] when the key was used for another request, or its request is in progress.
    pub async fn claim(
        &self,
        user: &UserId,
        request: &Idempotency,
        now: Timestamp,
    ) -> Result<Claim, StoreError> {
        let record = Record::new(request, Outcome::Claimed, now);
        let item = encode(&Key::idempotency(user, &request.key), &record)?;
        let free = Condition::that(
            "attribute_not_exists(pk) OR #ttl <= :now OR (outcome = :claimed AND \
             fingerprint = :fingerprint AND claimed_at <= :stale)",
        );
        let free = free
            .name("#ttl", TTL)
            .value(":now", number(now.as_secs()))
            .value(":claimed", string("claimed"))
            .value(":fingerprint", string(&request.fingerprint))
            .value(":stale", string(now.minus(CLAIM_BLOCKS)));
        match self.put_item(item, free).await? {
            true => Ok(Claim::New),
            false => self.replay(user, request, now).await,
        }
    }

    async fn replay(
        &self,
        user: &UserId,
        request: &Idempotency,
        now: Timestamp,
    ) -> Result<Claim, StoreError> {
        let record: Option<Record> = self.get(&Key::idempotency(user, &request.key)).await?;
        match outcome(record, Some(request), now)? {
            Some(Outcome::Answer(answer)) => Ok(Claim::Replay(answer)),
            // Other outcomes cannot have the same fingerprint: the path is part of it.
            Some(
                Outcome::Claimed
                | Outcome::Job(_)
                | Outcome::Preset(_)
                | Outcome::Order(_)
                | Outcome::Listing(_)
                | Outcome::Purchase(_)
                | Outcome::Webhook(_)
                | Outcome::Noted,
            )
            | None => Err(StoreError::refused(KeyError::InFlight)),
        }
    }

    /// Stores the answer under a claimed key.
    pub async fn complete(
        &self,
        user: &UserId,
        request: &Idempotency,
        answer: String,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let record = Record::new(request, Outcome::Answer(answer), now);
        let item = encode(&Key::idempotency(user, &request.key), &record)?;
        self.put_item(item, Condition::none()).await.map(drop)
    }

    /// Releases a claimed key, so that the caller may retry at once.
    pub async fn abandon(&self, user: &UserId, request: &Idempotency) -> Result<(), StoreError> {
        self.client
            .delete_item()
            .table_name(&self.table)
            .set_key(Some(Key::idempotency(user, &request.key).item()))
            .send()
            .await
            .map(|_| ())
            .map_err(StoreError::unavailable)
    }
}
