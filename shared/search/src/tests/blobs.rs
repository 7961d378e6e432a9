//! The blob: deterministic, and refused if it was altered.

use super::{AS_OF, document, numbers, search, text};
use crate::{Catalogue, CatalogueError, Change, Document, Query, Shard};

fn documents() -> Vec<Document> {
    let documents = (1..=300).map(|number| Document {
        description: format!("word{} and others {}", number % 50, number / 3),
        tags: vec![format!("tag{}", number % 7), "light".to_owned()],
        kind: ["preset", "rig", "pack"][number as usize % 3].to_owned(),
        creator_id: format!("usr_{}", number % 11),
        rating: (number % 4 > 0).then_some(number as u16),
        published_at: -i64::from(number),
        ..document(number)
    });
    documents.collect()
}

fn blob() -> Vec<u8> {
    Catalogue::build(documents(), AS_OF).unwrap()
}

#[test]
fn the_same_listings_are_the_same_bytes() {
    let first = blob();
    let backwards = documents().into_iter().rev();
    assert!(Catalogue::build(backwards, AS_OF).unwrap() == first);
    let older = documents().into_iter().map(|document| Document { seq: 0, ..document });
    let twice = documents().into_iter().chain(older).chain(documents());
    assert!(Catalogue::build(twice, AS_OF).unwrap() == first);
    let opened = Catalogue::open(first.clone()).unwrap();
    let again = opened.documents().map(Result::unwrap);
    assert!(Catalogue::build(again, AS_OF).unwrap() == first);
    assert!(Catalogue::build(documents(), AS_OF + 1).unwrap() != first);
}

#[test]
fn a_catalogue_is_what_was_packed() {
    let catalogue = Catalogue::open(blob()).unwrap();
    assert_eq!((catalogue.as_of(), catalogue.len()), (AS_OF, 300));
    let mut all: Vec<Document> = catalogue.documents().map(Result::unwrap).collect();
    all.sort();
    assert_eq!(all, documents());
}

#[test]
fn an_empty_catalogue_is_one() {
    let empty = Catalogue::build([], AS_OF).unwrap();
    for catalogue in [Catalogue::empty(AS_OF), Catalogue::open(empty).unwrap()] {
        assert_eq!((catalogue.as_of(), catalogue.len()), (AS_OF, 0));
        assert_eq!(catalogue.documents().count(), 0);
        assert_eq!(search(&catalogue, &text("light")).total, 0);
        assert_eq!(search(&catalogue, &Query::default()).items, []);
    }
}

#[test]
fn a_changed_byte_is_detected() {
    let blob = blob();
    let places = (0..200).chain((200..blob.len()).step_by(blob.len() / 300));
    for place in places {
        let mut changed = blob.clone();
        changed[place] ^= 0x10;
        let refused = Catalogue::open(changed).err().unwrap();
        match place {
            8..12 => assert!(matches!(refused, CatalogueError::Format(_)), "{place}"),
            _ => assert!(matches!(refused, CatalogueError::Damaged(_)), "{place}"),
        }
    }
}

#[test]
fn a_blob_that_is_truncated_or_extended_is_detected() {
    let blob = blob();
    for length in (0..100).chain((100..blob.len()).step_by(blob.len() / 100)) {
        let refused = Catalogue::open(&blob[..length]).err().unwrap();
        assert!(matches!(refused, CatalogueError::Damaged(_)), "{length}");
    }
    assert!(Catalogue::open([blob.as_slice(), &[0]].concat()).is_err());
    assert!(Catalogue::open(*b"PLSEARCH").is_err());
    assert!(Catalogue::open([]).is_err());
}

/// `format-1.blob` was packed by the last version with other word rules: five listings, of which
/// the first was unlisted with `seq` 2.
#[test]
fn an_older_blob_is_rebuilt_and_not_misread() {
    let old = include_bytes!("format-1.blob");
    let mut catalogue = Catalogue::open(old.as_slice()).unwrap();
    assert!(catalogue.is_rebuilt());
    assert_eq!((catalogue.as_of(), catalogue.len()), (AS_OF, 4));
    for (typed, expected) in [("灯光", 2), ("85mm", 3), ("πορτρετο", 4), ("조명", 5)] {
        assert_eq!(numbers(&search(&catalogue, &text(typed))), [expected], "{typed}");
    }
    let taken_off = Change::Listed(Document { title: "Soft light".to_owned(), ..document(1) });
    assert_eq!(catalogue.apply([taken_off]).unwrap(), 0, "it remembers the unlisted listing");
    let next = Catalogue::open(catalogue.snapshot(AS_OF).unwrap()).unwrap();
    assert!(!next.is_rebuilt());
    assert_eq!(next.len(), 4);
}

/// Neither hashed again nor rebuilt: a process that answers searches has no time for either.
#[test]
fn a_verified_blob_is_opened_if_its_format_is_current() {
    let opened = Catalogue::of([Shard::open_verified(blob()).unwrap()]).unwrap();
    assert_eq!((opened.as_of(), opened.len()), (AS_OF, 300));
    let old = include_bytes!("format-1.blob");
    let refused = Shard::open_verified(old.as_slice()).err().unwrap();
    assert!(matches!(refused, CatalogueError::Format(1)), "{refused:?}");
    let blob = blob();
    for length in (0..100).chain((100..blob.len()).step_by(blob.len() / 100)) {
        assert!(Shard::open_verified(&blob[..length]).is_err(), "{length}");
    }
}

#[test]
fn any_id_is_an_id() {
    let ids = ["", "lst_", "lst_1", "01J00000000000000000000001", "lst_01j00000000000000000000001"];
    let strange = ids.map(|id| Document { id: id.to_owned(), ..document(1) });
    let all = strange.into_iter().chain([document(1)]);
    let catalogue = Catalogue::open(Catalogue::build(all, AS_OF).unwrap()).unwrap();
    assert_eq!(catalogue.len(), 6);
    assert_eq!(search(&catalogue, &text("untitled")).total, 6);
}

#[test]
fn strange_documents_are_kept_as_they_are() {
    let long = "x".repeat(70_000);
    let strange = Document {
        title: format!("{long} light"),
        description: String::new(),
        tags: vec![String::new(), long.clone(), "\u{0}".to_owned()],
        kind: String::new(),
        category: "\"é\"\n".to_owned(),
        creator_id: String::new(),
        price: u64::MAX,
        rating: Some(u16::MAX),
        ratings: u32::MAX,
        sales: u64::MAX,
        published_at: i64::MIN,
        card: String::new(),
        ..document(1)
    };
    let all = [strange.clone(), Document { kind: long, ..document(2) }];
    let catalogue = Catalogue::open(Catalogue::build(all, AS_OF).unwrap()).unwrap();
    assert_eq!(catalogue.documents().next().unwrap().unwrap(), strange);
    assert_eq!(numbers(&search(&catalogue, &text("light"))), [1]);
    assert_eq!(search(&catalogue, &Query::default()).facets.kinds.len(), 2);
}

#[test]
fn a_catalogue_is_shared_between_threads() {
    fn shared<T: Send + Sync>() {}
    shared::<Catalogue>();
}
