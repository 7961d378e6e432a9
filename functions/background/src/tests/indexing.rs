//! The search index: built, kept while it is current, and replaced when it is not.

use std::time::Duration;

use domain::{
    id::{ListingId, UserId},
    marketplace::Kind,
};
use search::{Catalogue, Query};
use testing::{TestApp, listings};

use crate::index_listings::WORKER;

/// Runs the function; returns the key of the current index.
async fn run(app: &TestApp) -> String {
    app.run(WORKER.name).await.unwrap();
    app.images_bucket().snapshots().current().await.unwrap().unwrap().key
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

    let (mut blob, _) = bucket.get(&first).await.unwrap();
    blob[8] = 1;
    bucket.snapshots().publish(blob.into(), app.now()).await.unwrap();
    let outdated = bucket.snapshots().current().await.unwrap().unwrap().key;
    app.ambient.clock.advance(Duration::from_secs(5 * 60));
    let replaced = run(&app).await;
    assert_ne!(replaced, outdated);
    let (blob, _) = bucket.get(&replaced).await.unwrap();
    let catalogue = Catalogue::open(blob).unwrap();
    assert!(!catalogue.is_rebuilt());
    let query = Query { text: Some("灯光".to_owned()), ..Query::default() };
    assert_eq!(catalogue.search(&query, 20, None).unwrap().total, 1);
}
