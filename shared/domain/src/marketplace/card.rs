//! A listing as lists show it, and as it is found.

use serde::{Deserialize, Serialize};

use super::{Category, Kind, listing::Listing, listing_stats::ListingStats, revision::Revision};
use crate::{
    id::{ListingId, UploadId, UserId},
    money::Money,
    time::Timestamp,
};

/// What a list shows of a listing on sale.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Card {
    /// Its name.
    pub id: ListingId,
    /// What it is.
    pub kind: Kind,
    /// What it is called.
    pub title: String,
    /// What it is for.
    pub category: Category,
    /// Words to find it by.
    pub tags: Vec<String>,
    /// What it costs.
    pub price: Money,
    /// Who made it.
    pub creator_id: UserId,
    /// What they are called.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub creator_name: Option<String>,
    /// Its first picture.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub preview: Option<UploadId>,
    /// In hundredths of a star.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rating: Option<u16>,
    /// Reviews.
    pub ratings: u32,
    /// Buyers.
    pub sales: u64,
    /// When it was first on sale.
    pub published_at: Timestamp,
}

/// A listing as it is found: its card, and the words that stand only on its page.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// The listing's version: of two entries, the higher is true.
    pub seq: u64,
    /// What is shown of it.
    pub card: Card,
    /// What its creator says.
    pub description: String,
}

/// Something changed in what can be found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "change", rename_all = "snake_case")]
pub enum Change {
    /// It is on sale, as this.
    Listed(Box<Entry>),
    /// It is not.
    Unlisted {
        /// Which.
        listing_id: ListingId,
        /// The listing's version.
        seq: u64,
    },
}

impl Entry {
    /// Of a listing that others see; `None` of one that they do not, or whose version this is not.
    pub fn of(
        listing: &Listing,
        revision: &Revision,
        stats: &ListingStats,
        creator_name: Option<String>,
    ) -> Option<Entry> {
        let on_sale = listing.shown().filter(|on_sale| on_sale.number == revision.number)?;
        let said = &revision.description;
        let card = Card {
            id: listing.id.clone(),
            kind: listing.kind,
            title: said.title.clone(),
            category: said.category,
            tags: said.tags.clone(),
            price: on_sale.price,
            creator_id: listing.creator_id.clone(),
            creator_name,
            preview: revision.previews.first().map(|first| first.upload_id.clone()),
            rating: stats.rating(),
            ratings: stats.ratings(),
            sales: stats.sales,
            published_at: on_sale.first_published_at,
        };
        Some(Entry { seq: listing.version, card, description: said.description.clone() })
    }

    /// The same with the sums as they are now.
    pub fn refresh(&mut self, stats: &ListingStats) {
        self.card.rating = stats.rating();
        self.card.ratings = stats.ratings();
        self.card.sales = stats.sales;
    }
}
