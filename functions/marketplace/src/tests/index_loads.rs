//! A newer index is loaded beside the searches, and changes are read narrowly.

use std::time::Duration;

use domain::{id::ListingId, marketplace::listing::card::Entry};
use serde_json::{Value, json};
use testing::{TestApp, engine::TABLE, listings};
use tokio::time::{Instant, sleep};

use super::{
    LISTINGS, app,
    listing_steps::{on_sale, titles},
    outages::{build, build_index, publish_index, publish_shards, table_fails},
};

/// How the key of an index ends.
const INDEX: &str = ".idx";
/// How often the bucket is checked for a newer index.
const CHECK: Duration = Duration::from_secs(30);

/// Builds an index of the listings on sale now. It alone knows that they have stars, so a search
/// shows whether it answers.
async fn build_starred_index(app: &TestApp) -> Vec<u8> {
    build_starred(app, listings::on_sale(&app.store).await)
}

fn build_starred(app: &TestApp, mut entries: Vec<Entry>) -> Vec<u8> {
    for entry in &mut entries {
        (entry.card.rating, entry.card.ratings) = (Some(450), 2);
    }
    build(app, &entries)
}

/// The titles that a search finds, in order; those with stars are marked.
async fn found(app: &TestApp) -> Vec<String> {
    let answer = app.visitor().get(format!("{LISTINGS}/search")).await;
    assert_eq!(answer.status(), 200, "{}", answer.pretty());
    let shown = |item: &Value| {
        let title = item["title"].as_str().unwrap();
        if item["rating"]["average"].is_null() { title.to_owned() } else { format!("{title} *") }
    };
    let mut found: Vec<String> =
        answer.json()["items"].as_array().unwrap().iter().map(shown).collect();
    found.sort();
    found
}

/// Searches until this is found, within ten seconds. Until then, each search finds `before`.
async fn takes_over(app: &TestApp, before: &[&str], after: &[&str]) {
    for _ in 0..1_000 {
        let found = found(app).await;
        if found == after {
            return;
        }
        assert_eq!(found, before);
        sleep(Duration::from_millis(10)).await;
    }
    panic!("{after:?} is not found");
}

async fn withdraw(app: &TestApp, id: &ListingId) {
    let kim = app.sign_in("kim");
    assert_eq!(kim.delete(format!("{LISTINGS}/{id}")).await.status(), 204);
}

#[tokio::test]
async fn the_old_index_answers_with_its_changes_while_a_newer_one_is_loaded() {
    let app = app();
    let kim = app.sign_in("kim");
    let lamp = on_sale(&app, &kim, "Lamp").await;
    on_sale(&app, &kim, "Stand").await;
    publish_index(&app, build_index(&app).await).await;
    assert_eq!(found(&app).await, ["Lamp", "Stand"]);

    publish_index(&app, build_starred_index(&app).await).await;
    app.aws.objects.hold(INDEX);
    assert_eq!(found(&app).await, ["Lamp", "Stand"]);
    withdraw(&app, &lamp).await;
    on_sale(&app, &kim, "Lens").await;
    app.ambient.clock.advance(Duration::from_millis(500));
    assert_eq!(found(&app).await, ["Lens", "Stand"], "while the newer one is on its way");
    app.aws.objects.release();
    // The index still has the lamp and lacks the lens.
    takes_over(&app, &["Lens", "Stand"], &["Lens", "Stand *"]).await;
    assert_eq!(app.aws.objects.times_read(INDEX), 2, "each index is read once");
}

#[tokio::test]
async fn a_newer_index_waits_for_its_changes_while_the_table_does_not_answer() {
    let app = app();
    let kim = app.sign_in("kim");
    let lamp = on_sale(&app, &kim, "Lamp").await;
    on_sale(&app, &kim, "Stand").await;
    publish_index(&app, build_index(&app).await).await;
    let starred = build_starred_index(&app).await;
    assert_eq!(found(&app).await, ["Lamp", "Stand"]);
    withdraw(&app, &lamp).await;
    assert_eq!(titles(&app, &[]).await, ["Stand"]);
    publish_index(&app, starred).await;
    table_fails(&app, "Query");
    for _ in 0..3 {
        app.ambient.clock.advance(Duration::from_millis(500));
        assert_eq!(found(&app).await, ["Stand"]);
        sleep(Duration::from_millis(20)).await;
    }
    app.engine.clear_faults();
    app.ambient.clock.advance(Duration::from_millis(500));
    takes_over(&app, &["Stand"], &["Stand *"]).await;
    assert_eq!(app.aws.objects.times_read(INDEX), 2, "what was loaded is not lost");
}

