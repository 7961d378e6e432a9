//! Upload forms, and the results of their files.

use std::time::Duration;

use domain::{
    id::UploadId,
    marketplace::listing::{
        archive::ArchivedFile,
        upload::{
            ASSET_BYTES_MAX, Asset, AssetKind, PREVIEW_BYTES_MAX, UPLOAD_KIB_A_DAY, UPLOADS_MAX,
        },
    },
};
use serde_json::{Value, json};
use store::Arrival;
use testing::Actor;

use super::shop::ListingApp;

#[tokio::test]
async fn a_form_is_made_for_what_is_taken() {
    let (shop, kim) = (ListingApp::open().await, Actor::member("kim"));
    let id = shop.draft(&kim, "A light").await;
    let check = async |body: Value, expected: &str| {
        assert_eq!(shop.upload(&kim, &id, body.clone()).await.brief(), expected, "{body}");
    };
    let wish = |purpose: &str, kind: &str, bytes: u64| json!({ "purpose": purpose, "content_type": kind, "bytes": bytes });
    check(wish("preview", "image/png", 1), "201").await;
    check(wish("preview", "image/svg+xml", 1), "422 invalid_request, /content_type type").await;
    check(wish("preview", "image/png", 0), "422 invalid_request, /bytes size").await;
    let large = PREVIEW_BYTES_MAX + 1;
    check(wish("preview", "image/png", large - 1), "201").await;
    check(wish("preview", "image/png", large), "422 invalid_request, /bytes size").await;
    check(wish("asset", "image/png", 1), "422 invalid_request, /content_type type").await;
    check(wish("asset", "application/zip", large), "201").await;
    shop.submit(&kim, &id).await;
    check(wish("preview", "image/png", 1), "409 listing_in_review").await;
    shop.close().await;
}

#[tokio::test]
async fn a_form_is_for_one_file_of_one_listing() {
    let (shop, kim) = (ListingApp::open().await, Actor::member("kim"));
    let id = shop.draft(&kim, "A light").await;
    let wish = json!({ "purpose": "preview", "content_type": "image/png", "bytes": 1_000 });
    let answer = shop.upload(&kim, &id, wish).await;
    let form = answer.json();
    let upload = form["upload_id"].as_str().unwrap();
    assert_eq!(form["method"], "POST");
    assert_eq!(form["fields"]["key"], format!("quarantine/{id}/{upload}"));
    assert_eq!(form["fields"]["Content-Type"], "image/png");
    assert_eq!(form["expires_at"], "2026-11-22T09:05:00.000Z");
    let here = form["links"]["self"].as_str().unwrap();
    assert_eq!(answer.header("location"), Some(here));
    assert!(here.ends_with(&format!("/listings/{id}/uploads/{upload}")), "{here}");
    shop.close().await;
}

#[tokio::test]
async fn a_file_is_followed_by_who_sends_it() {
    let shop = ListingApp::open().await;
    let (kim, ada) = (Actor::member("kim"), Actor::member("ada"));
    let id = shop.draft(&kim, "A light").await;
    let wish = json!({
        "purpose": "asset", "content_type": "application/zip", "bytes": 9, "file_name": "light.zip",
    });
    let form = shop.upload(&kim, &id, wish).await.json();
    let upload = form["upload_id"].as_str().unwrap();
    let waits = shop.uploaded(&kim, &id, upload).await;
    assert_eq!(
        (waits.json()["state"].as_str(), waits.header("retry-after")),
        (Some("waiting"), Some("1"))
    );

    let name = UploadId::parse(upload).unwrap();
    let asset = Asset {
        upload_id: name.clone(),
        file_name: "light.zip".to_owned(),
        bytes: 9,
        sha256: "0".repeat(64),
        kind: Some(AssetKind::Zip),
        files: vec![ArchivedFile { path: "warm.cube".to_owned(), bytes: 9 }],
    };
    let (store, now) = (&shop.app.store, shop.app.now());
    store.end_upload(&id, &name, &Arrival::Asset(asset), now).await.unwrap();
    let taken = shop.uploaded(&kim, &id, upload).await;
    assert_eq!(
        (taken.json()["state"].as_str(), taken.header("retry-after")),
        (Some("taken"), None)
    );
    let own = shop.own(&kim, &id).await.json();
    assert_eq!(
        (&own["assets"][0]["file_name"], &own["assets"][0]["bytes"]),
        (&json!("light.zip"), &json!(9))
    );
    let files = json!([{ "path": "warm.cube", "bytes": 9 }]);
    assert_eq!((&own["assets"][0]["type"], &own["assets"][0]["files"]), (&json!("zip"), &files));

    let missing = "404 upload_not_found";
    assert_eq!(shop.uploaded(&ada, &id, upload).await.brief(), missing);
    assert_eq!(shop.uploaded(&kim, &id, "upl_01JD0000000000000000000000").await.brief(), missing);
    assert_eq!(shop.uploaded(&kim, &id, "../../etc").await.brief(), missing);
    let other = shop.draft(&kim, "Another light").await;
    assert_eq!(shop.uploaded(&kim, &other, upload).await.brief(), missing);

    shop.publish(&kim, &id).await;
    let page = shop.page(&id).await.json();
    assert_eq!(page["assets"], json!([{ "file_name": "light.zip", "bytes": 9 }]));
    let after = json!({ "purpose": "preview", "content_type": "image/png", "bytes": 1 });
    assert_eq!(shop.upload(&kim, &id, after).await.brief(), "409 no_draft");
    shop.close().await;
}

#[tokio::test]
async fn uploads_of_a_listing_are_counted() {
    let (shop, kim) = (ListingApp::open().await, Actor::member("kim"));
    let id = shop.draft(&kim, "A light").await;
    let wish = json!({ "purpose": "preview", "content_type": "image/png", "bytes": 1 });
    for _ in 0..UPLOADS_MAX {
        assert_eq!(shop.upload(&kim, &id, wish.clone()).await.status(), 201);
    }
    assert_eq!(shop.upload(&kim, &id, wish).await.brief(), "409 too_many_uploads");
    shop.close().await;
}

/// The limit is of a creator and of a UTC day, whatever listings the files are for.
#[tokio::test]
async fn the_bytes_of_a_day_are_counted_for_each_creator() {
    let (shop, kim, ada) = (ListingApp::open().await, Actor::member("kim"), Actor::member("ada"));
    let listings = [shop.draft(&kim, "A light").await, shop.draft(&kim, "Another").await];
    let asset = |bytes: u64| json!({ "purpose": "asset", "content_type": "application/zip", "bytes": bytes });
    let day = u64::from(UPLOAD_KIB_A_DAY) * 1024 / ASSET_BYTES_MAX;
    for nth in 0..usize::try_from(day).unwrap() {
        let listing = &listings[nth % listings.len()];
        assert_eq!(shop.upload(&kim, listing, asset(ASSET_BYTES_MAX)).await.status(), 201, "{nth}");
    }
    let refused = shop.upload(&kim, &listings[0], asset(1)).await;
    assert_eq!(refused.brief(), "429 uploads_used_up");
    // The shop opens at nine o'clock.
    assert_eq!(refused.header("retry-after"), Some("54000"));
    let other = shop.draft(&ada, "A light of hers").await;
    assert_eq!(shop.upload(&ada, &other, asset(1)).await.status(), 201);
    shop.app.ambient.clock.advance(Duration::from_secs(54_000));
    assert_eq!(shop.upload(&kim, &listings[0], asset(1)).await.status(), 201);
    shop.close().await;
}
