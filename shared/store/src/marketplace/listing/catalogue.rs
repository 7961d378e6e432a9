//! The catalogue: its changes, all of it, and the popular lists.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use aws_sdk_dynamodb::types::AttributeValue;
use domain::{
    Timestamp,
    account::Account,
    id::{ListingId, UserId},
    marketplace::{
        Category,
        community::listing_stats::ListingStats,
        listing::{
            Listing,
            card::{Card, Change, Entry},
            revision::Revision,
        },
    },
    time::DAY,
};
use serde::{Deserialize, Serialize};

use crate::{
    cursor::PageSize,
    error::StoreError,
    keys::{Changing, INDEX, Item, Key, SK, hot_pk, listing_of, on_sale_pk, text},
    marketplace::sums_of,
    table::{Readable, Store, encode},
    transaction::{ItemKind, Transaction},
};

/// How long a change is stored: far longer than the oldest search index in use.
pub const CHANGES_KEPT: Duration = DAY.saturating_mul(3);
/// A change is stored at most this long after its time. A reader that must miss none begins this
/// much before its last read.
///
/// A change is keyed by the time of the call that decided it, by that process's clock, and is seen
/// once its transaction is committed. A call that hides or shows all listings of a creator dates
/// them all by its start: `background-follow-sellers` may run for 55 s, and `background-erase-data`
/// takes some 30 s for a member with a thousand. The rest is for clocks and for a decision that
/// write conflicts repeat.
pub const CHANGES_LATE_AT_MOST: Duration = Duration::from_secs(2 * 60);
/// What [`CHANGES_LATE_AT_MOST`] is for all changes but those of long calls: a reader that asks
/// often begins this much before its last read, and every now and then that much.
///
/// A decision reads and then writes, each within 6 s with all attempts of the SDK
/// (`OPERATION_TIMEOUT` in `connect/src/aws.rs`). The remaining 3 s are for the rest of its call and
/// for the difference of two clocks, which is milliseconds on Lambda.
pub const CHANGES_OVERLAP: Duration = Duration::from_secs(15);
/// Most changes in one page of the query.
const CHANGES_MAX: i32 = 500;

/// A change of the catalogue.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct CatalogueChange {
    /// When it was decided, by the writer's clock.
    pub at: Timestamp,
    /// What changed.
    #[serde(flatten)]
    pub change: Change,
}

/// The most popular listings of a category.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Popular {
    /// The most popular first.
    pub items: Vec<Card>,
    /// When it was made.
    pub as_of: Timestamp,
}

/// A change of a listing's statistics.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Touched {
    /// Unix seconds: the table's TTL.
    expires_at: i64,
}

impl Touched {
    pub(crate) fn at(now: Timestamp) -> Touched {
        Touched { expires_at: now.plus(CHANGES_KEPT).as_secs() }
    }
}

#[derive(Serialize)]
struct ChangeItem {
    at: Timestamp,
    #[serde(flatten)]
    change: Change,
    /// Unix seconds: the table's TTL.
    expires_at: i64,
}

impl Transaction {
    /// Records a change of the catalogue.
    pub(crate) fn change(
        self,
        listing: &ListingId,
        change: Change,
        now: Timestamp,
    ) -> Result<Self, StoreError> {
        let item = ChangeItem { at: now, change, expires_at: now.plus(CHANGES_KEPT).as_secs() };
        let key = Key::change(Changing::Catalogue, now, listing);
        self.fenced(ItemKind::Change, &key, &item, None)
    }
}

impl Store {
    /// All changes of the catalogue from `since` on, oldest first (Q32). Reads every page.
    pub async fn catalogue_changes(
        &self,
        since: Timestamp,
    ) -> Result<Readable<CatalogueChange>, StoreError> {
        Ok(Readable::of(self.changes(Changing::Catalogue, since).await?))
    }

    /// The same, and in place of each change that cannot be read what is true of its listing at
    /// `now`: a withdrawal must not be lost. The keys of those changes are still among the
    /// unreadable.
    pub async fn catalogue_changes_or_states(
        &self,
        since: Timestamp,
        now: Timestamp,
    ) -> Result<Readable<CatalogueChange>, StoreError> {
        let mut all = self.catalogue_changes(since).await?;
        let lost = all.unreadable.iter();
        let lost = lost.filter_map(|key| ListingId::parse(key.rsplit_once('#')?.1).ok());
        let lost: Vec<ListingId> = lost.collect::<BTreeSet<_>>().into_iter().collect();
        for some in lost.chunks(usize::from(PageSize::MAX / 2)) {
            let keys: Vec<Key> = some.iter().map(Key::listing).collect();
            let listings = self.get_all(&keys).await?.readable::<Listing>().items;
            let gone = listings.into_iter().filter(|listing| listing.shown().is_none());
            let gone = gone.map(|it| Change::Unlisted { listing_id: it.id, seq: it.version });
            let entries = self.entries(some).await?;
            all.unreadable.extend(entries.unreadable);
            let listed = entries.items.into_iter().map(|(entry, _)| Change::Listed(entry.into()));
            all.items.extend(gone.chain(listed).map(|change| CatalogueChange { at: now, change }));
        }
        Ok(all)
    }

    /// Changed statistics of listings on sale, from `since` on (Q32).
    pub async fn changed_stats(
        &self,
        since: Timestamp,
    ) -> Result<Readable<ListingStats>, StoreError> {
        let items = self.changes(Changing::Sums, since).await?;
        let mut ids: Vec<ListingId> = items
            .iter()
            .filter_map(|item| ListingId::parse(text(item, SK)?.split_once('#')?.1).ok())
            .collect();
        ids.sort();
        ids.dedup();
        let mut all = Readable::default();
        for some in ids.chunks(usize::from(PageSize::MAX)) {
            let keys: Vec<Key> = some.iter().map(Key::stats).collect();
            all.extend(self.get_all(&keys).await?.readable());
        }
        Ok(all)
    }

