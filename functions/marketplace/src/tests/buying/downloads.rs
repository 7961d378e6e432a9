//! Downloading purchases.

use domain::{
    id::{ListingId, PurchaseId, UploadId},
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
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use testing::{Actor, Client, ClientRequest, TestApp, listings};

use super::{
    super::app,
    PURCHASES,
    steps::{apply_payment, buy_free, next_version, on_sale, paid, retire},
};

/// The listing's next version with one light, and what its creator says of it.
async fn improve(app: &TestApp, creator: &Actor, listing: &ListingId) {
    let rig = LightingRig {
        lights: LightingRig::rembrandt().lights[..1].into(),
        ..LightingRig::rembrandt()
    };
    let content = Content { lighting: Some(rig), ..Content::default() };
    let changes = Some(Some("One light is enough.".to_owned()));
    let edit = Edit { content: Some(content), changes, ..Edit::default() };
    next_version(app, creator, listing, edit).await;
}

#[tokio::test]
async fn a_buyer_gets_the_newest_version_or_the_one_they_bought() {
    let app = app();
    let (lena, kim) = (app.sign_in("lena"), app.sign_in("kim"));
    let listing = on_sale(&app, &lena, 0).await;
    let id = buy_free(&kim, &listing).await;
    improve(&app, &lena, &listing).await;
    let draft = Edit { title: Some("Not approved".to_owned()), ..Edit::default() };
    let edited = app.store.change_listing(&lena.id, &listing, app.now(), |update| {
        let newest = update.newest.clone();
        update.listing.edit(newest, draft.clone(), app.now()).map(|newest| update.newest = newest)
    });
    edited.await.unwrap();
    retire(&app, &lena, &listing).await;

    let shown = kim.get(format!("{PURCHASES}/{id}")).await.json();
    assert_eq!((&shown["version"], &shown["latest_version"]), (&json!(1), &json!(2)));
    let file = shown["versions"][1]["files"][0]["id"].clone();
    let mut versions = shown["versions"].clone();
    for version in versions.as_array_mut().unwrap() {
        version["files"][0]["id"].take();
    }
    expect![[r#"
        [
          {
            "changes": "One light is enough.",
            "files": [
              {
                "bytes": 5,
                "id": null,
                "name": "luts.zip"
              }
            ],
            "published_at": "2026-11-22T09:00:00.000Z",
            "version": 2
          },
          {
            "changes": null,
            "files": [
              {
                "bytes": 5,
                "id": null,
                "name": "luts.zip"
              }
            ],
            "published_at": "2026-11-22T09:00:00.000Z",
            "version": 1
          }
        ]"#]]
    .assert_eq(&format!("{versions:#}"));

    let lights = async |body: Value| {
        let answer = kim.post(format!("{PURCHASES}/{id}/downloads")).json(body).await;
        assert_eq!(answer.brief(), "200", "{}", answer.pretty());
        let lights = answer.json()["content"]["lighting"]["lights"].as_array().unwrap().len();
        (answer.json()["version"].clone(), lights)
    };
    assert_eq!(lights(json!({})).await, (json!(2), 1));
    assert_eq!(lights(json!({ "version": 1 })).await, (json!(1), 4));
    assert_eq!(lights(json!({ "version": 1, "file_id": file })).await, (json!(1), 4));
    for version in [0, 3, 4_000_000_000_u32] {
        let request = json!({ "version": version });
        let answer = kim.post(format!("{PURCHASES}/{id}/downloads")).json(request).await;
        assert_eq!(answer.brief(), "404 version_not_found", "{version}");
    }
}

#[tokio::test]
async fn the_content_is_a_file_and_the_files_are_linked() {
    let app = app();
    let (lena, kim) = (app.sign_in("lena"), app.sign_in("kim"));
    let listing = on_sale(&app, &lena, 0).await;
    let id = buy_free(&kim, &listing).await;
    let downloads = format!("{PURCHASES}/{id}/downloads");
    let answer = kim.post(&downloads).json(json!({})).await;
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    let mut body = answer.json();
    let url = body["url"].take();
    let url = url.as_str().unwrap();
    let key = format!("assets/{listing}/content-v1.json");
    assert!(url.starts_with(&format!("https://s3.prolight.test/images/{key}?")), "{url}");
    assert!(url.contains("X-Amz-Expires=600"), "{url}");
    let stored = app.images_bucket().get(&key).await.unwrap().0;
    let file = body["file"].take();
    assert_eq!((&file["id"], &file["bytes"]), (&json!(null), &json!(stored.len())));
    assert_eq!(file["sha256"], json!(hex::encode(Sha256::digest(&stored))));
    assert_eq!(file["name"], json!(format!("{listing}-v1.json")));
    let stored: Value = serde_json::from_slice(&stored).unwrap();
    assert_eq!(stored["content"], body["content"]);
    let lights = body["content"]["lighting"].take();
    assert_eq!(lights["lights"].as_array().unwrap().len(), 4);
    expect![[r#"
        {
          "attribution": "Light by Lena",
          "content": {
            "lighting": null
          },
          "expires_at": "2026-11-22T09:10:00.000Z",
          "file": null,
          "links": {
            "generate": "https://api.prolight.test/test/api/v1/generations"
          },
          "listing_id": "lst_01M817QNM00000000000000001",
          "title": "Rembrandt",
          "type": "lighting_preset",
          "url": null,
          "version": 1
        }"#]]
    .assert_eq(&format!("{body:#}"));

    let shown = kim.get(format!("{PURCHASES}/{id}")).await.json();
    let file = &shown["versions"][0]["files"][0]["id"];
    let answer = kim.post(&downloads).json(json!({ "file_id": file })).await.json();
    let url = answer["url"].as_str().unwrap();
    let place = format!("https://s3.prolight.test/images/assets/{listing}/upl_");
    assert!(url.starts_with(&place) && url.contains("luts.zip"), "{url}");
    assert_eq!(answer["file"]["sha256"], "5e".repeat(32));
    assert_eq!(&answer["file"]["id"], file);
    let again = kim.post(&downloads).json(json!({})).await;
    assert_eq!(again.status(), 200, "the file is stored once");
}

/// A request that is refused does not forfeit the refund.
#[tokio::test]
async fn only_a_file_that_is_handed_out_ends_the_refund() {
    let app = app();
    let (lena, kim) = (app.sign_in("lena"), app.sign_in("kim"));
    let listing = on_sale(&app, &lena, 900).await;
    let id = paid(&app, &kim, &listing, "card").await;
    let until = async || {
        let shown = kim.get(format!("{PURCHASES}/{id}")).await;
        assert_eq!(shown.status(), 200);
        shown.json()["refundable_until"].clone()
    };
    assert_eq!(until().await, "2026-12-06T09:00:00.000Z");
    let unknown = UploadId::new(app.now(), 999);
    for (body, expected) in [
        (json!({ "version": 2 }), "404 version_not_found"),
        (json!({ "file_id": unknown }), "404 file_not_found"),
        (json!({ "file_id": "x" }), "422 invalid_request, /file_id invalid_value"),
    ] {
        let answer = kim.post(format!("{PURCHASES}/{id}/downloads")).json(body).await;
        assert_eq!(answer.brief(), expected);
    }
    assert_eq!(until().await, "2026-12-06T09:00:00.000Z");
    assert_eq!(download(&kim, &id).await.status(), 200);
    assert_eq!(until().await, json!(null));
    let owned = app.store.entitlement(&kim.id, &listing).await.unwrap().unwrap();
    assert_eq!(owned.downloaded_at, Some(app.now()));
    app.ambient.clock.advance(domain::time::DAY);
    assert_eq!(download(&kim, &id).await.status(), 200);
    let again = app.store.entitlement(&kim.id, &listing).await.unwrap().unwrap();
    assert_eq!(again, owned, "the first download is recorded");
}

/// Asks for the content of a purchase.
fn download<'a>(buyer: &Client<'a>, purchase: impl std::fmt::Display) -> ClientRequest<'a> {
    buyer.post(format!("{PURCHASES}/{purchase}/downloads")).json(json!({}))
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
    let answer = download(&kim, &id).await;
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
        assert_eq!(download(caller, id).await.brief(), "404 purchase_not_found");
        let shown = caller.get(format!("{PURCHASES}/{id}")).await;
        assert_eq!(shown.brief(), "404 purchase_not_found");
    }
    app.suspend(&kim.id, "spam", None).await;
    assert_eq!(download(&kim, &id).await.status(), 200);
}

#[tokio::test]
async fn a_refunded_purchase_cannot_be_downloaded() {
    let app = app();
    let (lena, kim) = (app.sign_in("lena"), app.sign_in("kim"));
    let listing = on_sale(&app, &lena, 900).await;
    let id = paid(&app, &kim, &listing, "card").await;
    let download = || download(&kim, &id);
    assert_eq!(download().await.status(), 200);
    let states = async || {
        let item = kim.get(PURCHASES).await.json()["items"][0].clone();
        (
            item["status"].clone(),
            item["entitlement"].clone(),
            item["links"].get("downloads").is_some(),
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
