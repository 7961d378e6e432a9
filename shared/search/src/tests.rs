//! What a search must find, and in which order.

mod blobs;
mod changes;
mod filters;
mod listings;
mod oracle;
mod pages;
mod shards;
mod text;

use crate::{Catalogue, Change, Document, Found, Matched, Query, Sort};

const AS_OF: i64 = 1_780_000_000_000;
const HOUR_MS: i64 = 3_600_000;

/// A listing with only a number: higher means newer.
fn document(number: u32) -> Document {
    Document {
        id: format!("lst_01J{number:023}"),
        seq: 1,
        title: format!("Untitled {number}"),
        description: String::new(),
        tags: Vec::new(),
        creator_id: "usr_ana".to_owned(),
        creator_name: "Ana".to_owned(),
        kind: "preset".to_owned(),
        category: "portrait".to_owned(),
        price: 999,
        rating: None,
        ratings: 0,
        sales: 0,
        published_at: AS_OF + i64::from(number) * HOUR_MS,
        card: format!("{{\"number\":{number}}}"),
    }
}

fn titled(number: u32, title: &str) -> Document {
    Document { title: title.to_owned(), ..document(number) }
}

fn catalogue(documents: &[Document]) -> Catalogue {
    Catalogue::open(Catalogue::build(documents.iter().cloned(), AS_OF).unwrap()).unwrap()
}

/// The same listings, with every second one from a change since the snapshot.
fn layered(documents: &[Document]) -> Catalogue {
    let old: Vec<Document> = documents.iter().step_by(2).cloned().collect();
    let mut catalogue = catalogue(&old);
    for document in documents.iter().skip(1).step_by(2) {
        catalogue.apply([Change::Listed(document.clone())]).unwrap();
    }
    catalogue
}

fn text(text: &str) -> Query {
    Query { text: Some(text.to_owned()), ..Query::default() }
}

fn sorted(sort: Sort) -> Query {
    Query { sort: Some(sort), ..Query::default() }
}

fn search(catalogue: &Catalogue, query: &Query) -> Found {
    catalogue.search(query, 100, None).unwrap()
}

/// The numbers of the results, in order.
fn numbers(found: &Found) -> Vec<u32> {
    found.items.iter().map(|hit| hit.id[7..].parse().unwrap()).collect()
}

/// Checks the results that have all words of a query, both from a snapshot and with half of the
/// listings as changes.
fn check(documents: &[Document], query: &Query, expected: &[u32]) {
    for catalogue in [catalogue(documents), layered(documents)] {
        let found = search(&catalogue, query);
        if found.matched == Matched::AllButOne {
            assert!(expected.is_empty(), "{query:?}");
            continue;
        }
        assert_eq!(numbers(&found), expected, "{query:?}");
        assert_eq!(found.total, expected.len() as u64, "{query:?}");
        for hit in &found.items {
            let asked = documents.iter().find(|document| document.id == hit.id).unwrap();
            assert_eq!(hit.card, asked.card);
        }
    }
}

/// Checks a query that nothing matches with all words: the results that lack one.
fn check_without_one(documents: &[Document], query: &Query, expected: &[u32]) {
    for catalogue in [catalogue(documents), layered(documents)] {
        let found = search(&catalogue, query);
        assert_eq!((numbers(&found), found.matched), (expected.to_vec(), Matched::AllButOne));
        assert_eq!(found.total, expected.len() as u64, "{query:?}");
    }
}
