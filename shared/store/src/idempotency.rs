//! Idempotency keys: the same key and the same request is the same answer, for a day.
//!
//! Where a request changes the table, its record is part of that very transaction. Where it does
//! not (a prompt that is structured by a model), the key is claimed first, completed with the
//! answer, and abandoned on failure, so that a failure never blocks the key.

use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use domain::{
    DomainError, ErrorKind, Timestamp,
    id::{JobId, ListingId, OrderId, PresetId, PurchaseId, UserId},
};
use serde::{Deserialize, Serialize};

use crate::{
    error::StoreError,
    keys::{Key, TTL},
    table::{Store, encode, written},
    transaction::number,
};

/// How long a key is remembered.
pub const REMEMBERED: Duration = Duration::from_secs(24 * 60 * 60);
/// How long a claim without an answer blocks its key: a function's longest run, and then some.
const CLAIM_BLOCKS: Duration = Duration::from_secs(60);

/// A request's key, and what the request was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Idempotency {
    /// As the caller sent it: 1 to 255 visible ASCII characters.
    pub key: String,
    /// SHA-256 over method, path and body, in hex.
    pub fingerprint: String,
}

/// Why a key was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// It was used with another request.
    #[error("This Idempotency-Key was used for a different request: send a new key.")]
    Reused,
    /// The first request with it has not been answered yet.
    #[error("The first request with this Idempotency-Key is still being worked on.")]
    InFlight,
}

impl DomainError for KeyError {
    fn kind(&self) -> ErrorKind {
        match self {
            KeyError::Reused => ErrorKind::Invalid,
            KeyError::InFlight => ErrorKind::Conflict,
        }
    }
    fn code(&self) -> &'static str {
        match self {
            KeyError::Reused => "idempotency_key_reused",
            KeyError::InFlight => "idempotency_key_in_flight",
        }
    }
    fn retry_after_s(&self) -> Option<u32> {
        matches!(self, KeyError::InFlight).then_some(2)
    }
}

/// What a remembered request came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Outcome {
    /// It placed or cancelled this job.
    Job(JobId),
    /// It kept this preset.
    Preset(PresetId),
    /// It placed this order.
    Order(OrderId),
    /// It made this listing.
    Listing(ListingId),
    /// It placed this purchase.
    Purchase(PurchaseId),
    /// It was taken note of: the same request may be made again, another may not.
    Noted,
    /// It is being worked on.
    Claimed,
    /// It was answered so.
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

/// What a request came to, if `record` is of the same request and its day is not over.
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
                true => Ok(Some(record.outcome)),
                false => Err(StoreError::refused(KeyError::Reused)),
            }
        }
        (_, _) => Ok(None),
    }
}

/// What came of claiming a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Claim {
    /// It is the caller's to complete or abandon.
    New,
    /// It was answered before, with this JSON.
    Replay(String),
}

impl Store {
    /// Claims a key for a request whose effect is outside the table.
    ///
    /// # Errors
    /// [`KeyError`] when the key was used otherwise or is being worked on.
    pub async fn claim(
        &self,
        user: &UserId,
        request: &Idempotency,
        now: Timestamp,
    ) -> Result<Claim, StoreError> {
        let record = Record::new(request, Outcome::Claimed, now);
        let stale = now.minus(CLAIM_BLOCKS).to_string();
        let put = self
            .client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(encode(&Key::idempotency(user, &request.key), &record)?))
            .condition_expression(
                "attribute_not_exists(pk) OR #ttl <= :now OR (outcome = :claimed AND \
                 fingerprint = :fingerprint AND claimed_at <= :stale)",
            )
            .expression_attribute_names("#ttl", TTL)
            .expression_attribute_values(":now", number(now.as_secs()))
            .expression_attribute_values(":claimed", AttributeValue::S("claimed".to_owned()))
            .expression_attribute_values(
                ":fingerprint",
                AttributeValue::S(request.fingerprint.clone()),
            )
            .expression_attribute_values(":stale", AttributeValue::S(stale))
            .send()
            .await;
        match written(put)? {
            Some(_) => Ok(Claim::New),
            None => self.replay(user, request, now).await,
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
            // The others under the same fingerprint cannot be: the path is part of it.
            Some(
                Outcome::Claimed
                | Outcome::Job(_)
                | Outcome::Preset(_)
                | Outcome::Order(_)
                | Outcome::Listing(_)
                | Outcome::Purchase(_)
                | Outcome::Noted,
            )
            | None => Err(StoreError::refused(KeyError::InFlight)),
        }
    }

    /// Keeps the answer under a claimed key.
    ///
    /// # Errors
    /// When DynamoDB cannot be asked.
    pub async fn complete(
        &self,
        user: &UserId,
        request: &Idempotency,
        answer: String,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let record = Record::new(request, Outcome::Answer(answer), now);
        self.client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(encode(&Key::idempotency(user, &request.key), &record)?))
            .send()
            .await
            .map(|_| ())
            .map_err(StoreError::unavailable)
    }

    /// Gives a claimed key back, so that the caller may try again at once.
    ///
    /// # Errors
    /// When DynamoDB cannot be asked.
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
