//! The search index: built, kept while it is current, and replaced when it is not.

use std::time::Duration;

use clients::snapshots::{IndexRef, SnapshotRef};
use domain::{
    id::{ListingId, UserId},
    marketplace::{
        Kind,
        listing::card::{SHARDS, shard_of},
    },
    time::DAY,
};
use search::{Catalogue, FORMAT, Query, Shard};
use serde_json::{Value, json};
use testing::{TestApp, engine::TABLE, listings};
use tokio::time::sleep;

use super::worker_app::MINUTE;
use crate::index_listings::WORKER;

/// Runs the function; returns the current index.
async fn run(app: &TestApp) -> IndexRef {
    app.run(WORKER.name).await.unwrap();
    app.images_bucket().snapshots().current().await.unwrap().unwrap()
}

/// The blobs of an index, one a shard.
async fn blobs(app: &TestApp, index: &IndexRef) -> Vec<Vec<u8>> {
    let (bucket, mut blobs) = (app.images_bucket(), Vec::new());
    for shard in &index.shards {
        blobs.push(bucket.get(&shard.key).await.unwrap().0);
    }
    blobs
}

async fn catalogue(app: &TestApp, index: &IndexRef) -> Catalogue {
    let blobs = blobs(app, index).await;
    Catalogue::of(blobs.into_iter().map(|blob| Shard::open(blob).unwrap())).unwrap()
}

#[tokio::test]
async fn an_index_of_an_earlier_format_is_replaced_though_nothing_changed() {
    let app = TestApp::serving(&[crate::functions]);
    let (now, kim, bucket) = (app.now(), UserId::parse("kim").unwrap(), app.images_bucket());
    let described = (Kind::LightingPreset, listings::description("柔和灯光", 900));
    let id = (&kim, ListingId::new(now, 1));
    let id = listings::draft(&app.store, id, described, now).await;
    listings::publish(&app.store, &kim, &id, now).await;

    let first = run(&app).await;
    app.ambient.clock.advance(Duration::from_secs(60 * 60));
    assert_eq!(run(&app).await, first, "nothing changed");

    let mut outdated = blobs(&app, &first).await;
    outdated.iter_mut().for_each(|blob| blob[8] = 1);
    let outdated = bucket.publish_index(outdated, app.now()).await;
    app.ambient.clock.advance(Duration::from_secs(5 * 60));
    let replaced = run(&app).await;
    assert!(replaced.shards.iter().all(|shard| !outdated.shards.contains(shard)));
    let catalogue = catalogue(&app, &replaced).await;
    assert!(!catalogue.is_rebuilt());
    let query = Query { text: Some("灯光".to_owned()), ..Query::default() };
    assert_eq!(catalogue.search(&query, 20, None).unwrap().total, 1);
}

/// Publishes a listing of a creator.
async fn on_sale(app: &TestApp, creator: &str, title: &str) -> ListingId {
    let (now, creator) = (app.now(), UserId::parse(creator).unwrap());
    let described = (Kind::LightingPreset, listings::description(title, 900));
    let id = ListingId::new(now, app.ambient.entropy.next());
    let id = listings::draft(&app.store, (&creator, id), described, now).await;
    listings::publish(&app.store, &creator, &id, now).await;
    id
}

/// Hides the listings of a creator.
async fn hide(app: &TestApp, creator: &str) {
    let creator = UserId::parse(creator).unwrap();
    let suspended = app.store.update_account(&creator, None, app.now(), |draft| {
        draft.suspend("Copies.".to_owned(), None);
    });
    suspended.await.unwrap();
    app.store.sync_visibility(&creator, app.now()).await.unwrap();
}

/// The ids of the listings in the current index.
async fn indexed(app: &TestApp) -> Vec<String> {
    let index = run(app).await;
    let catalogue = catalogue(app, &index).await;
    let mut ids: Vec<String> = catalogue.documents().map(|found| found.unwrap().id).collect();
    ids.sort();
    ids
}

/// The shards that differ between two indexes.
fn changed(one: &IndexRef, other: &IndexRef) -> Vec<u8> {
    let shards = (0..SHARDS).zip(one.shards.iter().zip(&other.shards));
    shards.filter(|(_, (one, other))| one != other).map(|(shard, _)| shard).collect()
}

