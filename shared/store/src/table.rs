//! The table: reading items as types, and single writes.

use std::{error::Error, fmt, pin::Pin, str::FromStr, time::Duration};

use aws_sdk_dynamodb::{
    Client,
    error::{ProvideErrorMetadata, SdkError},
    operation::{
        query::{QueryOutput, builders::QueryFluentBuilder},
        update_item::UpdateItemError,
    },
    types::{AttributeValue, KeysAndAttributes, ReturnValue, ReturnValuesOnConditionCheckFailure},
};
use domain::{billing::external::SessionId, id::UserId};
use serde::{Serialize, de::DeserializeOwned};

use crate::{
    condition::{Condition, conditional, number, string},
    cursor::PageSize,
    error::StoreError,
    keys::{INDEX, INDEX_PK, INDEX_SK, Item, Key, NONCE, PK, SHAPE, SK, text, user_pk},
    rewrite::{Rewrite, newer},
};

/// Backoff: full jitter up to 10 ms, 20 ms, … and never above this.
const JITTER_MAX: Duration = Duration::from_millis(160);
/// How often keys that DynamoDB left unprocessed are requested again.
const UNPROCESSED_ROUNDS_MAX: u32 = 5;

/// The table, with every read and write of the system. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Store {
    pub(crate) client: Client,
    pub(crate) table: String,
}

/// What a read or a write of the store waits for. Boxed: its future is large, and types that nest
/// it are too deep for the compiler.
pub(crate) type Boxed<'a, T> = Pin<Box<dyn Future<Output = Result<T, StoreError>> + Send + 'a>>;

/// Where the next page of an index partition begins. As a text it can be stored.
#[derive(Debug, Clone)]
pub struct IndexPosition(Item);

impl IndexPosition {
    /// The names of its attributes, in the order of the text.
    const NAMES: [&str; 4] = [INDEX_PK, INDEX_SK, PK, SK];
}

impl fmt::Display for IndexPosition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts = IndexPosition::NAMES.map(|name| text(&self.0, name).unwrap_or_default());
        f.write_str(&parts.join("\n"))
    }
}

impl FromStr for IndexPosition {
    type Err = StoreError;
    fn from_str(stored: &str) -> Result<IndexPosition, StoreError> {
        let parts: Vec<&str> = stored.split('\n').collect();
        if parts.len() != IndexPosition::NAMES.len() {
            return Err(StoreError::corrupt(format!("{stored} is no position of an index")));
        }
        let named = IndexPosition::NAMES.iter().zip(parts);
        Ok(IndexPosition(named.map(|(name, part)| ((*name).to_owned(), string(part))).collect()))
    }
}

/// A page of an index partition. A walk returns every entry once, so that one that stays where it
/// is, because nothing can be done about it, does not block those behind it.
#[derive(Debug, Clone)]
pub struct IndexPage<T> {
    /// The items. There may be none before the end.
    pub items: Vec<T>,
    /// The keys of those that cannot be read.
    pub unreadable: Vec<String>,
    /// Where to continue; `None` at the end.
    pub next: Option<IndexPosition>,
}

impl<T> IndexPage<T> {
    /// The same with every item mapped.
    pub fn map<U>(self, turn: impl FnMut(T) -> U) -> IndexPage<U> {
        let IndexPage { items, unreadable, next } = self;
        IndexPage { items: items.into_iter().map(turn).collect(), unreadable, next }
    }
}

impl Store {
    /// A store over `table`.
    pub fn new(client: Client, table: String) -> Store {
        Store { client, table }
    }

    /// Reads a key that never exists, so that the connection is open before the first request.
    pub async fn warm_up(&self) -> Result<(), StoreError> {
        let key = Key { pk: "WARM".to_owned(), sk: "UP".to_owned() };
        self.get::<serde::de::IgnoredAny>(&key).await.map(|_| ())
    }

    /// Reads one item, strongly consistent.
    pub(crate) async fn get<T: DeserializeOwned>(
        &self,
        key: &Key,
    ) -> Result<Option<T>, StoreError> {
        self.get_item(key).await?.map(decode).transpose()
    }

