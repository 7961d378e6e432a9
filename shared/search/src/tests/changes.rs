//! Changes since the snapshot.

use super::{AS_OF, catalogue, document, numbers, search, text, titled};
use crate::{Catalogue, Change, Document, Query};

fn listed(number: u32, seq: u64, title: &str) -> Change {
    Change::Listed(Document { seq, ..titled(number, title) })
}

fn unlisted(number: u32, seq: u64) -> Change {
    Change::Unlisted { id: document(number).id, seq }
}

/// The listings after `changes`, applied one by one and all at once: numbers and titles.
fn check(changes: &[Change], expected: &[(u32, &str)]) {
    let old = [titled(1, "one"), titled(2, "two")];
    let mut step_by_step = catalogue(&old);
    for change in changes {
        step_by_step.apply([change.clone()]).unwrap();
    }
    let mut at_once = catalogue(&old);
    at_once.apply(changes.iter().cloned()).unwrap();
    for catalogue in [step_by_step, at_once] {
        assert_eq!(catalogue.len(), expected.len(), "{changes:?}");
        let mut all: Vec<Document> = catalogue.documents().map(Result::unwrap).collect();
        all.sort();
        let titles = all.iter().map(|document| document.title.as_str());
        assert_eq!(
            titles.collect::<Vec<_>>(),
            expected.iter().map(|(_, t)| *t).collect::<Vec<_>>()
        );
        for (number, title) in expected {
            assert_eq!(numbers(&search(&catalogue, &text(title))), [*number], "{changes:?}");
        }
        assert_eq!(search(&catalogue, &Query::default()).total, expected.len() as u64);
    }
    let mut applied = catalogue(&old);
    applied.apply(changes.iter().cloned()).unwrap();
    let built = Catalogue::build_with(old, changes.iter().cloned(), AS_OF).unwrap();
    assert!(built == (applied.snapshot(AS_OF).unwrap(), expected.len()), "{changes:?}");
}

#[test]
fn the_highest_seq_is_true_in_whatever_order_the_changes_come() {
    for (changes, expected) in [
        (vec![], &[(1, "one"), (2, "two")][..]),
        (vec![listed(3, 1, "new")], &[(1, "one"), (2, "two"), (3, "new")]),
        (vec![listed(3, 1, "new"), listed(3, 1, "other")], &[(1, "one"), (2, "two"), (3, "new")]),
        (vec![listed(1, 2, "uno")], &[(1, "uno"), (2, "two")]),
        (vec![listed(1, 1, "uno")], &[(1, "one"), (2, "two")]),
        (vec![listed(1, 0, "uno")], &[(1, "one"), (2, "two")]),
        (vec![listed(1, 3, "drei"), listed(1, 2, "uno")], &[(1, "drei"), (2, "two")]),
        (vec![listed(1, 2, "uno"), listed(1, 3, "drei")], &[(1, "drei"), (2, "two")]),
        (vec![unlisted(1, 2)], &[(2, "two")]),
        (vec![unlisted(1, 1)], &[(1, "one"), (2, "two")]),
        (vec![unlisted(1, 2), unlisted(1, 2)], &[(2, "two")]),
        (vec![unlisted(1, 3), listed(1, 2, "uno")], &[(2, "two")]),
        (vec![unlisted(1, 3), listed(1, 3, "uno")], &[(2, "two")]),
        (vec![unlisted(1, 3), listed(1, 4, "again")], &[(1, "again"), (2, "two")]),
        (vec![listed(1, 4, "again"), unlisted(1, 3)], &[(1, "again"), (2, "two")]),
        (vec![unlisted(9, 5), listed(9, 4, "early")], &[(1, "one"), (2, "two")]),
        (vec![unlisted(1, 2), unlisted(2, 2)], &[]),
        (vec![listed(3, 1, "new"), unlisted(3, 2), listed(3, 1, "new")], &[(1, "one"), (2, "two")]),
    ] {
        check(&changes, expected);
    }
}

