//! `domain`'s listing data as searched.

use domain::{
    Timestamp,
    id::ListingId,
    marketplace::{
        Category, Kind,
        listing::card::{self, Card, Entry},
    },
    money::Money,
};

use super::{catalogue, search, text};
use crate::{Change, Document, Query};

fn entry() -> Entry {
    let card = Card {
        id: ListingId::parse("lst_01J00000000000000000000007").unwrap(),
        kind: Kind::LightingPreset,
        title: "Window light".to_owned(),
        category: Category::Food,
        tags: vec!["soft".to_owned()],
        price: Money::usd_cents(500),
        creator_id: domain::id::UserId::parse("creator").unwrap(),
        creator_name: Some("Ana".to_owned()),
        preview: None,
        rating: Some(450),
        ratings: 2,
        sales: 3,
        published_at: Timestamp::from_secs(1_780_000_000),
    };
    Entry { seq: 4, card, description: "For a table by the window.".to_owned() }
}

#[test]
fn a_listing_is_found_by_all_of_its_texts_and_its_card_is_returned() {
    let entry = entry();
    let catalogue = catalogue(&[Document::from(&entry)]);
    for words in ["window", "soft", "ana", "table"] {
        let found = search(&catalogue, &text(words));
        let card: Card = serde_json::from_str(&found.items[0].card).unwrap();
        assert_eq!(card, entry.card, "{words}");
    }
    let query = Query {
        kinds: vec!["lighting_preset".to_owned()],
        categories: vec!["food".to_owned()],
        price_min: Some(500),
        price_max: Some(500),
        rating_min: Some(450),
        ..Query::default()
    };
    assert_eq!(search(&catalogue, &query).total, 1);
}

#[test]
fn a_change_is_the_same_change() {
    let entry = entry();
    let listed = card::Change::Listed(Box::new(entry.clone()));
    assert_eq!(Change::from(&listed), Change::Listed(Document::from(&entry)));
    let listing_id = entry.card.id.clone();
    let unlisted = card::Change::Unlisted { listing_id: listing_id.clone(), seq: 5 };
    let expected = Change::Unlisted { id: listing_id.to_string(), seq: 5 };
    assert_eq!(Change::from(&unlisted), expected);
    let mut catalogue = catalogue(&[Document::from(&entry)]);
    catalogue.apply([Change::from(&unlisted)]).unwrap();
    assert!(catalogue.is_empty());
}
