//! Whether it matters in how many shards the listings are.

use super::*;

/// Searches both page by page, and returns how many results there were.
fn compare(one: &Catalogue, other: &Catalogue, script: Script) -> usize {
    let (mut dice, mut results) = (Dice::new(SEED + 1), 0);
    for _ in 0..200 {
        let query = query(&mut dice, script);
        let mut cursor = None;
        for _ in 0..8 {
            let found = one.search(&query, 20, cursor.as_deref()).unwrap();
            let same = other.search(&query, 20, cursor.as_deref()).unwrap();
            assert_eq!(found, same, "{query:?}");
            results += found.items.len();
            cursor = found.next_cursor;
            if cursor.is_none() {
                break;
            }
        }
    }
    results
}

#[test]
fn every_answer_is_the_same_from_one_shard_and_from_eight() {
    for script in [Script::Latin, Script::Chinese] {
        let [mut one, mut eight] = [NonZeroU8::MIN, Setup::default().shards].map(|shards| {
            let setup = Setup { listings: 1_000, shards, script };
            opened(build(setup).unwrap().0).unwrap()
        });
        assert_eq!([one.layers(), eight.layers()], [1, 8]);
        assert!(compare(&one, &eight, script) > 200, "{script:?}");
        let changes = changed(&one, 100).unwrap();
        for catalogue in [&mut one, &mut eight] {
            assert_eq!(catalogue.apply(changes.iter().cloned()).unwrap(), 100);
        }
        assert_eq!([one.len(), eight.len()], [990; 2]);
        assert!(compare(&one, &eight, script) > 200, "{script:?}");
    }
}