#[tokio::test]
async fn a_shard_without_changes_keeps_its_snapshot_for_a_day() {
    let app = TestApp::serving(&[crate::functions]);
    let first = on_sale(&app, "kim", "One").await;
    let old = run(&app).await;
    app.ambient.clock.advance(MINUTE * 5);
    let second = on_sale(&app, "lee", "Two").await;
    let new = run(&app).await;
    assert_eq!(changed(&old, &new), [shard_of(&second)]);
    let mut in_order = vec![0; usize::from(SHARDS)];
    for id in [&first, &second] {
        in_order[usize::from(shard_of(id))] += 1;
    }
    let opened = blobs(&app, &new).await.into_iter().map(|blob| Catalogue::open(blob).unwrap());
    assert_eq!(opened.map(|shard| shard.len()).collect::<Vec<_>>(), in_order);
    app.ambient.clock.advance(DAY);
    assert_eq!(changed(&new, &run(&app).await), Vec::from_iter(0..SHARDS));
}

/// As builds from before the shards published it.
#[tokio::test]
async fn an_index_of_one_snapshot_is_built_anew_in_shards() {
    let app = TestApp::serving(&[crate::functions]);
    let id = on_sale(&app, "kim", "One").await;
    let one = Catalogue::build([], app.now().as_millis()).unwrap();
    app.images_bucket().publish_index(vec![one], app.now()).await;
    app.ambient.clock.advance(MINUTE * 5);
    assert_eq!(indexed(&app).await, [id.as_str()]);
    assert_eq!(run(&app).await.shards.len(), usize::from(SHARDS));
}

/// Publishes the current index again, with shards that have a thousand listings each, as far as a
/// run knows.
async fn enlarge(app: &TestApp) -> IndexRef {
    let small = run(app).await;
    app.ambient.clock.advance(MINUTE * 5);
    let large = small.shards.into_iter().map(|shard| SnapshotRef { listings: 1_000, ..shard });
    app.images_bucket().snapshots().publish(large.collect(), app.now()).await.unwrap()
}

/// Puts a listing of a creator on sale that is in this shard.
async fn on_sale_in(app: &TestApp, shard: u8, creator: &str) -> ListingId {
    let (now, creator) = (app.now(), UserId::parse(creator).unwrap());
    let described = (Kind::LightingPreset, listings::description("Lamp", 900));
    let mut ids = std::iter::repeat_with(|| ListingId::new(now, app.ambient.entropy.next()));
    let id = ids.find(|id| shard_of(id) == shard).unwrap();
    let id = listings::draft(&app.store, (&creator, id), described, now).await;
    listings::publish(&app.store, &creator, &id, now).await;
    id
}

#[tokio::test]
async fn the_oldest_shard_with_changes_is_written_again_and_the_others_have_their_turn_later() {
    let app = TestApp::serving(&[crate::functions]);
    let mut last = enlarge(&app).await;
    let began = last.as_of;
    for (shard, creator) in [(6, "kim"), (1, "lee"), (4, "max")] {
        on_sale_in(&app, shard, creator).await;
    }
    for shard in [1, 4, 6] {
        app.ambient.clock.advance(MINUTE * 5);
        let next = run(&app).await;
        assert_eq!(changed(&last, &next), [shard]);
        assert_eq!(next.shards[usize::from(shard)].as_of, app.now());
        assert_eq!(next.as_of, began, "a shard without changes is as of its own time");
        last = next;
    }
    assert_eq!(catalogue(&app, &last).await.len(), 3);
    app.ambient.clock.advance(MINUTE * 5);
    assert_eq!(run(&app).await, last, "nothing changed");
    on_sale_in(&app, 1, "lee").await;
    on_sale_in(&app, 7, "max").await;
    app.ambient.clock.advance(MINUTE * 5);
    let next = run(&app).await;
    assert_eq!(changed(&last, &next), [1, 7], "7 in turn, and 1 because it is small by now");
}

#[tokio::test]
async fn a_shard_of_which_much_has_changed_does_not_wait_for_its_turn() {
    let app = TestApp::serving(&[crate::functions]);
    let small = enlarge(&app).await.shards;
    let listings = |nth| if nth == 5 { 150 } else { 1_000 };
    let shards = (0..).zip(small).map(|(nth, it)| SnapshotRef { listings: listings(nth), ..it });
    app.ambient.clock.advance(MINUTE * 5);
    let snapshots = app.images_bucket().snapshots();
    let last = snapshots.publish(shards.collect(), app.now()).await.unwrap();
    for (shard, creator) in [(2, "kim"), (3, "lee"), (5, "max"), (5, "ana")] {
        on_sale_in(&app, shard, creator).await;
    }
    app.ambient.clock.advance(MINUTE * 5);
    assert_eq!(changed(&last, &run(&app).await), [2, 5]);
}

