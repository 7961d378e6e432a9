//! Filters, sorts and counts.

use std::collections::BTreeMap;

use super::{catalogue, check, document, layered, search, sorted, text};
use crate::{Cost, Document, Facets, Prices, Query, Sort};

fn shelf() -> Vec<Document> {
    let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    vec![
        Document { price: 0, tags: names(&["Low Key", "café"]), sales: 7, ..document(1) },
        Document { price: 500, tags: names(&["low-key"]), kind: "rig".to_owned(), ..document(2) },
        Document { price: 900, rating: Some(500), ratings: 1, sales: 90, ..document(3) },
        Document { price: 900, rating: Some(480), ratings: 90, sales: 7, ..document(4) },
        Document { creator_id: "usr_bo".to_owned(), category: "food".to_owned(), ..document(5) },
        Document { price: u64::MAX, rating: Some(120), ratings: 9, ..document(6) },
        Document { rating: Some(0), ratings: 3, tags: names(&["🔥"]), ..document(7) },
    ]
}

#[test]
fn every_filter_must_hold() {
    let some = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    let all = Query::default();
    for (query, expected) in [
        (all.clone(), &[7, 6, 5, 4, 3, 2, 1][..]),
        (Query { kinds: some(&["rig"]), ..all.clone() }, &[2]),
        (Query { kinds: some(&["rig", "pack"]), ..all.clone() }, &[2]),
        (Query { kinds: some(&["pack"]), ..all.clone() }, &[]),
        (Query { categories: some(&["food", "portrait"]), ..all.clone() }, &[7, 6, 5, 4, 3, 2, 1]),
        (Query { categories: some(&["food"]), ..all.clone() }, &[5]),
        (Query { categories: some(&["food"]), kinds: some(&["rig"]), ..all.clone() }, &[]),
        (Query { tags: some(&["LOW KEY"]), ..all.clone() }, &[2, 1]),
        (Query { tags: some(&["low key", "cafe"]), ..all.clone() }, &[1]),
        (Query { tags: some(&["low"]), ..all.clone() }, &[]),
        (Query { tags: some(&["🔥"]), ..all.clone() }, &[7]),
        (Query { tags: some(&[""]), ..all.clone() }, &[]),
        (Query { tags: some(&["low key"]), ..text("untitled") }, &[1, 2]),
        (Query { price_min: Some(900), price_max: Some(900), ..all.clone() }, &[4, 3]),
        (Query { price_min: Some(901), price_max: Some(900), ..all.clone() }, &[]),
        (Query { price_max: Some(500), ..all.clone() }, &[2, 1]),
        (Query { cost: Some(Cost::Free), ..all.clone() }, &[1]),
        (Query { cost: Some(Cost::Paid), price_max: Some(500), ..all.clone() }, &[2]),
        (Query { rating_min: Some(481), ..all.clone() }, &[3]),
        (Query { rating_min: Some(100), ..all.clone() }, &[6, 4, 3]),
        (Query { creator: Some("usr_bo".to_owned()), ..all.clone() }, &[5]),
        (Query { creator: Some("usr_b".to_owned()), ..all.clone() }, &[]),
        (Query { creator: Some("usr_bo".to_owned()), ..text("untitled") }, &[5]),
    ] {
        check(&shelf(), &query, expected);
    }
}

#[test]
fn every_sort_is_its_own_and_equals_are_sorted_by_date() {
    for (sort, expected) in [
        (Sort::Relevance, [7, 6, 5, 4, 3, 2, 1]),
        (Sort::Newest, [7, 6, 5, 4, 3, 2, 1]),
        (Sort::BestSelling, [3, 4, 1, 7, 6, 5, 2]),
        // 4 is (5·3.8 + 90·4.8)/95, 3 is (5·3.8 + 5)/6, and 3.8 without a rating.
        (Sort::TopRated, [4, 3, 5, 2, 1, 7, 6]),
        (Sort::PriceAscending, [1, 2, 4, 3, 7, 5, 6]),
        (Sort::PriceDescending, [6, 7, 5, 4, 3, 2, 1]),
    ] {
        check(&shelf(), &sorted(sort), &expected);
    }
}

#[test]
fn facets_count_what_was_found_on_all_pages() {
    let counts = |pairs: &[(&str, u64)]| {
        pairs.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect::<BTreeMap<_, _>>()
    };
    let ratings = |counts: [u64; 4]| [4, 3, 2, 1].into_iter().zip(counts).collect();
    let all = Facets {
        kinds: counts(&[("preset", 6), ("rig", 1)]),
        categories: counts(&[("food", 1), ("portrait", 6)]),
        ratings: ratings([2, 2, 2, 3]),
        free: 1,
        prices: Some(Prices { min: 0, max: u64::MAX }),
    };
    let cheap = Facets {
        kinds: counts(&[("preset", 1), ("rig", 1)]),
        categories: counts(&[("portrait", 2)]),
        ratings: ratings([0; 4]),
        free: 1,
        prices: Some(Prices { min: 0, max: 500 }),
    };
    // Each facet ignores its own filter, and applies the others.
    let cheap = Facets { prices: all.prices, ..cheap };
    let rigs = Facets {
        kinds: all.kinds.clone(),
        categories: counts(&[("portrait", 1)]),
        ratings: ratings([0; 4]),
        free: 0,
        prices: Some(Prices { min: 500, max: 500 }),
    };
    let free_food = Facets {
        kinds: counts(&[]),
        categories: counts(&[("portrait", 1)]),
        ratings: ratings([0; 4]),
        free: 0,
        prices: None,
    };
    let rated = Facets {
        kinds: counts(&[("preset", 2)]),
        categories: counts(&[("portrait", 2)]),
        ratings: all.ratings.clone(),
        free: 0,
        prices: Some(Prices { min: 900, max: 900 }),
    };
    let none = Facets { ratings: ratings([0; 4]), ..Facets::default() };
    let names = |name: &str| vec![name.to_owned()];
    let food = Query { categories: names("food"), cost: Some(Cost::Free), ..Query::default() };
    for (query, total, expected) in [
        (Query::default(), 7, &all),
        (text("untitled"), 7, &all),
        (Query { price_max: Some(500), ..Query::default() }, 2, &cheap),
        (Query { kinds: names("rig"), ..Query::default() }, 1, &rigs),
        (food, 0, &free_food),
        (Query { rating_min: Some(400), ..Query::default() }, 2, &rated),
        (text("elsewhere"), 0, &none),
        (text("!"), 0, &none),
    ] {
        for catalogue in [catalogue(&shelf()), layered(&shelf())] {
            let found = catalogue.search(&query, 1, None).unwrap();
            assert_eq!((found.total, &found.facets), (total, expected), "{query:?}");
            assert_eq!(found.items.len(), usize::from(total > 0));
            assert_eq!(search(&catalogue, &query).facets, *expected);
        }
    }
}

#[test]
fn a_query_is_read_from_json() {
    let read = |json: &str| serde_json::from_str::<Query>(json).map_err(|error| error.to_string());
    assert_eq!(read("{}").unwrap(), Query::default());
    let json = r#"{"text":"light","cost":"free","sort":"price_ascending","price_max":5}"#;
    let query = Query {
        cost: Some(Cost::Free),
        sort: Some(Sort::PriceAscending),
        price_max: Some(5),
        ..text("light")
    };
    assert_eq!(read(json).unwrap(), query);
    assert!(read(r#"{"colour":"red"}"#).unwrap_err().contains("colour"));
}