#[tokio::test]
async fn of_a_newer_index_only_the_shards_that_changed_are_loaded() {
    let app = app();
    let kim = app.sign_in("kim");
    on_sale(&app, &kim, "Lamp").await;
    on_sale(&app, &kim, "Stand").await;
    let (lamp, stand): (Vec<Entry>, Vec<Entry>) = listings::on_sale(&app.store)
        .await
        .into_iter()
        .partition(|entry| entry.card.title == "Lamp");
    let lamp = build(&app, &lamp);
    publish_shards(&app, vec![lamp.clone(), build(&app, &stand)]).await;
    assert_eq!(found(&app).await, ["Lamp", "Stand"]);
    assert_eq!(app.aws.objects.times_read(INDEX), 2);
    publish_shards(&app, vec![lamp, build_starred(&app, stand)]).await;
    takes_over(&app, &["Lamp", "Stand"], &["Lamp", "Stand *"]).await;
    assert_eq!(app.aws.objects.times_read(INDEX), 3);
}

/// The first shard was written when the lamp was on sale, the second one after its end.
#[tokio::test]
async fn what_changed_since_the_oldest_shard_is_read_from_the_table() {
    let app = app();
    let kim = app.sign_in("kim");
    let lamp = on_sale(&app, &kim, "Lamp").await;
    let (old, old_at) = (build_index(&app).await, app.now());
    app.ambient.clock.advance(Duration::from_secs(60));
    withdraw(&app, &lamp).await;
    app.ambient.clock.advance(Duration::from_secs(600));
    on_sale(&app, &kim, "Stand").await;
    let (new, new_at) = (build_starred_index(&app).await, app.now());
    let shards = vec![(old, old_at), (new, new_at)];
    app.images_bucket().publish_shards(shards, new_at).await;
    assert_eq!(found(&app).await, ["Stand *"]);
}

/// Of a load that fails, what has arrived is kept.
#[tokio::test]
async fn a_load_continues_where_the_last_one_failed() {
    let app = app();
    let kim = app.sign_in("kim");
    on_sale(&app, &kim, "Lamp").await;
    on_sale(&app, &kim, "Stand").await;
    let entries = listings::on_sale(&app.store).await;
    let blobs = entries.into_iter().map(|entry| build_starred(&app, vec![entry])).collect();
    let index = app.images_bucket().publish_index(blobs, app.now()).await;
    let key = |nth: usize| -> &'static str { index.shards[nth].key.clone().leak() };
    let (arrives, fails) = (key(0), key(1));
    app.aws.objects.cut_off(fails);
    app.engine.take_usage();
    let answer = app.visitor().get(format!("{LISTINGS}/search")).await;
    assert_eq!(answer.brief(), "503 search_index_loading");
    assert_eq!(app.engine.take_usage().requests.get("Query"), None, "no changes are read for it");
    assert_eq!(app.aws.objects.times_read(arrives), 1);
    app.aws.objects.release();
    app.ambient.clock.advance(Duration::from_secs(2));
    assert_eq!(found(&app).await, ["Lamp *", "Stand *"]);
    assert_eq!(app.aws.objects.times_read(arrives), 1, "once");
}

#[tokio::test]
async fn two_searches_at_once_start_one_load() {
    let app = app();
    let kim = app.sign_in("kim");
    on_sale(&app, &kim, "Lamp").await;
    publish_index(&app, build_index(&app).await).await;
    assert_eq!(found(&app).await, ["Lamp"]);
    publish_index(&app, build_starred_index(&app).await).await;
    app.aws.objects.hold(INDEX);
    let (one, other) = tokio::join!(found(&app), found(&app));
    assert_eq!((one, other), (vec!["Lamp".to_owned()], vec!["Lamp".to_owned()]));
    app.aws.objects.release();
    takes_over(&app, &["Lamp"], &["Lamp *"]).await;
    assert_eq!(app.aws.objects.times_read(INDEX), 2);
}