    async fn changes(&self, of: Changing, since: Timestamp) -> Result<Vec<Item>, StoreError> {
        let mut pages = self
            .client
            .query()
            .table_name(&self.table)
            .key_condition_expression("pk = :pk AND #sk >= :since")
            .expression_attribute_names("#sk", SK)
            .expression_attribute_values(":pk", AttributeValue::S(of.partition().to_owned()))
            .expression_attribute_values(":since", AttributeValue::S(since.to_string()))
            .consistent_read(true)
            .limit(CHANGES_MAX)
            .into_paginator()
            .items()
            .send();
        let mut all = Vec::new();
        while let Some(item) = pages.next().await {
            all.push(item.map_err(StoreError::unavailable)?);
        }
        Ok(all)
    }

    /// Every visible listing on sale of one shard, to rebuild that part of the search index (Q24):
    /// page after page, unordered.
    pub async fn on_sale(&self, shard: u8) -> Result<Readable<Entry>, StoreError> {
        let mut pages = self
            .client
            .query()
            .table_name(&self.table)
            .index_name(INDEX)
            .key_condition_expression("gsi1pk = :pk")
            .expression_attribute_values(":pk", AttributeValue::S(on_sale_pk(shard)))
            .into_paginator()
            .items()
            .send();
        let mut ids = Vec::new();
        while let Some(item) = pages.next().await {
            ids.extend(listing_of(&item.map_err(StoreError::unavailable)?));
        }
        let mut all = Readable::default();
        for some in ids.chunks(usize::from(PageSize::MAX / 2)) {
            all.extend(self.entries(some).await?.map(|(entry, _)| entry));
        }
        Ok(all)
    }

    /// The listings of a category with the highest trending scores (Q25).
    pub async fn hottest(
        &self,
        category: Category,
        most: u16,
    ) -> Result<Readable<(Card, ListingStats)>, StoreError> {
        let answer = self
            .client
            .query()
            .table_name(&self.table)
            .index_name(INDEX)
            .key_condition_expression("gsi1pk = :pk")
            .expression_attribute_values(":pk", AttributeValue::S(hot_pk(category)))
            .scan_index_forward(false)
            .limit(i32::from(most.min(PageSize::MAX / 2)))
            .send()
            .await
            .map_err(StoreError::unavailable)?;
        let items = answer.items.unwrap_or_default();
        let ids: Vec<ListingId> = items.iter().filter_map(listing_of).collect();
        let entries = self.entries(&ids).await?;
        Ok(entries.map(|(entry, stats)| (entry.card, stats)))
    }

    /// The visible listings on sale among `ids`, at most 50, in two trips.
    async fn entries(
        &self,
        ids: &[ListingId],
    ) -> Result<Readable<(Entry, ListingStats)>, StoreError> {
        let mut entries = Readable::default();
        let keys = ids.iter().flat_map(|id| [Key::listing(id), Key::stats(id)]);
        let mut found = self.get_all(&keys.collect::<Vec<_>>()).await?;
        let mut shown: Vec<(Listing, ListingStats)> = Vec::with_capacity(ids.len());
        for id in ids {
            let read: (Result<Option<Listing>, _>, Result<_, _>) = (found.next(), found.next());
            match read {
                (Ok(Some(listing)), Ok(stats)) if listing.shown().is_some() => {
                    let stats = sums_of(&listing, stats);
                    shown.push((listing, stats));
                }
                (Ok(_), Ok(_)) => {}
                (Err(_), _) | (_, Err(_)) => entries.unreadable.push(id.to_string()),
            }
        }
        let revision = |(listing, _): &(Listing, ListingStats)| {
            listing.on_sale().map(|on_sale| Key::revision(&listing.id, on_sale.number))
        };
        let creators: BTreeSet<&UserId> = shown.iter().map(|(it, _)| &it.creator_id).collect();
        let mut keys: Vec<Key> = shown.iter().filter_map(revision).collect();
        keys.extend(creators.iter().map(|creator| Key::account(creator)));
        let mut found = self.get_all(&keys).await?;
        let revisions: Vec<Result<Option<Revision>, StoreError>> =
            shown.iter().map(|_| found.next()).collect();
        let creators = found.readable::<Account>().items;
        let names: BTreeMap<UserId, Option<String>> =
            creators.into_iter().map(|it| (it.user_id, it.profile.display_name)).collect();
        for ((listing, stats), revision) in shown.into_iter().zip(revisions) {
            let read = revision.ok().flatten().zip(names.get(&listing.creator_id));
            match read.and_then(|(it, name)| Entry::of(&listing, &it, &stats, name.clone())) {
                Some(entry) => entries.items.push((entry, stats)),
                None => entries.unreadable.push(listing.id.to_string()),
            }
        }
        Ok(entries)
    }

    /// The popular list of a category, or of all; `None` before the first (Q34).
    pub async fn popular(&self, category: Option<Category>) -> Result<Option<Popular>, StoreError> {
        self.get(&Key::popular(category)).await
    }

    /// Writes a popular list.
    pub async fn set_popular(
        &self,
        category: Option<Category>,
        list: &Popular,
    ) -> Result<(), StoreError> {
        self.client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(encode(&Key::popular(category), list)?))
            .send()
            .await
            .map(drop)
            .map_err(StoreError::unavailable)
    }
}
