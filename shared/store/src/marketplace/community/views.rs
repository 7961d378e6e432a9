//! Views of listings, counted without a write for each.
//!
//! A process collects visitors and writes them now and then as one tally item. Once a minute all
//! tallies are added to the statistics of their listings and the balances of their creators; a
//! visitor of a listing counts once a day.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

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
use tracing::warn;

use crate::{
    condition::Condition,
    error::StoreError,
    keys::{Item, Key, PK, SK, VIEWS, text},
    table::{Store, decode, encode},
    transaction::{ItemKind, Transaction},
};

/// The visitors of some listings.
pub type Tally = BTreeMap<ListingId, BTreeSet<u32>>;

/// How long a tally waits at most; older ones are not counted.
const KEPT: Duration = DAY.saturating_mul(2);
/// Most tallies of one run.
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

    /// Counts waiting tallies, oldest first (Q33). Returns how many of their visitors count; `None`
    /// if none wait. Each tally is counted once: the same write deletes it. One that cannot be
    /// counted waits until it expires and does not block the others.
    ///
    /// # Errors
    /// When DynamoDB is unavailable, or no waiting tally could be counted.
    pub async fn add_views(&self, now: Timestamp) -> Result<Option<u64>, StoreError> {
        let answer = self
            .partition(VIEWS.to_owned())
            .limit(TALLIES_MAX)
            .consistent_read(true)
            .send()
            .await
            .map_err(StoreError::unavailable)?;
        let waiting = answer.items.unwrap_or_default();
        if waiting.is_empty() {
            return Ok(None);
        }
        let (mut sum, mut done, mut failed) = (0, 0, None);
        for item in waiting {
            match self.add_tally(item, now).await {
                Ok(added) => (sum, done) = (sum + added, done + 1),
                Err(error) => {
                    warn!(%error, "views of a tally not counted, retrying in a minute");
                    failed.get_or_insert(error);
                }
            }
        }
        match failed {
            Some(error) if done == 0 => Err(error),
            Some(_) | None => Ok(Some(sum)),
        }
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
                writes = writes.put_versioned(before.version, &after)?;
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
        let Some(_) = self.get::<TallyItem>(key).await? else { return Ok(None) };
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