#[tokio::test]
async fn a_load_that_is_cut_off_is_tried_again_at_the_next_check() {
    let app = app();
    let kim = app.sign_in("kim");
    on_sale(&app, &kim, "Lamp").await;
    publish_index(&app, build_index(&app).await).await;
    assert_eq!(found(&app).await, ["Lamp"]);
    publish_index(&app, build_starred_index(&app).await).await;
    app.aws.objects.cut_off(INDEX);
    while app.aws.objects.times_read(INDEX) < 2 {
        assert_eq!(found(&app).await, ["Lamp"]);
        sleep(Duration::from_millis(10)).await;
    }
    app.aws.objects.release();
    app.ambient.clock.advance(CHECK - Duration::from_secs(1));
    assert_eq!(found(&app).await, ["Lamp"], "not before the next check");
    app.ambient.clock.advance(Duration::from_secs(1));
    assert_eq!(found(&app).await, ["Lamp *"], "which waits for it");
}

#[tokio::test]
async fn a_damaged_index_is_passed_over_until_a_good_one_is_there() {
    let app = app();
    let kim = app.sign_in("kim");
    on_sale(&app, &kim, "Lamp").await;
    publish_index(&app, build_index(&app).await).await;
    assert_eq!(found(&app).await, ["Lamp"]);
    // It has the hash that was published, and is no index.
    publish_index(&app, vec![7; 1_000]).await;
    for checks in 2..4 {
        while app.aws.objects.times_read(INDEX) < checks {
            assert_eq!(found(&app).await, ["Lamp"]);
            sleep(Duration::from_millis(10)).await;
        }
        app.ambient.clock.advance(CHECK);
    }
    publish_index(&app, build_starred_index(&app).await).await;
    assert_eq!(found(&app).await, ["Lamp *"]);
}

