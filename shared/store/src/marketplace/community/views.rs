//! Views of listings, counted without a write for each.
//!
//! A process collects visitors and writes them now and then as one tally item. Once a minute all
//! tallies are added to the statistics of their listings and the balances of their creators; a
//! visitor of a listing counts once a day.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use aws_sdk_dynamodb::types::AttributeValue;
use domain::{
    Timestamp,
    id::{ListingId, UserId},
    marketplace::{
        community::{
            listing_stats::ListingStats,
            visitor::{VISITORS_A_MINUTE, Visitors},
        },
        creator::balance::CreatorBalance,
    },
    time::DAY,
};
use serde::{Deserialize, Serialize};

use crate::{
    condition::Condition,
    error::StoreError,
    keys::{Item, Key, PK, SK, VIEWS, text},
    table::{Store, decode, encode, name_of},
    transaction::{ItemKind, Transaction},
};

/// The visitors of some listings.
pub type Tally = BTreeMap<ListingId, BTreeSet<u32>>;

/// How long a tally waits at most; older ones are not counted.
const KEPT: Duration = DAY.saturating_mul(2);
/// Most tallies of a page.
const TALLIES_MAX: i32 = 50;

#[derive(Debug, Serialize, Deserialize)]
struct TallyItem {
    /// The visitors; of a partly counted tally, the rest.
    #[serde(default)]
    visitors: Tally,
    /// Number of views in tallies from before visitors were told apart.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    views: BTreeMap<ListingId, u32>,
    /// When it was written; absent in tallies from before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    at: Option<Timestamp>,
    /// Unix seconds: the table's TTL.
    expires_at: i64,
}

/// What became of a page of tallies.
#[derive(Debug, Default)]
pub struct AddedViews {
    /// How many of their visitors count.
    pub views: u64,
    /// The keys of those that could not be counted, and why.
    pub failed: Vec<(String, StoreError)>,
    /// Where the next page begins; `None` at the end.
    pub next: Option<String>,
}

impl Store {
    /// Writes a tally of views.
    pub async fn note_views(&self, visitors: Tally, now: Timestamp) -> Result<(), StoreError> {
        if visitors.is_empty() {
            return Ok(());
        }
        let item = TallyItem::of(visitors, now);
        let item = encode(&Key::views(now, rand::random()), &item)?;
        self.put_item(item, Condition::none()).await.map(drop)
    }

    /// Counts a page of waiting tallies, oldest first, behind `after` (Q33). Each tally is counted
    /// once: the same write deletes it. One that cannot be counted waits until it expires.
    pub async fn add_views(
        &self,
        now: Timestamp,
        after: Option<&str>,
    ) -> Result<AddedViews, StoreError> {
        let waiting = self.partition(VIEWS.to_owned());
        let waiting = match after {
            Some(after) => waiting
                .key_condition_expression("pk = :pk AND sk > :after")
                .expression_attribute_values(":after", AttributeValue::S(after.to_owned())),
            None => waiting,
        };
        let answer = waiting.limit(TALLIES_MAX).consistent_read(true).send().await;
        let answer = answer.map_err(StoreError::unavailable)?;
        let next = answer.last_evaluated_key.as_ref().and_then(|last| text(last, SK));
        let mut added = AddedViews { next: next.map(str::to_owned), ..AddedViews::default() };
        for item in answer.items.unwrap_or_default() {
            let name = name_of(&item);
            match self.add_tally(item, now).await {
                Ok(views) => added.views += views,
                Err(error) => added.failed.push((name, error)),
            }
        }
        Ok(added)
    }

    async fn add_tally(&self, item: Item, now: Timestamp) -> Result<u64, StoreError> {
        let (Some(pk), Some(sk)) = (text(&item, PK), text(&item, SK)) else { return Ok(0) };
        let key = Key { pk: pk.to_owned(), sk: sk.to_owned() };
        let (came, at) = decode::<TallyItem>(item)?.came(now);
        let mut left: Vec<(ListingId, BTreeSet<u32>)> = came.into_iter().collect();
        let mut counted = 0;
        // Three items for each listing and the tally itself, in one transaction of at most 100.
        while !left.is_empty() {
            let some: Tally = left.drain(..left.len().min(SUMS_AT_ONCE)).collect();
            let rest: Tally = left.iter().cloned().collect();
            match self.add_some(&key, &some, &rest, at).await? {
                Some(views) => counted += views,
                None => return Ok(counted),
            }
        }
        Ok(counted)
    }

