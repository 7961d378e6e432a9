//! Idempotency keys (docs.stripe.com/api/idempotent_requests): the first answer is stored for 24
//! hours and returned to the same request. Another request with the same key is refused, as is the
//! same one while the first is in progress. Errors raised before work began are not stored.

use std::collections::{HashMap, VecDeque};

use axum::http::StatusCode;
use serde_json::Value;

use super::{clock::DAY_S, errors::Refused};

/// Longest key.
pub(super) const KEY_BYTES_MAX: usize = 255;
/// Most keys stored; the oldest are dropped.
const KEYS_MAX: usize = 20_000;

/// A stored answer.
#[derive(Debug, Clone)]
pub(super) struct StoredAnswer {
    pub(super) status: StatusCode,
    pub(super) body: Value,
    /// `Request-Id` of the first request.
    pub(super) request: String,
}

#[derive(Debug)]
struct Record {
    /// Method, path and parameters.
    asked: String,
    at: i64,
    /// `None` while in progress.
    answer: Option<StoredAnswer>,
}

/// The keys of the last day.
#[derive(Debug, Default)]
pub(super) struct Keys {
    records: HashMap<String, Record>,
    /// The keys, oldest first.
    order: VecDeque<String>,
}

impl Keys {
    /// Claims a key for a request. Returns the stored answer, if any.
    pub(super) fn claim(
        &mut self,
        key: &str,
        asked: &str,
        now: i64,
    ) -> Result<Option<StoredAnswer>, Refused> {
        match self.records.get(key) {
            Some(record) if now < record.at + DAY_S => {
                if record.asked != asked {
                    return Err(Refused::key_reused(key));
                }
                record.answer.clone().map(Some).ok_or_else(|| Refused::key_in_use(key))
            }
            Some(_) | None => {
                self.release(key);
                while KEYS_MAX <= self.order.len() {
                    let oldest = self.order.pop_front().unwrap_or_default();
                    self.records.remove(&oldest);
                }
                let record = Record { asked: asked.to_owned(), at: now, answer: None };
                self.records.insert(key.to_owned(), record);
                self.order.push_back(key.to_owned());
                Ok(None)
            }
        }
    }

    /// Stores the answer of the request that holds the key.
    pub(super) fn keep(&mut self, key: &str, answer: StoredAnswer) {
        if let Some(record) = self.records.get_mut(key) {
            record.answer = Some(answer);
        }
    }

    /// Removes the key: its request had no effect.
    pub(super) fn release(&mut self, key: &str) {
        if self.records.remove(key).is_some() {
            self.order.retain(|known| known != key);
        }
    }
}