/// The pointer of the builds from before the shards is left from a rollback.
#[tokio::test]
async fn a_process_does_not_go_back_to_an_older_index_while_the_pointer_is_broken() {
    let app = app();
    let kim = app.sign_in("kim");
    on_sale(&app, &kim, "Lamp").await;
    let bucket = app.images_bucket();
    let old = bucket.snapshots().put(build_starred_index(&app).await.into(), app.now()).await;
    let old = serde_json::to_vec(&old.unwrap()).unwrap();
    bucket.put("search/current.json", &old, "application/json", "nobody").await;
    app.ambient.clock.advance(Duration::from_secs(60));
    publish_index(&app, build_index(&app).await).await;
    assert_eq!(found(&app).await, ["Lamp"]);
    bucket.put("search/shards.json", b"{}", "application/json", "nobody").await;
    for _ in 0..3 {
        app.ambient.clock.advance(CHECK);
        assert_eq!(found(&app).await, ["Lamp"]);
        sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(app.aws.objects.times_read(INDEX), 1);
}

/// A frozen process: time passes, its load does not continue, and its connection is lost.
#[tokio::test(start_paused = true)]
async fn a_load_that_hangs_is_given_up_and_tried_again() {
    let app = app();
    let kim = app.sign_in("kim");
    on_sale(&app, &kim, "Lamp").await;
    publish_index(&app, build_index(&app).await).await;
    assert_eq!(found(&app).await, ["Lamp"]);
    publish_index(&app, build_starred_index(&app).await).await;
    app.aws.objects.hold(INDEX);
    let began = Instant::now();
    assert_eq!(found(&app).await, ["Lamp"]);
    assert!(began.elapsed() < Duration::from_secs(1), "{:?}", began.elapsed());
    sleep(Duration::from_secs(120)).await;
    app.aws.objects.release();
    app.ambient.clock.advance(CHECK);
    assert_eq!(found(&app).await, ["Lamp *"]);
}

/// Its first index is waited for, but not for ever. The load goes on meanwhile.
#[tokio::test(start_paused = true)]
async fn a_process_without_an_index_waits_for_its_first_one() {
    let app = app();
    let kim = app.sign_in("kim");
    on_sale(&app, &kim, "Lamp").await;
    publish_index(&app, build_starred_index(&app).await).await;
    app.aws.objects.hold(INDEX);
    let began = Instant::now();
    let answer = app.visitor().get(format!("{LISTINGS}/search")).await;
    assert_eq!(answer.brief(), "503 search_index_loading", "not from the changes alone");
    assert_eq!(answer.header("retry-after"), Some("2"));
    let waited = began.elapsed();
    let most = Duration::from_secs(11);
    assert!((Duration::from_secs(10)..most).contains(&waited), "twice 5 s: {waited:?}");
    app.aws.objects.release();
    assert_eq!(found(&app).await, ["Lamp *"]);
    assert_eq!(app.aws.objects.times_read(INDEX), 1, "by the same load");
}

/// The read units of a search, half a second after the last action.
async fn units(app: &TestApp) -> f64 {
    app.engine.take_usage();
    titles(app, &[]).await;
    app.engine.take_usage().read_units
}

#[tokio::test]
async fn a_process_reads_only_what_is_newer_than_what_it_has_seen() {
    let app = app();
    let kim = app.sign_in("kim");
    for nth in 0..20 {
        on_sale(&app, &kim, &format!("Lamp number {nth}")).await;
    }
    let all = units(&app).await;
    assert!(all > 1.0, "{all} units for all changes");
    app.ambient.clock.advance(Duration::from_secs(20));
    assert_eq!(units(&app).await, all, "those of the last two minutes");
    // Twice a second, the usual read finds none of them, which is the least that a query takes.
    for _ in 0..19 {
        let usual = units(&app).await;
        assert!(usual <= 1.0, "{usual} units for nothing new");
    }
    assert_eq!(units(&app).await, all, "once in ten seconds");
}

/// Takes the changes of a listing out of the table, as if they were not stored yet.
fn take_changes(app: &TestApp, id: &ListingId) -> Vec<Value> {
    let mut changes = app.engine.dump();
    changes.retain(|item| {
        let part = |name: &str| item[name]["S"].as_str().unwrap_or_default();
        part("pk") == "CHANGES#CATALOGUE" && part("sk").ends_with(id.as_str())
    });
    for change in &changes {
        let key = json!({ "pk": change["pk"], "sk": change["sk"] });
        let delete = json!({ "TableName": TABLE, "Key": key });
        app.engine.run("DeleteItem", &delete.to_string()).unwrap();
    }
    changes
}

fn store(app: &TestApp, changes: &[Value]) {
    for change in changes {
        let put = json!({ "TableName": TABLE, "Item": change });
        app.engine.run("PutItem", &put.to_string()).unwrap();
    }
}

/// As a build of another version writes them.
#[tokio::test]
async fn in_place_of_a_change_that_cannot_be_read_its_listing_is() {
    let app = app();
    let kim = app.sign_in("kim");
    let lamp = on_sale(&app, &kim, "Lamp").await;
    publish_index(&app, build_index(&app).await).await;
    assert_eq!(titles(&app, &[]).await, ["Lamp"]);
    withdraw(&app, &lamp).await;
    let stand = on_sale(&app, &kim, "Stand").await;
    for id in [&lamp, &stand] {
        let mut unreadable = take_changes(&app, id);
        unreadable.iter_mut().for_each(|it| it["change"] = json!({ "S": "of another format" }));
        store(&app, &unreadable);
    }
    assert_eq!(titles(&app, &[]).await, ["Stand"]);
}

#[tokio::test]
async fn a_change_that_is_stored_late_is_found() {
    let app = app();
    let kim = app.sign_in("kim");
    assert!(titles(&app, &[]).await.is_empty());
    // By a call of some seconds, with the next read of changes.
    let lamp = on_sale(&app, &kim, "Lamp").await;
    let late = take_changes(&app, &lamp);
    assert_eq!(late.len(), 1);
    for _ in 0..20 {
        assert!(titles(&app, &[]).await.is_empty());
    }
    store(&app, &late);
    assert_eq!(titles(&app, &[]).await, ["Lamp"]);
    // By one that hides a thousand listings, ten seconds later at most.
    withdraw(&app, &lamp).await;
    let late = take_changes(&app, &lamp);
    let withdrawn = late.iter().filter(|change| change["change"]["S"] == "unlisted");
    assert_eq!(withdrawn.count(), 1);
    app.ambient.clock.advance(Duration::from_secs(55));
    assert_eq!(titles(&app, &[]).await, ["Lamp"]);
    store(&app, &late);
    app.ambient.clock.advance(Duration::from_secs(10));
    assert!(titles(&app, &[]).await.is_empty());
}