    fn get_item(&self, key: &Key) -> Boxed<'_, Option<Item>> {
        let get = self.client.get_item().table_name(&self.table).consistent_read(true);
        let get = get.set_key(Some(key.item()));
        Box::pin(async move { Ok(get.send().await.map_err(StoreError::unavailable)?.item) })
    }

    /// Reads at most 100 different items in one trip, strongly consistent.
    pub(crate) fn get_all<'a>(&'a self, keys: &'a [Key]) -> Boxed<'a, BatchItems> {
        Box::pin(self.get_batch(keys))
    }

    async fn get_batch(&self, keys: &[Key]) -> Result<BatchItems, StoreError> {
        let mut found: Vec<Option<Item>> = vec![None; keys.len()];
        let mut wanted: Vec<Item> = keys.iter().map(Key::item).collect();
        for round in 0..UNPROCESSED_ROUNDS_MAX {
            if wanted.is_empty() {
                break;
            }
            backoff(round).await;
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
        match wanted.is_empty() {
            true => Ok(BatchItems(found.into_iter())),
            false => Err(StoreError::Unavailable("DynamoDB leaves keys unread".into())),
        }
    }

    /// Writes one item, if `condition` holds; `false` if it does not.
    pub(crate) async fn put_item(
        &self,
        item: Item,
        condition: Condition,
    ) -> Result<bool, StoreError> {
        let put = self.client.put_item().table_name(&self.table).set_item(Some(item));
        Ok(written(conditional!(put, condition).send().await)?.is_some())
    }

    /// Writes one item in place of `before`, of version `expected`; `false` on a write conflict.
    ///
    /// The item carries a random mark of this write, so that a retry after a lost answer recognises
    /// its own work.
    pub(crate) async fn replace(
        &self,
        before: &Item,
        mut item: Item,
        expected: u64,
    ) -> Result<bool, StoreError> {
        let nonce = format!("{:016x}", rand::random::<u64>());
        item.insert(NONCE.to_owned(), string(&nonce));
        let Rewrite { update, condition } = Rewrite::of(before, &item, expected);
        item.retain(|name, _| matches!(name.as_str(), PK | SK));
        let write = self.client.update_item().table_name(&self.table).set_key(Some(item));
        let write = conditional!(write.update_expression(update), condition)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .send()
            .await;
        if let Err(error) = &write
            && let Some(UpdateItemError::ConditionalCheckFailedException(failed)) =
                error.as_service_error()
            && let Some(present) = failed.item()
        {
            if text(present, NONCE) == Some(&nonce) {
                return Ok(true);
            }
            return newer(present).map_or(Ok(false), Err);
        }
        Ok(written(write)?.is_some())
    }

    /// Sets the checkout session of an item, unless it has one, and returns the updated item;
    /// `None` if there is no item, or it has a session.
    pub(crate) async fn opened<T: DeserializeOwned>(
        &self,
        key: &Key,
        (session, url): (&SessionId, &str),
    ) -> Result<Option<T>, StoreError> {
        let update = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(key.item()))
            .update_expression("SET #session = :session, #url = :url ADD #version :one")
            .condition_expression("attribute_exists(pk) AND attribute_not_exists(#session)")
            .expression_attribute_names("#session", "session")
            .expression_attribute_names("#url", "url")
            .expression_attribute_names("#version", "version")
            .expression_attribute_values(":session", AttributeValue::S(session.to_string()))
            .expression_attribute_values(":url", AttributeValue::S(url.to_owned()))
            .expression_attribute_values(":one", number(1))
            .return_values(ReturnValue::AllNew)
            .send()
            .await;
        written(update)?.and_then(|answer| answer.attributes).map(decode).transpose()
    }

    /// A page of a member's items under `prefix` and one more, newest first. `after` is the last of
    /// the previous page.
    pub(crate) async fn query_desc<T: DeserializeOwned>(
        &self,
        user: &UserId,
        prefix: &str,
        after: Option<Key>,
        size: PageSize,
    ) -> Result<Vec<T>, StoreError> {
        let answer = self
            .newest_first(user_pk(user), prefix)
            .set_exclusive_start_key(after.map(|key| key.item()))
            .limit(size.and_one())
            .send()
            .await
            .map_err(StoreError::unavailable)?;
        answer.items.unwrap_or_default().into_iter().map(decode).collect()
    }

    /// The first entries of an index partition.
    pub(crate) async fn query_index(
        &self,
        partition: &str,
        most: u16,
    ) -> Result<Vec<Item>, StoreError> {
        self.in_index(partition, None, most).await
    }

    /// The next entries of an index partition, above `after` if given.
    pub(crate) async fn listed_after(
        &self,
        partition: &str,
        after: Option<&str>,
        most: u16,
    ) -> Result<Vec<Item>, StoreError> {
        self.in_index(partition, after.map(|after| (">", after.to_owned())), most).await
    }

    /// Entries of an index partition, on one side of a sort key.
    async fn in_index(
        &self,
        partition: &str,
        side: Option<(&str, String)>,
        most: u16,
    ) -> Result<Vec<Item>, StoreError> {
        let answer = self.index_query(partition, side, most).send().await;
        Ok(answer.map_err(StoreError::unavailable)?.items.unwrap_or_default())
    }

    fn index_query(
        &self,
        partition: &str,
        side: Option<(&str, String)>,
        most: u16,
    ) -> QueryFluentBuilder {
        let query = self
            .client
            .query()
            .table_name(&self.table)
            .index_name(INDEX)
            .expression_attribute_values(":partition", AttributeValue::S(partition.to_owned()))
            .limit(i32::from(most));
        match side {
            Some((is, bound)) => query
                .key_condition_expression(format!("gsi1pk = :partition AND gsi1sk {is} :bound"))
                .expression_attribute_values(":bound", AttributeValue::S(bound)),
            None => query.key_condition_expression("gsi1pk = :partition"),
        }
    }

    /// The next page of a walk through an index partition, below `bound` if given, parsed by
    /// `read`.
    pub(crate) async fn walked<T>(
        &self,
        partition: &str,
        bound: Option<String>,
        (after, most): (Option<&IndexPosition>, u16),
        read: impl Fn(&Item) -> Option<T>,
    ) -> Result<IndexPage<T>, StoreError> {
        let side = bound.map(|bound| ("<", bound));
        let query = self.index_query(partition, side, most);
        let query = query.set_exclusive_start_key(after.map(|IndexPosition(key)| key.clone()));
        let answer = query.send().await.map_err(StoreError::unavailable)?;
        let next = answer.last_evaluated_key.filter(|key| !key.is_empty()).map(IndexPosition);
        let (mut items, mut unreadable) = (Vec::new(), Vec::new());
        for entry in answer.items.unwrap_or_default() {
            match read(&entry) {
                Some(item) => items.push(item),
                None => unreadable.push(name_of(&entry)),
            }
        }
        Ok(IndexPage { items, unreadable, next })
    }

    /// The items of a page of keys. Those that do not exist are left out: the index lags.
    pub(crate) async fn loaded<T: DeserializeOwned>(
        &self,
        page: IndexPage<Key>,
    ) -> Result<IndexPage<T>, StoreError> {
        let IndexPage { items: keys, mut unreadable, next } = page;
        let found = self.get_all(&keys).await?.readable();
        unreadable.extend(found.unreadable);
        Ok(IndexPage { items: found.items, unreadable, next })
    }

    /// The last entries of an index partition, in descending order.
    pub(crate) async fn last_listed(
        &self,
        partition: &str,
        most: i32,
    ) -> Result<QueryOutput, StoreError> {
        self.client
            .query()
            .table_name(&self.table)
            .index_name(INDEX)
            .key_condition_expression("gsi1pk = :partition")
            .expression_attribute_values(":partition", AttributeValue::S(partition.to_owned()))
            .scan_index_forward(false)
            .limit(most)
            .send()
            .await
            .map_err(StoreError::unavailable)
    }

    /// A query over one whole partition of the table.
    pub(crate) fn partition(&self, pk: String) -> QueryFluentBuilder {
        self.client
            .query()
            .table_name(&self.table)
            .key_condition_expression("pk = :pk")
            .expression_attribute_values(":pk", AttributeValue::S(pk))
    }

    /// All items of one partition, strongly consistent, in at most `trips`.
    ///
    /// # Errors
    /// When that does not suffice, or DynamoDB is unavailable.
    pub(crate) async fn all_of(&self, pk: String, trips: u32) -> Result<Vec<Item>, StoreError> {
        let (mut items, mut start) = (Vec::new(), None);
        for _ in 0..trips {
            let query = self.partition(pk.clone()).consistent_read(true);
            let answer = query.set_exclusive_start_key(start.take()).send().await;
            let answer = answer.map_err(StoreError::unavailable)?;
            items.extend(answer.items.unwrap_or_default());
            start = answer.last_evaluated_key;
            if start.is_none() {
                return Ok(items);
            }
        }
        Err(StoreError::corrupt(format!("{pk} is too long to be read")))
    }

    /// A query over the items of a partition under `prefix`, newest first.
    pub(crate) fn newest_first(&self, pk: String, prefix: &str) -> QueryFluentBuilder {
        self.partition(pk)
            .key_condition_expression("pk = :pk AND begins_with(sk, :prefix)")
            .expression_attribute_values(":prefix", AttributeValue::S(prefix.to_owned()))
            .scan_index_forward(false)
    }
}

