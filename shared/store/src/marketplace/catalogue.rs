//! What can be found: changes of it, all of it, and what is popular.

use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use domain::{
    Timestamp,
    account::Account,
    id::ListingId,
    marketplace::{
        Category,
        card::{Card, Change, Entry},
        listing::Listing,
        revision::Revision,
        tally::ListingStats,
    },
    time::DAY,
};
use serde::{Deserialize, Serialize};

use crate::{
    cursor::PageSize,
    error::StoreError,
    keys::{Changing, INDEX, Item, Key, OPEN_SHARDS, SK, hot_pk, listing_of, on_sale_pk, text},
    table::{Store, decode, encode},
    transaction::{Part, Transaction},
};

/// How long a change is remembered: far longer than the oldest index that is still in use.
const KEPT: Duration = DAY.saturating_mul(3);
/// Most changes that are read at once.
const CHANGES_MAX: i32 = 500;

/// A change of the catalogue.
#[derive(Debug, Clone, PartialEq)]
pub struct CatalogueChange {
    /// When it was decided, by the clock of whoever decided.
    pub at: Timestamp,
    /// What changed.
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

/// That a listing's sums changed.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Touched {
    /// Unix seconds: the table's TTL.
    expires_at: i64,
}

impl Touched {
    pub(crate) fn at(now: Timestamp) -> Touched {
        Touched { expires_at: now.plus(KEPT).as_secs() }
    }
}

#[derive(Serialize, Deserialize)]
struct ChangeItem {
    at: Timestamp,
    #[serde(flatten)]
    change: Change,
    /// Unix seconds: the table's TTL.
    expires_at: i64,
}

impl Transaction<'_> {
    /// Notes a change of the catalogue.
    pub(crate) fn change(
        self,
        listing: &ListingId,
        change: Change,
        now: Timestamp,
    ) -> Result<Self, StoreError> {
        let item = ChangeItem { at: now, change, expires_at: now.plus(KEPT).as_secs() };
        let key = Key::change(Changing::Catalogue, now, listing);
        self.fenced(Part::Change, &key, &item, None)
    }
}

impl Store {
    /// What changed in the catalogue from `since` on, the oldest first (Q32). All of it: pages are
    /// read until there are no more.
    ///
    /// # Errors
    /// When DynamoDB cannot be asked.
    pub async fn catalogue_changes(
        &self,
        since: Timestamp,
    ) -> Result<Vec<CatalogueChange>, StoreError> {
        let items = self.changes(Changing::Catalogue, since).await?;
        let read = |item| decode::<ChangeItem>(item);
        let changes = items.into_iter().map(read).collect::<Result<Vec<_>, _>>()?;
        Ok(changes
            .into_iter()
            .map(|item| CatalogueChange { at: item.at, change: item.change })
            .collect())
    }

    /// The sums of listings on sale that changed from `since` on (Q32).
    ///
    /// # Errors
    /// When DynamoDB cannot be asked.
    pub async fn changed_stats(&self, since: Timestamp) -> Result<Vec<ListingStats>, StoreError> {
        let items = self.changes(Changing::Sums, since).await?;
        let mut ids: Vec<ListingId> = items
            .iter()
            .filter_map(|item| ListingId::parse(text(item, SK)?.split_once('#')?.1).ok())
            .collect();
        ids.sort();
        ids.dedup();
        let mut all = Vec::with_capacity(ids.len());
        for some in ids.chunks(usize::from(PageSize::MAX)) {
            let keys: Vec<Key> = some.iter().map(Key::stats).collect();
            all.extend(self.get_all(&keys).await?.rest::<ListingStats>()?);
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

    /// Everything on sale, to make the index anew (Q24): page after page, in no particular order.
    ///
    /// # Errors
    /// When DynamoDB cannot be asked.
    pub async fn whole_catalogue(&self) -> Result<Vec<Entry>, StoreError> {
        let mut all = Vec::new();
        for shard in 0..OPEN_SHARDS {
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
            for some in ids.chunks(usize::from(PageSize::MAX / 2)) {
                all.extend(self.entries(some).await?);
            }
        }
        Ok(all)
    }

    /// The hottest listings of a category, as they are now (Q25).
    ///
    /// # Errors
    /// When DynamoDB cannot be asked.
    pub async fn hottest(
        &self,
        category: Category,
        most: u16,
    ) -> Result<Vec<(Card, ListingStats)>, StoreError> {
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
        let entries = self.entries_with_sums(&ids).await?;
        Ok(entries.into_iter().map(|(entry, stats)| (entry.card, stats)).collect())
    }

    async fn entries(&self, ids: &[ListingId]) -> Result<Vec<Entry>, StoreError> {
        let found = self.entries_with_sums(ids).await?;
        Ok(found.into_iter().map(|(entry, _)| entry).collect())
    }

    async fn entries_with_sums(
        &self,
        ids: &[ListingId],
    ) -> Result<Vec<(Entry, ListingStats)>, StoreError> {
        let keys = ids.iter().flat_map(|id| [Key::listing(id), Key::stats(id)]);
        let mut found = self.get_all(&keys.collect::<Vec<_>>()).await?;
        let mut heads: Vec<(Listing, u32, ListingStats)> = Vec::with_capacity(ids.len());
        for _ in ids {
            let (listing, stats): (Option<Listing>, _) = (found.take()?, found.take()?);
            let Some(listing) = listing else { continue };
            let Some(number) = listing.on_sale().map(|on_sale| on_sale.number) else { continue };
            let stats = stats.unwrap_or_else(|| {
                ListingStats::new(listing.id.clone(), listing.creator_id.clone())
            });
            heads.push((listing, number, stats));
        }
        let keys: Vec<Key> =
            heads.iter().map(|(it, number, _)| Key::revision(&it.id, *number)).collect();
        let revisions: Vec<Revision> = self.get_all(&keys).await?.rest()?;
        let mut creators: Vec<Key> =
            heads.iter().map(|(it, _, _)| Key::account(&it.creator_id)).collect();
        creators.sort_by(|a, b| a.pk.cmp(&b.pk));
        creators.dedup();
        let creators: Vec<Account> = self.get_all(&creators).await?.rest()?;
        let entry = |(listing, number, stats): (Listing, u32, ListingStats)| {
            let mut revisions = revisions.iter();
            let revision =
                revisions.find(|it| it.listing_id == listing.id && it.number == number)?;
            let creator = creators.iter().find(|it| it.user_id == listing.creator_id)?;
            let name = creator.profile.display_name.clone();
            Some((Entry::of(&listing, revision, &stats, name)?, stats))
        };
        Ok(heads.into_iter().filter_map(entry).collect())
    }

    /// The popular list of a category, or of all; `None` while none was made (Q34).
    ///
    /// # Errors
    /// When DynamoDB cannot be asked.
    pub async fn popular(&self, category: Option<Category>) -> Result<Option<Popular>, StoreError> {
        self.get(&Key::popular(category)).await
    }

    /// Writes a popular list.
    ///
    /// # Errors
    /// When DynamoDB cannot be asked.
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
