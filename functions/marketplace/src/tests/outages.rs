//! Responses while the bucket or the table is unavailable, or an index cannot be read.

use std::time::Duration;

use clients::snapshots::SnapshotRef;
use domain::{
    id::ListingId,
    marketplace::{community::listing_stats::ListingStats, listing::card::Entry},
};
use search::{Catalogue, Document, FORMAT};
use testing::{Fault, TestApp, engine::FAILURES, listings};

use super::{
    LISTINGS, app,
    listing_steps::{draft, on_sale, page, search, titles},
};

/// Makes the table fail `operation` for a few calls.
pub(super) fn table_fails(app: &TestApp, operation: &str) {
    app.engine.fail_from(operation, 1);
}

/// Builds an index of the listings on sale now.
pub(super) async fn build_index(app: &TestApp) -> Vec<u8> {
    build(app, &listings::on_sale(&app.store).await)
}

/// Builds an index, or a shard, of these.
pub(super) fn build(app: &TestApp, entries: &[Entry]) -> Vec<u8> {
    let documents: Vec<Document> = entries.iter().map(Into::into).collect();
    Catalogue::build(documents, app.now().as_millis()).unwrap()
}

/// Publishes an index of one shard, and waits until every process checks for a new one.
pub(super) async fn publish_index(app: &TestApp, blob: Vec<u8>) {
    publish_shards(app, vec![blob]).await;
}

/// The same of several shards.
pub(super) async fn publish_shards(app: &TestApp, blobs: Vec<Vec<u8>>) {
    app.images_bucket().publish_index(blobs, app.now()).await;
    app.ambient.clock.advance(Duration::from_secs(31));
}

/// The views of a listing, after all written counts are added up.
async fn views(app: &TestApp, id: &ListingId) -> u64 {
    listings::add_views(&app.store, app.now()).await;
    let stats: Option<ListingStats> = app.store.stats(id).await.unwrap();
    stats.map_or(0, |stats| stats.views)
}

#[tokio::test]
async fn search_works_while_the_index_is_missing_or_damaged() {
    let app = app();
    let kim = app.sign_in("kim");
    on_sale(&app, &kim, "Lamp one").await;
    assert_eq!(titles(&app, &[]).await, ["Lamp one"], "from the changes alone");
    let blob = build_index(&app).await;
    assert_eq!(blob, build_index(&app).await, "rebuilt it is the same");
    publish_index(&app, blob).await;
    assert_eq!(titles(&app, &[]).await, ["Lamp one"], "from the index");

    // A newer index cannot be read: the last good one is served, with new changes.
    publish_index(&app, vec![7; 1_000]).await;
    on_sale(&app, &kim, "Lamp two").await;
    let mut both = titles(&app, &[]).await;
    both.sort();
    assert_eq!(both, ["Lamp one", "Lamp two"]);
}

/// An older version of the builder wrote it. It is not searched as if it were current, and to
/// rebuild it would take too long.
#[tokio::test]
async fn an_index_of_an_earlier_format_is_left_to_its_builder() {
    let app = app();
    let kim = app.sign_in("kim");
    on_sale(&app, &kim, "Lamp 85 mm").await;
    let current = build_index(&app).await;
    let mut outdated = current.clone();
    outdated[8] = 1;
    publish_index(&app, outdated).await;
    assert_eq!(search(&app, &[]).await.brief(), "503 search_index_loading");
    publish_index(&app, current).await;
    assert_eq!(titles(&app, &[("q", "85mm")]).await, ["Lamp 85 mm"]);

    // A pointer that names the format saves the download.
    let snapshots = app.images_bucket().snapshots();
    let shard = snapshots.put(build_index(&app).await.into(), app.now()).await.unwrap();
    let other = SnapshotRef { format: Some(FORMAT + 1), ..shard };
    snapshots.publish(vec![other], app.now()).await.unwrap();
    app.ambient.clock.advance(Duration::from_secs(31));
    let times_read = app.aws.objects.times_read(".idx");
    assert_eq!(titles(&app, &[("q", "85mm")]).await, ["Lamp 85 mm"], "from the old index");
    assert_eq!(app.aws.objects.times_read(".idx"), times_read);
}

#[tokio::test]
async fn search_works_with_an_invalid_index_pointer() {
    let app = app();
    let kim = app.sign_in("kim");
    on_sale(&app, &kim, "Lamp").await;
    app.images_bucket().put("search/shards.json", b"{}", "application/json", "nobody").await;
    assert_eq!(titles(&app, &[]).await, ["Lamp"]);
}

#[tokio::test]
async fn without_the_bucket_the_changes_are_searched() {
    let mut app = app();
    app.set("IMAGES_BUCKET", "missing");
    let kim = app.sign_in("kim");
    on_sale(&app, &kim, "Lamp").await;
    assert_eq!(titles(&app, &[]).await, ["Lamp"]);
}

