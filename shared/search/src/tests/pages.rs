//! Pages and cursors.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::{catalogue, document, numbers, sorted, text};
use crate::{Catalogue, Change, Document, Found, Query, SearchError, Sort};

/// `count` listings, many of them equal in all sort keys.
fn alike(count: u32) -> Vec<Document> {
    let alike = |number: u32| Document {
        description: "light".to_owned(),
        title: if number.is_multiple_of(5) { "light" } else { "" }.to_owned(),
        price: u64::from(number % 3),
        sales: u64::from(number % 4) * 100,
        rating: number.is_multiple_of(2).then_some(400),
        ratings: number % 2 + 1,
        published_at: i64::from(number / 7),
        ..document(number)
    };
    (1..=count).map(alike).collect()
}

/// All pages of a query, applying `between` to the catalogue after each.
fn pages(
    catalogue: &mut Catalogue,
    query: &Query,
    limit: usize,
    mut between: impl FnMut(&mut Catalogue),
) -> Vec<u32> {
    let mut seen = Vec::new();
    let mut cursor: Option<String> = None;
    loop {
        let found = catalogue.search(query, limit, cursor.as_deref()).unwrap();
        seen.extend(numbers(&found));
        between(catalogue);
        cursor = found.next_cursor;
        if cursor.is_none() {
            return seen;
        }
        assert_eq!(found.items.len(), limit);
    }
}

#[test]
fn pages_are_the_whole_while_others_come_go_and_change() {
    for sort in Sort::ALL {
        let query = Query { sort: Some(sort), ..text("light") };
        let mut catalogue = catalogue(&alike(60));
        let whole = numbers(&catalogue.search(&query, 100, None).unwrap());
        let mut number = 1_000;
        let seen = pages(&mut catalogue, &query, 7, |catalogue| {
            number += 1;
            let others = [
                // New and in the results: it may appear on a page or not, but moves no other.
                Change::Listed(Document { id: document(number).id, ..alike(9).remove(4) }),
                // Not in the results.
                Change::Listed(document(number + 1_000)),
                Change::Unlisted { id: document(number + 999).id, seq: 2 },
                // Changed in fields that are not sorted by.
                Change::Listed(Document { seq: 2, card: "{}".to_owned(), ..alike(60).remove(30) }),
            ];
            catalogue.apply(others).unwrap();
        });
        let old: Vec<u32> = seen.iter().copied().filter(|number| *number < 1_000).collect();
        assert_eq!(old, whole, "{sort:?}");
        assert_eq!(BTreeSet::from_iter(&seen).len(), seen.len(), "{sort:?}");
    }
}

#[test]
fn a_page_can_begin_after_a_removed_listing() {
    let mut catalogue = catalogue(&alike(10));
    let query = sorted(Sort::BestSelling);
    let whole = numbers(&catalogue.search(&query, 100, None).unwrap());
    let first = catalogue.search(&query, 4, None).unwrap();
    for hit in &first.items {
        catalogue.apply([Change::Unlisted { id: hit.id.clone(), seq: 9 }]).unwrap();
    }
    let second = catalogue.search(&query, 100, first.next_cursor.as_deref()).unwrap();
    assert_eq!(numbers(&second), whole[4..]);
    assert_eq!((second.total, second.next_cursor), (6, None));
}

#[test]
fn a_page_has_one_to_a_hundred_results() {
    let catalogue = catalogue(&alike(130));
    let found = |limit| catalogue.search(&Query::default(), limit, None).unwrap();
    let size = |found: Found| (found.items.len(), found.next_cursor.is_some());
    assert_eq!(size(found(0)), (1, true));
    assert_eq!(size(found(usize::MAX)), (100, true));
    let narrow = catalogue.search(&text("untitled"), 10, None).unwrap();
    assert_eq!(size(narrow), (0, false));
}

#[test]
fn a_cursor_is_of_one_query_and_unchanged() {
    let catalogue = catalogue(&alike(20));
    let query = Query { kinds: vec!["preset".to_owned(), "rig".to_owned()], ..text("light") };
    let cursor = catalogue.search(&query, 3, None).unwrap().next_cursor.unwrap();
    let refused = |query: &Query, cursor: &str| {
        let refused = catalogue.search(query, 3, Some(cursor)).unwrap_err();
        assert!(matches!(refused, SearchError::Cursor), "{cursor}");
        assert_eq!(refused.code(), "invalid_cursor");
    };
    // Another spelling of the same query, and another limit, are the same query.
    let same = Query { kinds: vec!["rig".to_owned(), "preset".to_owned()], ..text(" LIGHT! ") };
    assert!(catalogue.search(&same, 50, Some(&cursor)).is_ok());
    for other in [
        text("light"),
        Query { text: None, ..query.clone() },
        Query { sort: Some(Sort::Newest), ..query.clone() },
        Query { price_max: Some(1), ..query.clone() },
        Query { kinds: vec!["preset,rig".to_owned()], ..query.clone() },
    ] {
        refused(&other, &cursor);
    }
    for place in 0..cursor.len() {
        let mut bytes = cursor.clone().into_bytes();
        bytes[place] = if bytes[place] == b'A' { b'B' } else { b'A' };
        refused(&query, std::str::from_utf8(&bytes).unwrap());
        refused(&query, &cursor[..place]);
    }
    for made_up in ["", "A", "====", "é", &"A".repeat(60), &format!("{cursor}A"), "not a cursor"] {
        refused(&query, made_up);
    }
}

/// A listing with few different values.
fn any_document() -> impl Strategy<Value = Document> {
    let words = prop::sample::select(vec!["light", "lights", "softbox", "light softbox", "lihgt"]);
    let values = (1_u32..60, words, 0_u64..3, 0_u64..3, prop::option::of(100_u16..500), 0_i64..3);
    values.prop_map(|(number, title, price, sales, rating, published_at)| Document {
        title: title.to_owned(),
        price,
        sales,
        rating,
        ratings: u32::from(rating.is_some()),
        published_at,
        ..document(number)
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, ..ProptestConfig::default() })]

    /// However the listings were added, the pages together equal one full page, in the same order.
    #[test]
    fn pages_are_the_whole(
        old in prop::collection::vec(any_document(), 0..30),
        new in prop::collection::vec(any_document(), 0..12),
        sort in prop::sample::select(Sort::ALL.to_vec()),
        limit in 1_usize..9,
        typed in prop::option::of(prop::sample::select(vec!["light", "softbox ligh", "none"])),
    ) {
        let query = Query { sort: Some(sort), text: typed.map(str::to_owned), ..Query::default() };
        let newer = new.into_iter().map(|document| Document { seq: 2, ..document });
        let newer: Vec<Document> = newer.collect();
        let mut changed = catalogue(&old);
        for document in &newer {
            changed.apply([Change::Listed(document.clone())]).unwrap();
        }
        // The first newer state of each is the one that was applied.
        let first = newer.iter().enumerate().filter(|(place, document)| {
            !newer[..*place].iter().any(|other| other.id == document.id)
        });
        let first: Vec<Document> = first.map(|(_, document)| document.clone()).collect();
        let whole = catalogue(&[old, first].concat());
        let expected = whole.search(&query, 100, None).unwrap();
        prop_assert_eq!(&changed.search(&query, 100, None).unwrap(), &expected);
        prop_assert_eq!(pages(&mut changed, &query, limit, |_| ()), numbers(&expected));
        prop_assert_eq!(expected.total, expected.items.len() as u64);
    }
}