/// The items at several keys, in the order of the keys.
#[derive(Debug)]
pub(crate) struct BatchItems(std::vec::IntoIter<Option<Item>>);

impl BatchItems {
    /// The item at the next key; `None` if there is none, or if there is no further key.
    pub(crate) fn next<T: DeserializeOwned>(&mut self) -> Result<Option<T>, StoreError> {
        self.0.next().flatten().map(decode).transpose()
    }

    /// The items at the further keys, without the missing ones.
    pub(crate) fn rest<T: DeserializeOwned>(self) -> Result<Vec<T>, StoreError> {
        self.0.flatten().map(decode).collect()
    }

    /// The same, apart from those that cannot be read.
    pub(crate) fn readable<T: DeserializeOwned>(self) -> Readable<T> {
        Readable::of(self.0.flatten())
    }
}

/// Items, and the keys of those that cannot be read: one damaged item must not hide the others.
#[derive(Debug)]
pub struct Readable<T> {
    /// The items.
    pub items: Vec<T>,
    /// The keys of those that cannot be read.
    pub unreadable: Vec<String>,
}

impl<T> Default for Readable<T> {
    fn default() -> Readable<T> {
        Readable { items: Vec::new(), unreadable: Vec::new() }
    }
}

impl<T> Readable<T> {
    /// The same with every item mapped.
    pub fn map<U>(self, turn: impl FnMut(T) -> U) -> Readable<U> {
        let items = self.items.into_iter().map(turn).collect();
        Readable { items, unreadable: self.unreadable }
    }