#[tokio::test]
async fn of_an_index_with_a_damaged_shard_that_shard_is_built_anew() {
    let app = TestApp::serving(&[crate::functions]);
    let id = on_sale(&app, "kim", "One").await;
    let last = run(&app).await;
    let damaged = &last.shards[usize::from(shard_of(&id))];
    app.images_bucket().put(&damaged.key, b"x", "application/octet-stream", "nobody").await;
    app.ambient.clock.advance(MINUTE * 5);
    assert_eq!(changed(&last, &run(&app).await), [shard_of(&id)]);
    assert_eq!(indexed(&app).await, [id.as_str()]);
}

#[tokio::test]
async fn a_snapshot_that_is_gone_is_built_anew_though_nothing_changed() {
    let app = TestApp::serving(&[crate::functions]);
    let id = on_sale(&app, "kim", "One").await;
    app.ambient.clock.advance(MINUTE * 5);
    let last = run(&app).await;
    app.images_bucket().delete(&last.shards[usize::from(shard_of(&id))].key).await;
    app.ambient.clock.advance(MINUTE * 60);
    assert_eq!(changed(&last, &run(&app).await), [shard_of(&id)]);
    assert_eq!(indexed(&app).await, [id.as_str()]);
}

#[tokio::test]
async fn a_whole_build_that_is_cut_off_is_continued() {
    let app = TestApp::serving(&[crate::functions]);
    let id = on_sale_in(&app, 0, "kim").await;
    // After the changes, the listings of five shards are read.
    app.engine.fail_from("Query", 7);
    app.run(WORKER.name).await.unwrap_err();
    app.engine.clear_faults();
    let snapshots = app.images_bucket().snapshots();
    assert_eq!(snapshots.current().await.unwrap(), None);
    let begun = snapshots.begun(SHARDS).await.unwrap().shards;
    assert!(begun.contains_key(&0) && !begun.contains_key(&7), "{begun:?}");

    let late = on_sale_in(&app, 0, "lee").await;
    app.ambient.clock.advance(MINUTE * 5);
    let index = run(&app).await;
    for (number, shard) in (0..SHARDS).zip(&index.shards) {
        let is_kept = begun.get(&number).is_some_and(|begun| begun == shard);
        assert_eq!(is_kept, number > 0 && begun.contains_key(&number), "{number}");
    }
    let mut both = [id.as_str(), late.as_str()];
    both.sort();
    assert_eq!(indexed(&app).await, both, "with what has changed since");
}

/// An index of which all shards are due, and the key of the one with a listing.
async fn due(app: &TestApp, with_listing: u8) -> (IndexRef, &'static str) {
    on_sale_in(app, with_listing, "kim").await;
    let index = run(app).await;
    app.ambient.clock.advance(DAY);
    let key: &'static str = index.shards[usize::from(with_listing)].key.clone().leak();
    (index, key)
}

