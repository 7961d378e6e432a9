//! Responses while the bucket or the table is unavailable, or an index cannot be read.

use std::time::Duration;

use domain::{id::ListingId, marketplace::community::listing_stats::ListingStats};
use search::{Catalogue, Document};
use testing::{Actor, Fault, cloud::Cloud};

use super::shop::ListingApp;
use crate::SearchIndex;

/// More failures than the SDK's attempts.
const ALWAYS: u32 = 12;

impl ListingApp {
    /// Makes the table fail `operation` for a few calls.
    fn table_fails(&self, operation: &str) {
        (1..=ALWAYS).for_each(|nth| self.app.engine.order(operation, nth, Fault::Fail));
    }

    /// Builds an index of the listings on sale now.
    async fn index(&self) -> Vec<u8> {
        let entries = self.app.store.whole_catalogue().await.unwrap();
        let documents: Vec<Document> = entries.iter().map(Into::into).collect();
        Catalogue::build(documents, self.app.now().as_millis()).unwrap()
    }

    async fn publish_index(&self, blob: Vec<u8>) {
        self.snapshots().publish(blob.into(), self.app.now()).await.unwrap();
        self.app.ambient.clock.advance(Duration::from_secs(31));
    }

    async fn views(&self, id: &ListingId) -> u64 {
        while self.app.store.add_views(self.app.now()).await.unwrap().is_some() {}
        let stats: Option<ListingStats> = self.app.store.stats(id).await.unwrap();
        stats.map_or(0, |stats| stats.views)
    }
}

#[tokio::test]
async fn an_index_that_is_missing_or_damaged_is_lived_without() {
    let (shop, kim) = (ListingApp::open().await, Actor::member("kim"));
    shop.on_sale(&kim, "Lamp one").await;
    assert_eq!(shop.titles(&[]).await, ["Lamp one"], "from the changes alone");
    let entries = shop.app.store.whole_catalogue().await.unwrap();
    let documents: Vec<search::Document> = entries.iter().map(Into::into).collect();
    let now = shop.app.now();
    let blob = Catalogue::build(documents.clone(), now.as_millis()).unwrap();
    let again = Catalogue::build(documents, now.as_millis()).unwrap();
    assert_eq!(blob, again, "rebuilt it is the same");
    shop.snapshots().publish(blob.into(), now).await.unwrap();
    shop.app.ambient.clock.advance(Duration::from_secs(31));
    assert_eq!(shop.titles(&[]).await, ["Lamp one"], "from the index");

    // A newer index cannot be read: the last good one is served, with new changes.
    let later = shop.app.now();
    shop.snapshots().publish(vec![7; 1_000].into(), later).await.unwrap();
    shop.app.ambient.clock.advance(Duration::from_secs(31));
    shop.on_sale(&kim, "Lamp two").await;
    let mut titles = shop.titles(&[]).await;
    titles.sort();
    assert_eq!(titles, ["Lamp one", "Lamp two"]);
    shop.close().await;
}

/// The indexer may run an older version: its index is not searched as if it were current.
#[tokio::test]
async fn an_index_of_an_earlier_format_is_made_anew_where_it_is_searched() {
    let (shop, kim) = (ListingApp::open().await, Actor::member("kim"));
    shop.on_sale(&kim, "Lamp 85 mm").await;
    let mut blob = shop.index().await;
    blob[8] = 1;
    shop.publish_index(blob).await;
    assert_eq!(shop.titles(&[("q", "85mm")]).await, ["Lamp 85 mm"]);
    shop.close().await;
}

#[tokio::test]
async fn a_pointer_that_says_nothing_is_lived_without() {
    let (shop, kim) = (ListingApp::open().await, Actor::member("kim"));
    shop.on_sale(&kim, "Lamp").await;
    shop.bucket.put("search/current.json", b"{}", "application/json", "nobody").await;
    assert_eq!(shop.titles(&[]).await, ["Lamp"]);
    shop.close().await;
}

#[tokio::test]
async fn without_the_bucket_changes_are_searched() {
    let (mut shop, kim) = (ListingApp::open().await, Actor::member("kim"));
    shop.on_sale(&kim, "Lamp").await;
    let missing = Cloud::here().missing_bucket();
    shop.finder.0 = SearchIndex::open(shop.app.store.clone(), missing.snapshots());
    assert_eq!(shop.titles(&[]).await, ["Lamp"]);
    shop.close().await;
}

#[tokio::test]
async fn without_the_table_what_was_known_is_searched() {
    let (shop, kim) = (ListingApp::open().await, Actor::member("kim"));
    shop.on_sale(&kim, "Lamp one").await;
    assert_eq!(shop.titles(&[]).await, ["Lamp one"]);
    shop.on_sale(&kim, "Lamp two").await;
    shop.table_fails("Query");
    assert_eq!(shop.titles(&[]).await, ["Lamp one"]);
    let mut titles = Vec::new();
    for _ in 0..ALWAYS {
        titles = shop.titles(&[("sort", "newest")]).await;
    }
    titles.sort();
    assert_eq!(titles, ["Lamp one", "Lamp two"], "as soon as it answers");
    shop.close().await;
}