    /// Counts `some` of a tally of `at` and leaves the `rest` of it. Returns how many visitors
    /// count; `None` if another process did it.
    async fn add_some(
        &self,
        key: &Key,
        some: &Tally,
        rest: &Tally,
        at: Timestamp,
    ) -> Result<Option<u64>, StoreError> {
        let read = async || self.counted_views(key, some, at).await;
        let write = |read: Option<(Transaction, BTreeMap<UserId, u64>, Vec<CreatorBalance>)>| {
            let Some((mut writes, views, found)) = read else {
                return Ok((Transaction::default(), None));
            };
            for before in &found {
                let mut after = before.clone();
                let views = views.get(&before.creator_id).copied().unwrap_or_default();
                after.count_views(views, at);
                writes = writes.put_versioned(Some(before), &after)?;
            }
            let writes = match rest.is_empty() {
                true => writes.delete(ItemKind::Change, key.clone(), Condition::exists()),
                false => {
                    let left = TallyItem::of(rest.clone(), at);
                    writes.fenced(ItemKind::Change, key, &left, None)?
                }
            };
            Ok((writes, Some(views.values().sum())))
        };
        self.update_loaded(read, write).await
    }

    /// Reads what `some` of a tally changes, with the writes of its statistics and visitors, and
    /// the views of each creator. `None` if there is no such tally.
    async fn counted_views(
        &self,
        key: &Key,
        some: &Tally,
        at: Timestamp,
    ) -> Result<Option<(Transaction, BTreeMap<UserId, u64>, Vec<CreatorBalance>)>, StoreError> {
        let Some(stored) = self.get::<TallyItem>(key).await? else { return Ok(None) };
        // A concurrent run may have counted this part: the stored tally is without it.
        if !some.keys().all(|listing| stored.is_about(listing)) {
            return Ok(None);
        }
        let keys = some.keys().flat_map(|id| [Key::stats(id), Key::visitors(id)]);
        let mut found = self.get_all(&keys.collect::<Vec<Key>>()).await?;
        let mut by_creator: BTreeMap<UserId, u64> = BTreeMap::new();
        let mut writes = Transaction::default();
        for (listing, came) in some {
            let (stats, known): (Option<ListingStats>, Option<Visitors>) =
                (found.next()?, found.next()?);
            // A draft that was deleted meanwhile has no statistics.
            let Some(before) = stats else { continue };
            let mut visitors = known.clone().unwrap_or_else(|| Visitors::none(listing.clone()));
            let views = u64::from(visitors.count(came, at));
            let mut after = before.clone();
            after.count_views(views, at);
            writes = writes.replace(Some(&before), &after)?.replace(known.as_ref(), &visitors)?;
            *by_creator.entry(before.creator_id).or_default() += views;
        }
        by_creator.retain(|_, views| *views > 0);
        let keys: Vec<Key> = by_creator.keys().map(Key::creator).collect();
        let books = self.get_all(&keys).await?.rest()?;
        Ok(Some((writes, by_creator, books)))
    }
}

impl TallyItem {
    fn of(visitors: Tally, at: Timestamp) -> TallyItem {
        let expires_at = at.plus(KEPT).as_secs();
        TallyItem { visitors, views: BTreeMap::new(), at: Some(at), expires_at }
    }

    fn is_about(&self, listing: &ListingId) -> bool {
        self.visitors.contains_key(listing) || self.views.contains_key(listing)
    }

    /// The visitors, and when they came. A mere number of views becomes as many visitors, at most
    /// as many as count.
    fn came(self, now: Timestamp) -> (Tally, Timestamp) {
        let unknown = self.views.into_iter();
        let unknown = unknown.map(|(id, views)| (id, (0..views.min(VISITORS_A_MINUTE)).collect()));
        let mut came: Tally = unknown.collect();
        for (listing, visitors) in self.visitors {
            came.entry(listing).or_default().extend(visitors);
        }
        (came, self.at.unwrap_or(now))
    }
}

/// Listings of a tally that are counted in one transaction: statistics, creator balance and
/// visitors for each.
const SUMS_AT_ONCE: usize = 30;
