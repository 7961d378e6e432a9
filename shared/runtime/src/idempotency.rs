//! Idempotency for endpoints whose effect is outside our table.
//!
//! A request that changes the table records its key in the same transaction and needs nothing here.
//! A request that calls a provider claims its key first, stores the response under it, and releases
//! it on failure, so that a failure never blocks a retry.

use std::marker::PhantomData;

use connect::chain;
use serde::Serialize;
use serde_json::value::RawValue;
use store::{Claim, Store};
use tracing::warn;

use crate::{
    call::Call,
    contract::described_as_its_parameter,
    error::{ApiError, Fault},
    response::NoStore,
};

/// Does `work` once per key of the caller and answers every repeat with the same bytes. Without a
/// key, `work` runs each time.
///
/// # Errors
/// Errors of `work`; [`store::KeyError`] when the key was used for another request or its first
/// request is still running; or when the store is unavailable.
pub async fn once<R, T: Serialize>(
    store: &Store,
    call: &Call<R>,
    work: impl AsyncFnOnce() -> Result<T, ApiError>,
) -> Result<Recorded<T>, ApiError> {
    let Some(key) = call.idempotency() else {
        return answer(work().await?);
    };
    let user = &call.member()?.user_id;
    if let Claim::Replay(stored) = store.claim(user, key, call.now).await? {
        return Recorded::read(stored);
    }
    match work().await.and_then(answer) {
        Ok(answer) => {
            // The work is done either way; at worst a retry does it again.
            let json = answer.json.get().to_owned();
            if let Err(error) = store.complete(user, key, json, call.now).await {
                warn!(error = chain(&error), "response not stored, a retry runs the work again");
            }
            Ok(answer)
        }
        Err(refused) => {
            if let Err(error) = store.abandon(user, key).await {
                warn!(error = chain(&error), "idempotency key not released, blocked until expiry");
            }
            Err(refused)
        }
    }
}

/// A response stored under its key.
///
/// # Errors
/// An internal error when it is not JSON.
pub fn replayed<T>(answer: String) -> Result<NoStore<Recorded<T>>, ApiError> {
    Recorded::read(answer).map(NoStore)
}

/// A `T` as it was answered first: its bytes, which every repeat gets.
#[derive(Debug, Serialize)]
#[serde(transparent)]
pub struct Recorded<T> {
    json: Box<RawValue>,
    #[serde(skip)]
    of: PhantomData<T>,
}

described_as_its_parameter!(Recorded);

impl<T> Recorded<T> {
    fn new(json: Box<RawValue>) -> Recorded<T> {
        Recorded { json, of: PhantomData }
    }

    /// A `T` as it was stored.
    ///
    /// # Errors
    /// An internal error when it is not JSON.
    pub fn read(answer: String) -> Result<Recorded<T>, ApiError> {
        RawValue::from_string(answer).map(Recorded::new).map_err(|e| unreadable(&e))
    }
}

fn answer<T: Serialize>(body: T) -> Result<Recorded<T>, ApiError> {
    serde_json::value::to_raw_value(&body).map(Recorded::new).map_err(|e| unreadable(&e))
}

fn unreadable(error: &serde_json::Error) -> ApiError {
    Fault(format!("stored response is not JSON: {error}")).into()
}
