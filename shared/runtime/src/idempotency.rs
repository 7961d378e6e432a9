//! Idempotency for endpoints whose effect is not in our table.
//!
//! Where a request changes the table, its key is recorded in that very transaction and nothing in
//! here is needed. Where it asks somebody else, the key is claimed first, kept with the answer, and
//! given back on failure, so that a failure never blocks a repeat.

use serde::Serialize;
use serde_json::value::RawValue;
use store::{Claim, Store};
use tracing::warn;

use crate::{
    call::Call,
    error::{ApiError, Fault, chain},
    response::NoStore,
};

/// Does `work` once for each key of the caller and answers every repeat with the same bytes.
/// Without a key the work is simply done.
///
/// # Errors
/// What `work` refuses; [`store::KeyError`] when the key was used for another request or its
/// first request is still being worked on; or when the store cannot be asked.
pub async fn once<R, T: Serialize>(
    store: &Store,
    call: &Call<R>,
    work: impl AsyncFnOnce() -> Result<T, ApiError>,
) -> Result<Box<RawValue>, ApiError> {
    let Some(key) = call.idempotency() else {
        return answer(work().await?);
    };
    let user = &call.member()?.user_id;
    if let Claim::Replay(stored) = store.claim(user, key, call.now).await? {
        return RawValue::from_string(stored).map_err(|e| unreadable(&e));
    }
    match work().await.and_then(answer) {
        Ok(answer) => {
            // The work is done either way; at worst a repeat does it again.
            if let Err(error) = store.complete(user, key, answer.get().to_owned(), call.now).await {
                warn!(error = chain(&error), "an answer was not kept under its key");
            }
            Ok(answer)
        }
        Err(refused) => {
            if let Err(error) = store.abandon(user, key).await {
                warn!(error = chain(&error), "a key was not given back; it is blocked for a while");
            }
            Err(refused)
        }
    }
}

/// An answer that the store keeps under its key, as it goes on the wire.
///
/// # Errors
/// When it is not JSON: a fault of ours.
pub fn replayed(answer: String) -> Result<NoStore<Box<RawValue>>, ApiError> {
    RawValue::from_string(answer).map(NoStore).map_err(|e| unreadable(&e))
}

fn answer(body: impl Serialize) -> Result<Box<RawValue>, ApiError> {
    serde_json::value::to_raw_value(&body).map_err(|e| unreadable(&e))
}

fn unreadable(error: &serde_json::Error) -> ApiError {
    Fault(format!("an answer under a key is not JSON: {error}")).into()
}
