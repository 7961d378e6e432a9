//! The search index: built, left while it is current, and replaced when it is not.

use domain::{
    id::{ListingId, UserId},
    marketplace::Kind,
};
use runtime::dispatch_schedule;
use search::{Catalogue, Query};
use testing::{
    TestApp,
    cloud::{Bucket, Cloud},
    listings,
};

use crate::index_listings::{WORKER, handle};

async fn run(app: &TestApp, bucket: &Bucket) -> String {
    let deps = (app.store.clone(), bucket.snapshots());
    let event = include_str!("../../../../events/background-index-listings.json");
    let event = serde_json::from_str(event).unwrap();
    dispatch_schedule(&WORKER, &handle, &deps, &app.ambient, event).await.unwrap();
    bucket.snapshots().current().await.unwrap().unwrap().key
}

#[tokio::test]
async fn an_index_of_an_earlier_format_is_replaced_though_nothing_changed() {
    let (app, bucket) = (TestApp::new(), Cloud::here().bucket().await);
    let (now, kim) = (app.now(), UserId::parse("kim").unwrap());
    let described = (Kind::LightingPreset, listings::description("柔和灯光", 900));
    let id = (&kim, ListingId::new(now, 1));
    let id = listings::draft(&app.store, id, described, now).await;
    listings::publish(&app.store, &kim, &id, now).await;

    let first = run(&app, &bucket).await;
    app.ambient.clock.advance(std::time::Duration::from_secs(60 * 60));
    assert_eq!(run(&app, &bucket).await, first, "nothing changed");

    let (mut blob, _) = bucket.get(&first).await.unwrap();
    blob[8] = 1;
    bucket.snapshots().publish(blob.into(), app.now()).await.unwrap();
    let outdated = bucket.snapshots().current().await.unwrap().unwrap().key;
    app.ambient.clock.advance(std::time::Duration::from_secs(5 * 60));
    let replaced = run(&app, &bucket).await;
    assert_ne!(replaced, outdated);
    let (blob, _) = bucket.get(&replaced).await.unwrap();
    let catalogue = Catalogue::open(blob).unwrap();
    assert!(!catalogue.is_rebuilt());
    let query = Query { text: Some("灯光".to_owned()), ..Query::default() };
    assert_eq!(catalogue.search(&query, 20, None).unwrap().total, 1);
    bucket.discard().await;
}