#[test]
fn an_approved_listing_is_found_at_once_and_one_taken_off_is_not() {
    let mut catalogue = Catalogue::empty(AS_OF);
    assert_eq!(numbers(&search(&catalogue, &Query::default())), [0; 0]);
    assert_eq!(catalogue.apply([listed(1, 7, "Split light")]).unwrap(), 1);
    assert_eq!(numbers(&search(&catalogue, &text("split"))), [1]);
    assert_eq!(catalogue.apply([listed(1, 7, "Split light")]).unwrap(), 0);
    assert_eq!(catalogue.apply([listed(1, 8, "Butterfly light")]).unwrap(), 1);
    assert_eq!(numbers(&search(&catalogue, &text("split"))), [0; 0]);
    assert_eq!(numbers(&search(&catalogue, &text("butterfly"))), [1]);
    assert_eq!(catalogue.apply([unlisted(1, 9)]).unwrap(), 1);
    assert_eq!(search(&catalogue, &text("butterfly")).total, 0);
    assert!(catalogue.is_empty());
    assert_eq!(catalogue.as_of(), AS_OF);
}

#[test]
fn a_thousand_changes_are_a_few_layers_and_are_all_found() {
    let mut catalogue = catalogue(&(1..=50).map(document).collect::<Vec<_>>());
    for number in 1..=1_000 {
        catalogue.apply([listed(number, 2, &format!("changed w{number}"))]).unwrap();
    }
    assert!(catalogue.layers() <= 12, "{} layers", catalogue.layers());
    assert_eq!(catalogue.len(), 1_000);
    assert_eq!(search(&catalogue, &text("changed")).total, 1_000);
    assert_eq!(numbers(&search(&catalogue, &text("w777"))), [777]);
}

#[test]
fn the_next_snapshot_is_made_of_the_last_one_and_the_changes() {
    let all: Vec<Document> = (1..=40).map(document).collect();
    let mut catalogue = catalogue(&all[..30]);
    let changes: Vec<Change> = all.iter().skip(20).cloned().map(Change::Listed).collect();
    catalogue.apply(changes).unwrap();
    let built = Catalogue::build(all.iter().cloned(), AS_OF + 1).unwrap();
    let documents = catalogue.documents().map(Result::unwrap);
    assert!(Catalogue::build(documents, AS_OF + 1).unwrap() == built);
    assert!(catalogue.snapshot(AS_OF + 1).unwrap() == built);
}

#[test]
fn a_snapshot_remembers_for_a_week_what_was_unlisted() {
    const DAY_MS: i64 = 24 * 3_600_000;
    let mut first = catalogue(&[document(1), document(2)]);
    first.apply([unlisted(1, 5)]).unwrap();
    for (as_of, total) in [(AS_OF + 7 * DAY_MS, 1), (AS_OF + 7 * DAY_MS + 1, 2)] {
        let mut next = Catalogue::open(first.snapshot(as_of).unwrap()).unwrap();
        assert_eq!(search(&next, &Query::default()).total, 1);
        next.apply([listed(1, 4, "older")]).unwrap();
        assert_eq!(search(&next, &Query::default()).total, total);
        let again = Catalogue::open(next.snapshot(as_of).unwrap()).unwrap();
        assert_eq!(again.len() as u64, total);
    }
    // Even with no listings left, the snapshot remembers it.
    first.apply([unlisted(2, 5)]).unwrap();
    let mut next = Catalogue::open(first.snapshot(AS_OF).unwrap()).unwrap();
    assert_eq!(next.apply([listed(2, 4, "older")]).unwrap(), 0);
}

#[test]
fn changes_are_written_as_json() {
    for change in [listed(1, 2, "one"), unlisted(1, 3)] {
        let json = serde_json::to_string(&change).unwrap();
        assert_eq!(serde_json::from_str::<Change>(&json).unwrap(), change);
    }
    let json = r#"{"unlisted":{"id":"lst_1","seq":3}}"#;
    let change = Change::Unlisted { id: "lst_1".to_owned(), seq: 3 };
    assert_eq!(serde_json::from_str::<Change>(json).unwrap(), change);
}
