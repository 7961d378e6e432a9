//! Visits to listings, counted without a write for each.
//!
//! A process adds up what it sees and writes a tally of it now and then, as one item whatever it
//! holds. Once a minute all tallies are added to the sums of their listings and of their creators.

use std::{collections::BTreeMap, time::Duration};

use aws_sdk_dynamodb::types::AttributeValue;
use domain::{
    Timestamp,
    id::ListingId,
    marketplace::tally::{CreatorBook, ListingStats},
    time::DAY,
};
use serde::{Deserialize, Serialize};

use crate::{
    error::StoreError,
    keys::{Item, Key, PK, SK, VIEWS, text},
    table::{Attempt, Store, decode, encode},
    transaction::Part,
};

/// Visits of some listings.
pub type Tally = BTreeMap<ListingId, u32>;

/// How long a tally waits at most; nobody adds up what is older.
const KEPT: Duration = DAY.saturating_mul(2);
/// Most tallies that are added up at once.
const TALLIES_MAX: i32 = 50;

#[derive(Debug, Serialize, Deserialize)]
struct TallyItem {
    views: Tally,
    /// Unix seconds: the table's TTL.
    expires_at: i64,
}

impl Store {
    /// Writes a tally of visits.
    ///
    /// # Errors
    /// When DynamoDB cannot be asked.
    pub async fn note_views(&self, views: Tally, now: Timestamp) -> Result<(), StoreError> {
        if views.is_empty() {
            return Ok(());
        }
        let item = TallyItem { views, expires_at: now.plus(KEPT).as_secs() };
        self.client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(encode(&Key::views(now, rand::random()), &item)?))
            .send()
            .await
            .map(drop)
            .map_err(StoreError::unavailable)
    }

    /// Adds up the tallies that wait, the oldest first (Q33). How many visits it were; zero once
    /// none wait. Each tally is added up once: it is deleted in the write that adds it. One that
    /// cannot be added up waits until its time is over and keeps no other from being added up.
    ///
    /// # Errors
    /// When DynamoDB cannot be asked, or nothing could be added up of what waits.
    pub async fn add_views(&self, now: Timestamp) -> Result<u64, StoreError> {
        let answer = self
            .client
            .query()
            .table_name(&self.table)
            .key_condition_expression("pk = :pk")
            .expression_attribute_values(":pk", AttributeValue::S(VIEWS.to_owned()))
            .limit(TALLIES_MAX)
            .consistent_read(true)
            .send()
            .await
            .map_err(StoreError::unavailable)?;
        let (mut sum, mut failed) = (0, None);
        for item in answer.items.unwrap_or_default() {
            match self.add_tally(item, now).await {
                Ok(added) => sum += added,
                Err(error) => {
                    failed.get_or_insert(error);
                }
            }
        }
        match failed {
            Some(error) if sum == 0 => Err(error),
            Some(_) | None => Ok(sum),
        }
    }

    async fn add_tally(&self, item: Item, now: Timestamp) -> Result<u64, StoreError> {
        let (Some(pk), Some(sk)) = (text(&item, PK), text(&item, SK)) else { return Ok(0) };
        let key = Key { pk: pk.to_owned(), sk: sk.to_owned() };
        let mut left: Vec<(ListingId, u32)> =
            decode::<TallyItem>(item)?.views.into_iter().collect();
        let all: u64 = left.iter().map(|(_, count)| u64::from(*count)).sum();
        // Two sums for each listing and the tally itself, in one transaction of at most 100.
        while !left.is_empty() {
            let some: Tally = left.drain(..left.len().min(SUMS_AT_ONCE)).collect();
            let rest: Tally = left.iter().cloned().collect();
            if !self.add_some(&key, &some, &rest, now).await? {
                return Ok(0);
            }
        }
        Ok(all)
    }

    /// Adds `some` of a tally and leaves the `rest` of it; `false` if somebody else did.
    async fn add_some(
        &self,
        key: &Key,
        some: &Tally,
        rest: &Tally,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        self.decide(async || {
            let Some(_) = self.get::<TallyItem>(key).await? else {
                return Ok(Attempt::Done(false));
            };
            let keys: Vec<Key> = some.keys().map(Key::stats).collect();
            let stats: Vec<ListingStats> = self.get_all(&keys).await?.rest()?;
            let mut books: BTreeMap<_, u64> = BTreeMap::new();
            let mut writes = self.transaction();
            for before in &stats {
                let views = some.get(&before.listing_id).copied().map_or(0, u64::from);
                let mut after = before.clone();
                after.count_views(views, now);
                writes = writes.replace(Some(before), &after)?;
                *books.entry(before.creator_id.clone()).or_default() += views;
            }
            let keys: Vec<Key> = books.keys().map(Key::creator).collect();
            let found: Vec<CreatorBook> = self.get_all(&keys).await?.rest()?;
            for before in &found {
                let mut after = before.clone();
                let views = books.get(&before.creator_id).copied().unwrap_or_default();
                after.count_views(views, now);
                writes = writes.rewrite(before.version, &after)?;
            }
            let writes = match rest.is_empty() {
                true => writes.delete_there(Part::Change, key)?,
                false => {
                    let left =
                        TallyItem { views: rest.clone(), expires_at: now.plus(KEPT).as_secs() };
                    writes.fenced(Part::Change, key, &left, None)?
                }
            };
            Ok(writes.commit().await?.done(true))
        })
        .await
    }
}

/// Listings of a tally that are added up in one transaction: sums of listing and creator for each.
const SUMS_AT_ONCE: usize = 45;