/// An index has the age of its build: listings withdrawn since are known only from the table.
#[tokio::test]
async fn a_new_index_does_not_bring_back_what_was_unlisted() {
    let (shop, kim) = (ListingApp::open().await, Actor::member("kim"));
    let id = shop.on_sale(&kim, "Lamp").await;
    shop.publish_index(shop.index().await).await;
    assert_eq!(shop.titles(&[]).await, ["Lamp"]);
    let made_before = shop.index().await;
    assert_eq!(shop.retire(&kim, &id).await.status(), 204);
    assert!(shop.titles(&[]).await.is_empty());
    shop.publish_index(made_before).await;
    shop.table_fails("Query");
    assert!(shop.titles(&[]).await.is_empty(), "while the table does not answer");
    for _ in 0..ALWAYS {
        assert!(shop.titles(&[]).await.is_empty());
    }
    shop.app.ambient.clock.advance(Duration::from_secs(31));
    assert!(shop.titles(&[]).await.is_empty(), "with the new index and its changes");
    shop.close().await;
}

#[tokio::test]
async fn visits_are_counted_without_a_write_for_each() {
    let (shop, kim) = (ListingApp::open().await, Actor::member("kim"));
    let id = shop.on_sale(&kim, "Lamp").await;
    shop.app.engine.take_usage();
    for nth in 0..40 {
        assert_eq!(shop.seen_from(&id, &format!("203.0.113.{nth}")).await.status(), 200);
    }
    let usage = shop.app.engine.take_usage();
    assert_eq!(usage.requests.get("PutItem"), Some(&1), "the first visit, and then none");
    shop.app.ambient.clock.advance(Duration::from_secs(10));
    shop.page(&id).await;
    while shop.app.store.add_views(shop.app.now()).await.unwrap().is_some() {}
    let stats: ListingStats = shop.app.store.stats(&id).await.unwrap().unwrap();
    assert_eq!(stats.views, 40, "the last one waits for its ten seconds");
    assert_eq!(shop.app.store.creator_book(&kim.id).await.unwrap().views, 40);
    shop.close().await;
}

#[tokio::test]
async fn visits_that_could_not_be_written_are_written_later() {
    let (shop, kim) = (ListingApp::open().await, Actor::member("kim"));
    let id = shop.on_sale(&kim, "Lamp").await;
    (1..=3).for_each(|nth| shop.app.engine.order("PutItem", nth, Fault::Fail));
    assert_eq!(
        shop.seen_from(&id, "203.0.113.1").await.status(),
        200,
        "the page is served all the same"
    );
    assert_eq!(shop.views(&id).await, 0);
    shop.app.ambient.clock.advance(Duration::from_secs(10));
    assert_eq!(shop.seen_from(&id, "203.0.113.2").await.status(), 200);
    assert!(shop.views(&id).await >= 1);
    shop.app.ambient.clock.advance(Duration::from_secs(10));
    shop.seen_from(&id, "203.0.113.3").await;
    shop.app.ambient.clock.advance(Duration::from_secs(10));
    shop.seen_from(&id, "203.0.113.4").await;
    assert!(shop.views(&id).await >= 3, "none is lost, and the last may wait");
    shop.close().await;
}

/// One address with three hundred requests over many minutes is one visitor; many addresses count
/// at most sixty a minute.
#[tokio::test]
async fn popularity_is_not_made_by_looking_again() {
    let (shop, kim) = (ListingApp::open().await, Actor::member("kim"));
    let id = shop.on_sale(&kim, "Lamp").await;
    for _ in 0..300 {
        assert_eq!(shop.seen_from(&id, "2001:db8:7:7::1").await.status(), 200);
        shop.app.ambient.clock.advance(Duration::from_secs(10));
    }
    assert_eq!(shop.views(&id).await, 1);
    for nth in 0..200 {
        shop.seen_from(&id, &format!("2001:db8:7:8:{nth:x}::1")).await;
        shop.seen_from(&id, &format!("2001:db8:8:{nth:x}::1")).await;
    }
    shop.app.ambient.clock.advance(Duration::from_secs(10));
    shop.page(&id).await;
    assert_eq!(shop.views(&id).await, 61);
    let heat = |stats: Option<ListingStats>| stats.unwrap().popularity();
    assert!(heat(shop.app.store.stats(&id).await.unwrap()) > 0.0);
    shop.close().await;
}

#[tokio::test]
async fn a_visit_to_nothing_is_none() {
    let (shop, kim) = (ListingApp::open().await, Actor::member("kim"));
    let draft = shop.draft(&kim, "Lamp").await;
    shop.app.engine.take_usage();
    for id in [draft.as_str(), "lst_01JD0000000000000000000000", "lst_", "../listings"] {
        let answer = shop.page_of(id).await;
        assert_eq!(answer.brief(), "404 listing_not_found", "{id}");
    }
    assert_eq!(shop.app.engine.take_usage().requests.get("PutItem"), None);
    shop.close().await;
}
