//! Listings as `domain` knows them become what is searched.

use domain::marketplace::card::{self, Card, Entry};

use crate::{Change, Document};

impl From<&Entry> for Document {
    fn from(entry: &Entry) -> Document {
        let Entry { seq, card, description } = entry;
        Document {
            id: card.id.to_string(),
            seq: *seq,
            title: card.title.clone(),
            description: description.clone(),
            tags: card.tags.clone(),
            creator_id: card.creator_id.to_string(),
            creator_name: card.creator_name.clone().unwrap_or_default(),
            kind: card.kind.terms().name.to_owned(),
            category: card.category.as_str().to_owned(),
            price: u64::try_from(card.price.amount).unwrap_or(0),
            rating: card.rating,
            ratings: card.ratings,
            sales: card.sales,
            published_at: card.published_at.as_millis(),
            card: shown(card),
        }
    }
}

impl From<&card::Change> for Change {
    fn from(change: &card::Change) -> Change {
        match change {
            card::Change::Listed(entry) => Change::Listed(Document::from(entry.as_ref())),
            card::Change::Unlisted { listing_id, seq } => {
                Change::Unlisted { id: listing_id.to_string(), seq: *seq }
            }
        }
    }
}

/// A card as JSON, which serde_json reads back into the same card. It has no keys but texts, so
/// nothing in it cannot be written.
fn shown(card: &Card) -> String {
    serde_json::to_string(card).unwrap_or_default()
}