/// Cuts a run off while it reads `key`.
async fn cut_off_at(app: &TestApp, key: &'static str) {
    let before = app.aws.objects.times_read(key);
    app.aws.objects.hold(key);
    let is_held = async {
        while app.aws.objects.times_read(key) == before {
            sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::select! {
        ended = app.run(WORKER.name) => panic!("{ended:?}"),
        () = is_held => {}
    }
    app.aws.objects.release();
}

#[tokio::test]
async fn a_run_that_is_cut_off_between_two_shards_is_continued() {
    let app = TestApp::serving(&[crate::functions]);
    let (last, key) = due(&app, 5).await;
    cut_off_at(&app, key).await;
    let snapshots = app.images_bucket().snapshots();
    assert_eq!(snapshots.current().await.unwrap(), Some(last.clone()), "none is published");
    let begun = snapshots.begun(SHARDS).await.unwrap().shards;
    assert_eq!(Vec::from_iter(begun.keys().copied()), [0, 1, 2, 3, 4]);
    app.ambient.clock.advance(MINUTE * 5);
    let (others, written_at) = (run(&app).await, app.now());
    assert_eq!(changed(&last, &others), [0, 1, 2, 3, 4, 6, 7], "before it tries the one again");
    app.ambient.clock.advance(MINUTE * 5);
    let next = run(&app).await;
    assert_eq!(changed(&others, &next), [5]);
    for (number, shard) in (0..SHARDS).zip(&next.shards) {
        match begun.get(&number) {
            Some(begun) => assert_eq!(shard, begun, "{number}"),
            None => assert_eq!(shard.as_of, written_at, "{number}"),
        }
    }
}

/// It runs out of memory or time there, every time.
#[tokio::test]
async fn a_shard_whose_runs_do_not_end_holds_up_no_other_one() {
    let app = TestApp::serving(&[crate::functions]);
    let (last, key) = due(&app, 5).await;
    cut_off_at(&app, key).await;
    let snapshots = app.images_bucket().snapshots();
    for changes in [&[0, 1, 2, 3, 4, 6, 7][..], &[]] {
        app.ambient.clock.advance(MINUTE * 5);
        let before = snapshots.current().await.unwrap().unwrap();
        cut_off_at(&app, key).await;
        let current = snapshots.current().await.unwrap().unwrap();
        assert_eq!(changed(&before, &current), changes);
        assert_eq!(current.as_of, last.as_of, "the age of that shard is the alarm");
    }
    let before = snapshots.current().await.unwrap().unwrap();
    app.ambient.clock.advance(MINUTE * 5);
    run(&app).await;
    app.ambient.clock.advance(MINUTE * 5);
    assert_eq!(changed(&before, &run(&app).await), [5], "published by the run after");
}

#[tokio::test]
async fn a_shard_that_fails_keeps_its_snapshot_and_the_others_are_published() {
    let app = TestApp::serving(&[crate::functions]);
    let (last, key) = due(&app, 5).await;
    app.aws.objects.cut_off(key);
    app.run(WORKER.name).await.unwrap_err();
    let current = app.images_bucket().snapshots().current().await.unwrap().unwrap();
    assert_eq!(changed(&last, &current), [0, 1, 2, 3, 4, 6, 7]);
    assert_eq!(current.as_of, last.as_of, "its time stays, too");
    app.aws.objects.release();
    app.ambient.clock.advance(MINUTE * 5);
    assert_eq!(changed(&current, &run(&app).await), [5], "the next run tries again");
}

#[tokio::test]
async fn an_index_of_two_formats_is_not_published() {
    let app = TestApp::serving(&[crate::functions]);
    let (current, key) = due(&app, 5).await;
    let snapshots = app.images_bucket().snapshots();
    let of_earlier = current.shards.into_iter();
    let of_earlier = of_earlier.map(|shard| SnapshotRef { format: Some(FORMAT - 1), ..shard });
    let last = snapshots.publish(of_earlier.collect(), app.now()).await.unwrap();
    app.aws.objects.cut_off(key);
    app.ambient.clock.advance(MINUTE * 5);
    app.run(WORKER.name).await.unwrap_err();
    let current = snapshots.current().await.unwrap().unwrap();
    assert_eq!(current.shards, last.shards);
    app.aws.objects.release();
    app.ambient.clock.advance(MINUTE * 5);
    let next = run(&app).await;
    assert!(next.shards.iter().all(|shard| shard.format == Some(FORMAT)), "{next:?}");
}

/// A build from before the shards ran meanwhile, and no listing has changed since.
#[tokio::test]
async fn the_index_is_published_again_after_a_rollback() {
    let app = TestApp::serving(&[crate::functions]);
    on_sale(&app, "kim", "One").await;
    let last = run(&app).await;
    app.ambient.clock.advance(MINUTE * 5);
    let (bucket, blob) = (app.images_bucket(), Catalogue::build([], 0).unwrap());
    let of_earlier = bucket.snapshots().put(blob.into(), app.now()).await.unwrap();
    let pointer = serde_json::to_vec(&of_earlier).unwrap();
    bucket.put("search/current.json", &pointer, "application/json", "nobody").await;
    assert_eq!(bucket.snapshots().current().await.unwrap().unwrap().shards, [of_earlier]);
    app.ambient.clock.advance(MINUTE * 5);
    let again = run(&app).await;
    assert_eq!((&again.shards, again.published_at), (&last.shards, app.now()));
    app.ambient.clock.advance(MINUTE * 5);
    assert_eq!(run(&app).await, again, "once");
}

/// As the number of shards was another one when it was put on sale.
#[tokio::test]
async fn a_listing_in_the_partition_of_another_shard_is_not_found_twice() {
    let app = TestApp::serving(&[crate::functions]);
    let id = on_sale_in(&app, 3, "kim").await;
    let is_on_sale = |item: &Value| item["gsi1pk"]["S"].as_str().is_some_and(|pk| pk == "ONSALE#3");
    let mut astray = app.engine.dump();
    astray.retain(is_on_sale);
    assert_eq!(astray.len(), 1, "{astray:?}");
    astray[0]["gsi1pk"] = json!({ "S": "ONSALE#4" });
    put(&app, &astray[0]);
    assert_eq!(indexed(&app).await, [id.as_str()], "by its change");
}

fn stored(app: &TestApp, is_wanted: impl Fn(&str, &str) -> bool) -> Vec<Value> {
    let mut items = app.engine.dump();
    let part = |item: &Value, name: &str| item[name]["S"].as_str().unwrap().to_owned();
    items.retain(|item| is_wanted(&part(item, "pk"), &part(item, "sk")));
    items
}

fn put(app: &TestApp, item: &Value) {
    let put = json!({ "TableName": TABLE, "Item": item });
    app.engine.run("PutItem", &put.to_string()).unwrap();
}

fn delete(app: &TestApp, item: &Value) {
    let key = json!({ "pk": item["pk"], "sk": item["sk"] });
    let delete = json!({ "TableName": TABLE, "Key": key });
    app.engine.run("DeleteItem", &delete.to_string()).unwrap();
}

#[tokio::test]
async fn a_listing_that_cannot_be_read_is_passed_over_and_in_place_of_a_change_its_listing_is_read()
{
    let app = TestApp::serving(&[crate::functions]);
    let bad = on_sale(&app, "kim", "One").await;
    let good = on_sale(&app, "lee", "Two").await;
    let partition = format!("LISTING#{bad}");
    let mut damaged = stored(&app, |pk, sk| pk == partition && sk == "LISTING").remove(0);
    damaged["kind"] = json!({ "N": "1" });
    put(&app, &damaged);
    for mut change in stored(&app, |pk, sk| pk.starts_with("CHANGES#") && sk.contains(bad.as_str()))
    {
        change["change"] = json!({ "S": "of an earlier format" });
        put(&app, &change);
    }
    assert_eq!(indexed(&app).await, [good.as_str()], "the whole index");

    app.ambient.clock.advance(MINUTE * 5);
    let other = on_sale(&app, "max", "Three").await;
    let damage_changes = || {
        let of_other =
            |pk: &str, sk: &str| pk.starts_with("CHANGES#") && sk.contains(other.as_str());
        for mut change in stored(&app, of_other) {
            change["change"] = json!({ "N": "1" });
            put(&app, &change);
        }
    };
    damage_changes();
    assert_eq!(indexed(&app).await, [good.as_str(), other.as_str()], "it was put on sale");
    app.ambient.clock.advance(MINUTE * 5);
    hide(&app, "max").await;
    damage_changes();
    assert_eq!(indexed(&app).await, [good.as_str()], "it was withdrawn");
}

/// The index was not built for four days, and the changes of the first have lapsed.
#[tokio::test]
async fn an_index_older_than_the_changes_is_built_whole() {
    let app = TestApp::serving(&[crate::functions]);
    let withdrawn = on_sale(&app, "kim", "One").await;
    assert_eq!(indexed(&app).await, [withdrawn.as_str()]);
    hide(&app, "kim").await;
    let approved = on_sale(&app, "lee", "Two").await;
    app.ambient.clock.advance(DAY * 4);
    for lapsed in stored(&app, |pk, _| pk.starts_with("CHANGES#")) {
        delete(&app, &lapsed);
    }
    assert_eq!(indexed(&app).await, [approved.as_str()]);
}

/// A process whose write took long adds an older change after the newer one.
#[tokio::test]
async fn an_older_change_does_not_list_a_listing_again() {
    let app = TestApp::serving(&[crate::functions]);
    let id = on_sale(&app, "kim", "One").await;
    let listed = |pk: &str, sk: &str| pk == "CHANGES#CATALOGUE" && sk.contains(id.as_str());
    let mut late = stored(&app, listed).remove(0);
    assert_eq!(indexed(&app).await, [id.as_str()]);
    app.ambient.clock.advance(MINUTE * 5);
    hide(&app, "kim").await;
    assert!(indexed(&app).await.is_empty());
    app.ambient.clock.advance(MINUTE * 5);
    late["sk"] = json!({ "S": format!("{}#{id}", app.now()) });
    put(&app, &late);
    // Something else changes, so that an index is written.
    let other = on_sale(&app, "lee", "Two").await;
    assert_eq!(indexed(&app).await, [other.as_str()]);
    app.ambient.clock.advance(DAY * 2 + MINUTE * 60 * 23);
    assert_eq!(indexed(&app).await, [other.as_str()], "nor when the index is built whole");
}
