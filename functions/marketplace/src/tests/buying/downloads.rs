//! Downloading purchases.

use domain::{
    id::{ListingId, PurchaseId},
    lighting::LightingRig,
    marketplace::{
        Kind,
        listing::{
            content::Content,
            revision::{Description, Edit},
        },
    },
};
use expect_test::expect;
use serde_json::json;
use testing::listings;

use super::{
    super::app,
    PURCHASES,
    steps::{apply_payment, buy_free, next_version, on_sale, paid, retire},
};

#[tokio::test]
async fn a_buyer_gets_the_version_they_bought() {
    let app = app();
    let (lena, kim) = (app.sign_in("lena"), app.sign_in("kim"));
    let listing = on_sale(&app, &lena, 0).await;
    let id = buy_free(&kim, &listing).await;
    let rig = LightingRig {
        lights: LightingRig::rembrandt().lights[..1].into(),
        ..LightingRig::rembrandt()
    };
    let content = Content { lighting: Some(rig), ..Content::default() };
    next_version(&app, &lena, &listing, Edit { content: Some(content), ..Edit::default() }).await;
    retire(&app, &lena, &listing).await;

    let answer = kim.get(format!("{PURCHASES}/{id}/download")).await;
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    let mut body = answer.json();
    let url = body["assets"][0]["url"].take();
    let url = url.as_str().unwrap();
    assert!(
        url.starts_with(&format!("https://s3.prolight.test/images/assets/{listing}/upl_")),
        "{url}"
    );
    assert!(url.contains("X-Amz-Expires=600") && url.contains("luts.zip"), "{url}");
    expect![[r#"
        {
          "assets": [
            {
              "bytes": 5,
              "file_name": "luts.zip",
              "sha256": "5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e",
              "url": null
            }
          ],
          "attribution": "Light by Lena",
          "content": {
            "lighting": {
              "backdrop": {
                "colour": "charcoal",
                "distance": 1.8,
                "falloff": 2.0
              },
              "lights": [
                {
                  "azimuth": -58.0,
                  "colour": 3600,
                  "distance": 1.4,
                  "elevation": 42.0,
                  "intensity": 0.2,
                  "role": "key",
                  "size": 0.4
                },
                {
                  "azimuth": 40.0,
                  "colour": 5600,
                  "distance": 2.4,
                  "elevation": 15.0,
                  "intensity": -4.5,
                  "role": "fill",
                  "size": 1.4
                },
                {
                  "azimuth": 140.0,
                  "colour": 7500,
                  "distance": 2.0,
                  "elevation": 15.0,
                  "intensity": 0.5,
                  "role": "rim",
                  "size": 0.3
                },
                {
                  "azimuth": 150.0,
                  "colour": 4200,
                  "distance": 1.4,
                  "elevation": 10.0,
                  "intensity": -3.0,
                  "role": "background",
                  "size": 0.3
                }
              ]
            }
          },
          "expires_at": "2026-11-22T09:10:00.000Z",
          "links": {
            "generate": "https://api.prolight.test/test/api/v1/generations"
          },
          "listing_id": "lst_01M817QNM00000000000000001",
          "title": "Rembrandt",
          "type": "lighting_preset",
          "version": 1
        }"#]]
    .assert_eq(&format!("{body:#}"));

    let owned = app.store.entitlement(&kim.id, &listing).await.unwrap().unwrap();
    assert_eq!(owned.downloaded_at, Some(app.now()));
    app.ambient.clock.advance(domain::time::DAY);
    assert_eq!(kim.get(format!("{PURCHASES}/{id}/download")).await.status(), 200);
    let again = app.store.entitlement(&kim.id, &listing).await.unwrap().unwrap();
    assert_eq!(again, owned, "the first download is recorded");
}

#[tokio::test]
async fn a_model_is_bought_without_its_id() {
    let app = app();
    let (lena, kim) = (app.sign_in("lena"), app.sign_in("kim"));
    let (store, now) = (&app.store, app.now());
    let content = Content { model_id: Some("acme-v1".to_owned()), ..Content::default() };
    let description = Description { content, ..listings::description("Silver prints", 0) };
    let listing = ListingId::new(now, 77);
    let content = (Kind::ModelFinetune, description);
    listings::draft(store, (&lena.id, listing.clone()), content, now).await;
    listings::publish(store, &lena.id, &listing, now).await;
    let id = buy_free(&kim, &listing).await;
    let answer = kim.get(format!("{PURCHASES}/{id}/download")).await;
    assert_eq!(answer.json()["content"], json!({}), "{}", answer.pretty());
    assert!(!answer.pretty().contains("acme-v1"), "{}", answer.pretty());
    let generate = answer.json()["links"]["generate"].clone();
    assert!(generate.as_str().unwrap().ends_with("/api/v1/generations"), "{generate}");
}

#[tokio::test]
async fn for_others_a_purchase_does_not_exist() {
    let app = app();
    let (lena, kim) = (app.sign_in("lena"), app.sign_in("kim"));
    let listing = on_sale(&app, &lena, 0).await;
    let id = buy_free(&kim, &listing).await.to_string();
    let unknown = PurchaseId::new(app.now(), 999).to_string();
    for (caller, id) in
        [(&lena, &id), (&app.sign_in("ada"), &id), (&kim, &unknown), (&kim, &"x".to_owned())]
    {
        let answer = caller.get(format!("{PURCHASES}/{id}/download")).await;
        assert_eq!(answer.brief(), "404 purchase_not_found");
    }
    app.suspend(&kim.id, "spam", None).await;
    assert_eq!(kim.get(format!("{PURCHASES}/{id}/download")).await.status(), 200);
}

#[tokio::test]
async fn a_refunded_purchase_cannot_be_downloaded() {
    let app = app();
    let (lena, kim) = (app.sign_in("lena"), app.sign_in("kim"));
    let listing = on_sale(&app, &lena, 900).await;
    let id = paid(&app, &kim, &listing, "card").await;
    let download = || kim.get(format!("{PURCHASES}/{id}/download"));
    assert_eq!(download().await.status(), 200);
    let states = async || {
        let item = kim.get(PURCHASES).await.json()["items"][0].clone();
        (
            item["state"].clone(),
            item["entitlement"].clone(),
            item["links"].get("download").is_some(),
        )
    };
    assert_eq!(states().await, (json!("paid"), json!("active"), true));
    apply_payment(&app, &kim, &id, |payment| payment.disputed = true).await;
    assert_eq!(download().await.brief(), "404 purchase_not_found");
    assert_eq!(states().await, (json!("paid"), json!("suspended"), false));
    apply_payment(&app, &kim, &id, |payment| payment.refunded = 900).await;
    assert_eq!(download().await.brief(), "404 purchase_not_found");
    assert_eq!(states().await, (json!("refunded"), json!("revoked"), false));
}
