//! Idempotency keys (docs.stripe.com/api/idempotent_requests): the first answer is kept for 24
//! hours and given again to the same request; another request under the same key is refused, as is
//! the same one while the first is being worked on. What is refused before work began is not kept.

use std::collections::{HashMap, VecDeque};

use axum::http::StatusCode;
use serde_json::Value;

use super::{clock::DAY_S, errors::Refused};

/// Longest key.
pub(super) const KEY_BYTES_MAX: usize = 255;
/// Most keys remembered; the oldest are forgotten.
const KEYS_MAX: usize = 20_000;

/// An answer as it was first given.
#[derive(Debug, Clone)]
pub(super) struct Kept {
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
    /// `None` while it is being worked on.
    kept: Option<Kept>,
}

/// The keys of the last day.
#[derive(Debug, Default)]
pub(super) struct Keys {
    records: HashMap<String, Record>,
    /// The keys, oldest first.
    order: VecDeque<String>,
}

impl Keys {
    /// Takes a key for a request. Returns the answer it had before, if any.
    pub(super) fn claim(
        &mut self,
        key: &str,
        asked: &str,
        now: i64,
    ) -> Result<Option<Kept>, Refused> {
        match self.records.get(key) {
            Some(record) if now < record.at + DAY_S => {
                if record.asked != asked {
                    return Err(Refused::key_reused(key));
                }
                record.kept.clone().map(Some).ok_or_else(|| Refused::key_in_use(key))
            }
            Some(_) | None => {
                self.release(key);
                while KEYS_MAX <= self.order.len() {
                    let oldest = self.order.pop_front().unwrap_or_default();
                    self.records.remove(&oldest);
                }
                let record = Record { asked: asked.to_owned(), at: now, kept: None };
                self.records.insert(key.to_owned(), record);
                self.order.push_back(key.to_owned());
                Ok(None)
            }
        }
    }

    /// Keeps the answer of the request that holds the key.
    pub(super) fn keep(&mut self, key: &str, kept: Kept) {
        if let Some(record) = self.records.get_mut(key) {
            record.kept = Some(kept);
        }
    }

    /// Forgets the key: its request had no effect.
    pub(super) fn release(&mut self, key: &str) {
        if self.records.remove(key).is_some() {
            self.order.retain(|known| known != key);
        }
    }
}
