//! The table itself: reading items as types, and deciding again when something moved.

use std::time::Duration;

use aws_sdk_dynamodb::{
    Client,
    operation::query::builders::QueryFluentBuilder,
    types::{AttributeValue, KeysAndAttributes},
};
use serde::{Serialize, de::DeserializeOwned};

use crate::{
    error::StoreError,
    keys::{Item, Key},
};

/// How often a decision is made anew because something moved meanwhile.
const DECISIONS_MAX: u32 = 24;
/// Waits between them: full jitter up to 10 ms, 20 ms, … and never above this.
const JITTER_MAX: Duration = Duration::from_millis(160);
/// How often keys that DynamoDB did not get to are asked for again.
const UNPROCESSED_ROUNDS_MAX: u32 = 5;

/// The table, with every question and every change that the system knows. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Store {
    pub(crate) client: Client,
    pub(crate) table: String,
}

/// What came of one try to decide and write.
pub(crate) enum Attempt<T> {
    /// Written, or nothing was to be written.
    Done(T),
    /// Something it was decided on has changed: decide anew.
    Moved,
}

impl Store {
    /// The store over `table`.
    pub fn new(client: Client, table: String) -> Store {
        Store { client, table }
    }

    /// Reads a key that never exists, so that the connection is open before the first request.
    ///
    /// # Errors
    /// When DynamoDB cannot be asked.
    pub async fn warm_up(&self) -> Result<(), StoreError> {
        let key = Key { pk: "WARM".to_owned(), sk: "UP".to_owned() };
        self.get::<serde::de::IgnoredAny>(&key).await.map(|_| ())
    }

    /// One item, strongly consistent.
    pub(crate) async fn get<T: DeserializeOwned>(
        &self,
        key: &Key,
    ) -> Result<Option<T>, StoreError> {
        let answer = self
            .client
            .get_item()
            .table_name(&self.table)
            .set_key(Some(key.item()))
            .consistent_read(true)
            .send()
            .await
            .map_err(StoreError::unavailable)?;
        answer.item.map(decode).transpose()
    }

    /// Several items in one trip, strongly consistent, in the order of `keys`.
    pub(crate) async fn get_all(&self, keys: &[Key]) -> Result<Vec<Option<Item>>, StoreError> {
        let mut found: Vec<Option<Item>> = vec![None; keys.len()];
        let mut wanted: Vec<Item> = keys.iter().map(Key::item).collect();
        for round in 0..UNPROCESSED_ROUNDS_MAX {
            if wanted.is_empty() {
                break;
            }
            pause(round).await;
            let request = KeysAndAttributes::builder()
                .set_keys(Some(wanted))
                .consistent_read(true)
                .build()
                .map_err(StoreError::unavailable)?;
            let mut answer = self
                .client
                .batch_get_item()
                .request_items(&self.table, request)
                .send()
                .await
                .map_err(StoreError::unavailable)?;
            let items = answer.responses.as_mut().and_then(|tables| tables.remove(&self.table));
            for item in items.unwrap_or_default() {
                if let Some(place) = keys.iter().position(|key| key.is_of(&item)) {
                    found[place] = Some(item);
                }
            }
            wanted = answer
                .unprocessed_keys
                .and_then(|mut tables| tables.remove(&self.table))
                .map(|left| left.keys)
                .unwrap_or_default();
        }
        if wanted.is_empty() { Ok(found) } else { Err(StoreError::Busy) }
    }

    /// A query over one partition of the table, newest first.
    pub(crate) fn newest_first(&self, pk: String, prefix: &str) -> QueryFluentBuilder {
        self.client
            .query()
            .table_name(&self.table)
            .key_condition_expression("pk = :pk AND begins_with(sk, :prefix)")
            .expression_attribute_values(":pk", AttributeValue::S(pk))
            .expression_attribute_values(":prefix", AttributeValue::S(prefix.to_owned()))
            .scan_index_forward(false)
    }

    /// Decides and writes until it was decided on what is still there.
    ///
    /// # Errors
    /// [`StoreError::Busy`] when others were always faster; nothing was written then.
    pub(crate) async fn decide<T>(
        &self,
        attempt: impl AsyncFn() -> Result<Attempt<T>, StoreError>,
    ) -> Result<T, StoreError> {
        for round in 0..DECISIONS_MAX {
            pause(round).await;
            match attempt().await? {
                Attempt::Done(done) => return Ok(done),
                Attempt::Moved => tracing::debug!(round, "decided on something that moved"),
            }
        }
        Err(StoreError::Busy)
    }
}

/// Waits a random time before round `round`; not at all before the first.
pub(crate) async fn pause(round: u32) {
    if round == 0 {
        return;
    }
    let most = Duration::from_millis(5 << round.min(6)).min(JITTER_MAX);
    tokio::time::sleep(most.mul_f64(rand::random::<f64>())).await;
}

/// An item as a type.
pub(crate) fn decode<T: DeserializeOwned>(item: Item) -> Result<T, StoreError> {
    serde_dynamo::from_item(item).map_err(StoreError::corrupt)
}

/// A type as an item at `key`.
pub(crate) fn encode<T: Serialize>(key: &Key, value: &T) -> Result<Item, StoreError> {
    let mut item: Item = serde_dynamo::to_item(value).map_err(StoreError::corrupt)?;
    item.extend(key.item());
    Ok(item)
}
