//! Shards: together they are one catalogue.

use super::{AS_OF, catalogue, document, numbers, search, text, titled};
use crate::{Catalogue, Change, Document, Query, Shard};

fn shard(documents: &[Document], as_of: i64) -> Shard {
    Shard::open(Catalogue::build(documents.iter().cloned(), as_of).unwrap()).unwrap()
}

fn listed(number: u32, seq: u64, title: &str) -> Change {
    Change::Listed(Document { seq, ..titled(number, title) })
}

/// The numbers of all results, newest first.
fn all(catalogue: &Catalogue) -> Vec<u32> {
    numbers(&search(catalogue, &Query::default()))
}

#[test]
fn shards_are_searched_changed_and_packed_as_one() {
    let mut third = catalogue(&[document(3), document(4)]);
    third.apply([Change::Unlisted { id: document(4).id, seq: 5 }]).unwrap();
    let third = Shard::open(third.snapshot(AS_OF + 7).unwrap()).unwrap();
    let empty = shard(&[], AS_OF + 3);
    let shards = [shard(&[document(1), document(5)], AS_OF), empty, third];
    let mut whole = Catalogue::of(shards).unwrap();
    assert_eq!((whole.as_of(), whole.len(), whole.layers()), (AS_OF + 7, 3, 2));
    assert_eq!(all(&whole), [5, 3, 1]);
    assert_eq!(whole.apply([listed(4, 4, "older than its end")]).unwrap(), 0);
    // One of each shard, and a new one.
    let changes = [listed(1, 2, "new"), listed(3, 2, "new"), listed(6, 1, "new")];
    assert_eq!(whole.apply(changes).unwrap(), 3);
    assert_eq!((whole.len(), whole.layers()), (4, 3), "no shard is packed again");
    assert_eq!(numbers(&search(&whole, &text("new"))), [6, 3, 1]);
    assert_eq!(all(&whole), [6, 5, 3, 1]);
    let mut packed = Catalogue::open(whole.snapshot(AS_OF + 8).unwrap()).unwrap();
    assert_eq!(all(&packed), [6, 5, 3, 1]);
    assert_eq!(packed.apply([listed(4, 4, "older than its end")]).unwrap(), 0);
}

#[test]
fn a_shard_of_two_catalogues_is_changed_in_one() {
    let shared = shard(&[document(1), document(2)], AS_OF);
    let mut older = Catalogue::of([shared.clone()]).unwrap();
    let newer = Catalogue::of([shared, shard(&[document(3)], AS_OF + 1)]).unwrap();
    older.apply([Change::Unlisted { id: document(1).id, seq: 2 }]).unwrap();
    assert_eq!((all(&older), all(&newer)), (vec![2], vec![3, 2, 1]));
}