    /// Adds others.
    pub(crate) fn extend(&mut self, other: Readable<T>) {
        self.items.extend(other.items);
        self.unreadable.extend(other.unreadable);
    }
}

impl<T: DeserializeOwned> Readable<T> {
    pub(crate) fn of(found: impl IntoIterator<Item = Item>) -> Readable<T> {
        let mut read = Readable::default();
        for item in found {
            let name = name_of(&item);
            match decode(item) {
                Ok(item) => read.items.push(item),
                Err(_) => read.unreadable.push(name),
            }
        }
        read
    }
}

/// The key of an item, as logs name it.
pub(crate) fn name_of(item: &Item) -> String {
    [PK, SK].map(|part| text(item, part).unwrap_or_default()).join(" ")
}

/// The answer to a conditional write; `None` if its condition failed.
pub(crate) fn written<T, E>(sent: Result<T, SdkError<E>>) -> Result<Option<T>, StoreError>
where
    E: ProvideErrorMetadata + Error + Send + Sync + 'static,
{
    match sent {
        Ok(answer) => Ok(Some(answer)),
        Err(error) if error.code() == Some("ConditionalCheckFailedException") => Ok(None),
        Err(error) => Err(refused(error)),
    }
}

/// Why a write failed: what DynamoDB does not store at all is a bug of ours, and no retry helps.
pub(crate) fn refused<E>(error: SdkError<E>) -> StoreError
where
    E: ProvideErrorMetadata + Error + Send + Sync + 'static,
{
    match error.code() {
        Some("ValidationException") => StoreError::corrupt(error),
        _ => StoreError::unavailable(error),
    }
}

/// Waits a random time before round `round`; not at all before the first.
pub(crate) async fn backoff(round: u32) {
    if round == 0 {
        return;
    }
    let most = Duration::from_millis(5 << round.min(6)).min(JITTER_MAX);
    tokio::time::sleep(most.mul_f64(rand::random::<f64>())).await;
}

/// Decodes an item.
pub(crate) fn decode<T: DeserializeOwned>(item: Item) -> Result<T, StoreError> {
    let shape = item.get(SHAPE).map(|shape| (SHAPE.to_owned(), shape.clone()));
    // It may be of a newer build; if it is not, this is a bug of ours.
    serde_dynamo::from_item(item).map_err(|error| {
        newer(&shape.into_iter().collect()).unwrap_or_else(|| StoreError::corrupt(error))
    })
}

/// Decodes a stream image; `None` unless its sort key is `wanted`.
pub(crate) fn decode_image<T: DeserializeOwned>(
    image: &serde_json::Map<String, serde_json::Value>,
    wanted: impl Fn(&str) -> bool,
) -> Result<Option<T>, StoreError> {
    let sk = image.get(SK).and_then(|value| value.get("S")?.as_str());
    if !sk.is_some_and(wanted) {
        return Ok(None);
    }
    decode(image_item(image)?).map(Some)
}

/// The item of a stream image.
pub(crate) fn image_item(
    image: &serde_json::Map<String, serde_json::Value>,
) -> Result<Item, StoreError> {
    let item: serde_dynamo::Item = serde_json::from_value(serde_json::Value::Object(image.clone()))
        .map_err(StoreError::corrupt)?;
    Ok(item.into())
}

/// Encodes a value as an item at `key`.
pub(crate) fn encode<T: Serialize>(key: &Key, value: &T) -> Result<Item, StoreError> {
    let mut item: Item = serde_dynamo::to_item(value).map_err(StoreError::corrupt)?;
    item.extend(key.item());
    Ok(item)
}
