//! The erasure of a member who pays, sells and has an API key.

use domain::{id::ListingId, marketplace::Kind};
use serde_json::{Value, json};
use testing::listings;

use crate::billing_app::BillingApp;

#[tokio::test]
async fn an_erased_member_no_longer_pays_or_sells_and_their_key_is_gone() {
    let app = BillingApp::new().await;
    let ann = app.new_member("ann");
    app.subscribe(&ann, "pro").await;
    let theirs = app.billing(&ann).await.subscription.unwrap().id;
    let (id, now) = (ListingId::new(app.now(), 1), app.now());
    let described = (Kind::LightingPreset, listings::description("Rembrandt", 500));
    listings::draft(&app.store, (&ann.id, id.clone()), described, now).await;
    listings::publish(&app.store, &ann.id, &id, now).await;
    let key = json!({ "name": "Nightly", "scopes": ["read"] });
    assert_eq!(app.client(&ann).post("/api/v1/me/keys").json(key).await.status(), 201);
    let has_key = || {
        let is_access = |item: &Value| item["pk"]["S"].as_str().unwrap().starts_with("KEY#");
        app.engine.dump().iter().any(is_access)
    };
    let has_on_sale = async || !listings::on_sale(&app.store).await.is_empty();
    assert!(has_key() && has_on_sale().await);

    assert_eq!(app.client(&ann).delete("/api/v1/me").await.status(), 200);
    app.run("background-erase-data").await.unwrap();
    assert_eq!(app.stripe().object(theirs.as_str()).unwrap()["status"], "canceled");
    assert!(!has_key() && !has_on_sale().await);
    let account = app.store.account(&ann.id).await.unwrap();
    assert!(account.deletion.unwrap().erased_at.is_some());
    assert_eq!(account.email, None);
    app.close().await;
}