#[tokio::test]
async fn without_the_table_the_last_known_state_is_searched() {
    let app = app();
    let kim = app.sign_in("kim");
    on_sale(&app, &kim, "Lamp one").await;
    assert_eq!(titles(&app, &[]).await, ["Lamp one"]);
    on_sale(&app, &kim, "Lamp two").await;
    table_fails(&app, "Query");
    assert_eq!(titles(&app, &[]).await, ["Lamp one"]);
    let mut both = Vec::new();
    for _ in 0..FAILURES {
        both = titles(&app, &[("sort", "newest")]).await;
    }
    both.sort();
    assert_eq!(both, ["Lamp one", "Lamp two"], "as soon as it answers");
}

/// An index has the age of its build: listings withdrawn since are known only from the table.
#[tokio::test]
async fn a_new_index_does_not_bring_back_withdrawn_listings() {
    let app = app();
    let kim = app.sign_in("kim");
    let id = on_sale(&app, &kim, "Lamp").await;
    publish_index(&app, build_index(&app).await).await;
    assert_eq!(titles(&app, &[]).await, ["Lamp"]);
    let built_before = build_index(&app).await;
    assert_eq!(kim.delete(format!("{LISTINGS}/{id}")).await.status(), 204);
    assert!(titles(&app, &[]).await.is_empty());
    publish_index(&app, built_before).await;
    table_fails(&app, "Query");
    assert!(titles(&app, &[]).await.is_empty(), "while the table does not answer");
    for _ in 0..FAILURES {
        assert!(titles(&app, &[]).await.is_empty());
    }
    app.ambient.clock.advance(Duration::from_secs(31));
    assert!(titles(&app, &[]).await.is_empty(), "with the new index and its changes");
}

#[tokio::test]
async fn views_are_counted_without_a_write_for_each() {
    let app = app();
    let kim = app.sign_in("kim");
    let id = on_sale(&app, &kim, "Lamp").await;
    app.engine.take_usage();
    for nth in 0..40 {
        assert_eq!(page(&app, &id).ip(&format!("203.0.113.{nth}")).await.status(), 200);
    }
    let usage = app.engine.take_usage();
    assert_eq!(usage.requests.get("PutItem"), Some(&1), "the first view, and then none");
    app.ambient.clock.advance(Duration::from_secs(10));
    page(&app, &id).await;
    listings::add_views(&app.store, app.now()).await;
    let stats: ListingStats = app.store.stats(&id).await.unwrap().unwrap();
    assert_eq!(stats.views, 40, "the last one waits for its ten seconds");
    assert_eq!(app.store.creator_book(&kim.id).await.unwrap().views, 40);
}

#[tokio::test]
async fn views_that_could_not_be_written_are_written_later() {
    let app = app();
    let kim = app.sign_in("kim");
    let id = on_sale(&app, &kim, "Lamp").await;
    (1..=3).for_each(|nth| app.engine.order("PutItem", nth, Fault::Fail));
    assert_eq!(
        page(&app, &id).ip("203.0.113.1").await.status(),
        200,
        "the page is served all the same"
    );
    assert_eq!(views(&app, &id).await, 0);
    app.ambient.clock.advance(Duration::from_secs(10));
    assert_eq!(page(&app, &id).ip("203.0.113.2").await.status(), 200);
    assert!(views(&app, &id).await >= 1);
    app.ambient.clock.advance(Duration::from_secs(10));
    page(&app, &id).ip("203.0.113.3").await;
    app.ambient.clock.advance(Duration::from_secs(10));
    page(&app, &id).ip("203.0.113.4").await;
    assert!(views(&app, &id).await >= 3, "none is lost, and the last may wait");
}

/// One address with three hundred requests over many minutes is one visitor; many addresses count
/// at most sixty a minute.
#[tokio::test]
async fn repeated_views_do_not_raise_popularity() {
    let app = app();
    let kim = app.sign_in("kim");
    let id = on_sale(&app, &kim, "Lamp").await;
    for _ in 0..300 {
        assert_eq!(page(&app, &id).ip("2001:db8:7:7::1").await.status(), 200);
        app.ambient.clock.advance(Duration::from_secs(10));
    }
    assert_eq!(views(&app, &id).await, 1);
    for nth in 0..200 {
        page(&app, &id).ip(&format!("2001:db8:7:8:{nth:x}::1")).await;
        page(&app, &id).ip(&format!("2001:db8:8:{nth:x}::1")).await;
    }
    app.ambient.clock.advance(Duration::from_secs(10));
    page(&app, &id).await;
    assert_eq!(views(&app, &id).await, 61);
    let stats: ListingStats = app.store.stats(&id).await.unwrap().unwrap();
    assert!(stats.popularity() > 0.0);
}

#[tokio::test]
async fn a_request_for_a_missing_page_is_not_a_view() {
    let app = app();
    let kim = app.sign_in("kim");
    let draft = draft(&kim, "Lamp").await;
    app.engine.take_usage();
    for id in [draft.as_str(), "lst_01JD0000000000000000000000", "lst_", "..%2Flistings"] {
        let answer = page(&app, id).await;
        assert_eq!(answer.brief(), "404 listing_not_found", "{id}");
    }
    assert_eq!(app.engine.take_usage().requests.get("PutItem"), None);
}
