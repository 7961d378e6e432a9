//! A listing as shown in lists and as indexed for search.

use serde::{Deserialize, Serialize};

use super::{Listing, revision::Revision};
use crate::{
    id::{ListingId, UploadId, UserId, shard_in},
    marketplace::{Category, Kind, community::listing_stats::ListingStats},
    money::Money,
    time::Timestamp,
};

/// Listings on sale are in this many parts: partitions of the table, shards of the search index.
///
/// The partition is stored with each listing (`ONSALE#`), so another number needs a migration of
/// these keys first.
pub const SHARDS: u8 = 8;

/// The part of the listings on sale that `listing` is in.
pub fn shard_of(listing: &ListingId) -> u8 {
    shard_in(listing.as_str(), SHARDS)
}

/// What a list shows of a listing on sale.
#[serde_with::skip_serializing_none]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Card {
    /// The listing's id.
    pub id: ListingId,
    /// Its kind.
    pub kind: Kind,
    /// Its title.
    pub title: String,
    /// Its category.
    pub category: Category,
    /// Its search terms.
    pub tags: Vec<String>,
    /// Its price.
    pub price: Money,
    /// Its creator.
    pub creator_id: UserId,
    /// The creator's display name.
    pub creator_name: Option<String>,
    /// Its first preview.
    pub preview: Option<UploadId>,
    /// The average rating in hundredths of a star.
    pub rating: Option<u16>,
    /// Number of reviews.
    pub ratings: u32,
    /// Number of buyers.
    pub sales: u64,
    /// When it was first on sale.
    pub published_at: Timestamp,
}

/// A listing in the search index: its card, and the text that only its page shows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// The listing's version: of two entries, the higher wins.
    pub seq: u64,
    /// The card.
    pub card: Card,
    /// The description.
    pub description: String,
}

/// A change of the search index.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "change", rename_all = "snake_case")]
pub enum Change {
    /// The listing is visible, with this entry.
    Listed(Box<Entry>),
    /// The listing is not visible.
    Unlisted {
        /// The listing.
        listing_id: ListingId,
        /// The listing's version.
        seq: u64,
    },
}

impl Change {
    /// The listing that changed.
    pub fn listing_id(&self) -> &ListingId {
        match self {
            Change::Listed(entry) => &entry.card.id,
            Change::Unlisted { listing_id, .. } => listing_id,
        }
    }
}

impl Entry {
    /// The entry of a visible listing; `None` if it is not visible, or `revision` is not the one on
    /// sale.
    pub fn of(
        listing: &Listing,
        revision: &Revision,
        stats: &ListingStats,
        creator_name: Option<String>,
    ) -> Option<Entry> {
        let on_sale = listing.shown().filter(|on_sale| on_sale.number == revision.number)?;
        let details = &revision.description;
        let card = Card {
            id: listing.id.clone(),
            kind: listing.kind,
            title: details.title.clone(),
            category: details.category,
            tags: details.tags.clone(),
            price: on_sale.price,
            creator_id: listing.creator_id.clone(),
            creator_name,
            preview: revision.previews.first().map(|first| first.upload_id.clone()),
            rating: stats.rating(),
            ratings: stats.ratings(),
            sales: stats.sales,
            published_at: on_sale.first_published_at,
        };
        Some(Entry { seq: listing.version, card, description: details.description.clone() })
    }

    /// Updates the totals.
    pub fn refresh(&mut self, stats: &ListingStats) {
        self.card.rating = stats.rating();
        self.card.ratings = stats.ratings();
        self.card.sales = stats.sales;
    }
}
