//! Converts the table's records into searchable documents.

use domain::{
    id::CreatorId,
    marketplace::{
        community::listing_stats::ListingStats,
        listing::card::{Card, Change as Decided, Entry},
    },
};

use crate::{Change, Document};

impl From<Entry> for Document {
    fn from(entry: Entry) -> Document {
        let Entry { seq, card, description } = entry;
        Document {
            card: shown(&card),
            id: card.id.to_string(),
            seq,
            title: card.title,
            description,
            tags: card.tags,
            creator_id: CreatorId::of(&card.creator_id).to_string(),
            creator_name: card.creator_name.unwrap_or_default(),
            kind: card.kind.terms().name.to_owned(),
            category: card.category.into_str().to_owned(),
            price: u64::try_from(card.price.amount).unwrap_or_default(),
            rating: card.rating,
            ratings: card.ratings,
            sales: card.sales,
            published_at: card.published_at.as_millis(),
        }
    }
}

impl From<&Entry> for Document {
    fn from(entry: &Entry) -> Document {
        entry.clone().into()
    }
}

impl From<&Decided> for Change {
    fn from(decided: &Decided) -> Change {
        match decided {
            Decided::Listed(entry) => Change::Listed(entry.as_ref().into()),
            Decided::Unlisted { listing_id, seq } => {
                Change::Unlisted { id: listing_id.to_string(), seq: *seq }
            }
        }
    }
}

impl Document {
    /// Takes over newer sales and ratings. Returns whether anything changed.
    pub fn refresh(&mut self, stats: &ListingStats) -> bool {
        let before = (self.rating, self.ratings, self.sales);
        (self.rating, self.ratings, self.sales) = (stats.rating(), stats.ratings(), stats.sales);
        let is_news = before != (self.rating, self.ratings, self.sales);
        if is_news && let Some(mut card) = self.card() {
            (card.rating, card.ratings, card.sales) = (self.rating, self.ratings, self.sales);
            self.card = shown(&card);
        }
        is_news
    }

    /// The card of the listing; `None` if it does not parse.
    pub fn card(&self) -> Option<Card> {
        serde_json::from_str(&self.card).ok()
    }
}

/// A card is plain data, so it always serializes.
fn shown(card: &Card) -> String {
    serde_json::to_string(card).unwrap_or_default()
}
