//! Upload forms, and the results of their files.

use std::time::Duration;

use domain::{
    id::{ListingId, UploadId},
    marketplace::listing::{
        archive::ArchivedFile,
        upload::{
            ASSET_BYTES_MAX, Asset, AssetKind, FileRefused, PREVIEW_BYTES_MAX, UPLOAD_KIB_A_DAY,
            UPLOAD_OPEN, UPLOADS_MAX, UploadState,
        },
    },
};
use serde_json::{Value, json};
use store::Arrival;
use testing::{Client, ClientRequest};

use super::{
    CREATOR_LISTINGS, LISTINGS, app,
    listing_steps::{draft, page, publish},
};

/// A request for an upload form.
fn request_upload<'a>(creator: &Client<'a>, id: &ListingId, body: Value) -> ClientRequest<'a> {
    creator.post(format!("{LISTINGS}/{id}/uploads")).json(body)
}

#[tokio::test]
async fn a_form_is_created_only_for_accepted_files() {
    let app = app();
    let kim = app.sign_in("kim");
    let id = draft(&kim, "A light").await;
    let check = async |body: Value, expected: &str| {
        assert_eq!(request_upload(&kim, &id, body.clone()).await.brief(), expected, "{body}");
    };
    let body = |purpose: &str, kind: &str, bytes: u64| json!({ "purpose": purpose, "content_type": kind, "bytes": bytes });
    check(body("preview", "image/png", 1), "201").await;
    check(body("preview", "image/svg+xml", 1), "422 invalid_request, /content_type type").await;
    check(body("preview", "image/png", 0), "422 invalid_request, /bytes size").await;
    let large = PREVIEW_BYTES_MAX + 1;
    check(body("preview", "image/png", large - 1), "201").await;
    check(body("preview", "image/png", large), "422 invalid_request, /bytes size").await;
    check(body("asset", "image/png", 1), "422 invalid_request, /content_type type").await;
    check(body("asset", "application/zip", large), "201").await;
    app.ambient.clock.advance(UPLOAD_OPEN * 2);
    assert_eq!(kim.post(format!("{LISTINGS}/{id}/submit")).await.status(), 202);
    check(body("preview", "image/png", 1), "409 listing_in_review").await;
}

/// A file that is sent and not yet inspected would be refused once the listing is in review.
#[tokio::test]
async fn a_listing_is_not_submitted_while_a_file_may_join_it() {
    let app = app();
    let (kim, ada) = (app.sign_in("kim"), app.sign_in("ada"));
    let id = draft(&kim, "A light").await;
    let submit = format!("{LISTINGS}/{id}/submit");
    let body = json!({ "purpose": "preview", "content_type": "image/png", "bytes": 1 });
    let form = request_upload(&kim, &id, body.clone()).await.json();
    assert_eq!(kim.post(&submit).await.brief(), "409 upload_waiting");
    assert_eq!(ada.post(&submit).await.brief(), "404 listing_not_found");

    let name = UploadId::parse(form["id"].as_str().unwrap()).unwrap();
    let refused = Arrival::Refused(UploadState::refused(&FileRefused::Damaged));
    app.store.end_upload(&id, &name, &refused, app.now()).await.unwrap();
    // A form that nothing was sent through waits no longer than a file would.
    request_upload(&kim, &id, body).await;
    assert_eq!(kim.post(&submit).await.brief(), "409 upload_waiting");
    app.ambient.clock.advance(UPLOAD_OPEN * 2);
    assert_eq!(kim.post(&submit).await.status(), 202);
}

#[tokio::test]
async fn a_form_is_for_one_file_of_one_listing() {
    let app = app();
    let kim = app.sign_in("kim");
    let id = draft(&kim, "A light").await;
    let body = json!({ "purpose": "preview", "content_type": "image/png", "bytes": 1_000 });
    let answer = request_upload(&kim, &id, body).await;
    let form = answer.json();
    let upload = form["id"].as_str().unwrap();
    assert_eq!(form["method"], "POST");
    assert_eq!(form["fields"]["key"], format!("quarantine/{id}/{upload}"));
    assert_eq!(form["fields"]["Content-Type"], "image/png");
    assert_eq!(form["expires_at"], "2026-11-22T09:05:00.000Z");
    let location = form["links"]["self"].as_str().unwrap();
    assert_eq!(answer.header("location"), Some(location));
    assert!(location.ends_with(&format!("/listings/{id}/uploads/{upload}")), "{location}");
}

#[tokio::test]
async fn a_creator_follows_their_upload() {
    let app = app();
    let (kim, ada) = (app.sign_in("kim"), app.sign_in("ada"));
    let id = draft(&kim, "A light").await;
    let body = json!({
        "purpose": "asset", "content_type": "application/zip", "bytes": 9, "file_name": "light.zip",
    });
    let form = request_upload(&kim, &id, body).await.json();
    let upload = form["id"].as_str().unwrap();
    let waits = kim.get(format!("{LISTINGS}/{id}/uploads/{upload}")).await;
    assert_eq!(
        (waits.json()["status"].as_str(), waits.header("retry-after")),
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
    let (store, now) = (&app.store, app.now());
    store.end_upload(&id, &name, &Arrival::Asset(asset), now).await.unwrap();
    let taken = kim.get(format!("{LISTINGS}/{id}/uploads/{upload}")).await;
    assert_eq!(
        (taken.json()["status"].as_str(), taken.header("retry-after")),
        (Some("taken"), None)
    );
    let own = kim.get(format!("{CREATOR_LISTINGS}/{id}")).await.json();
    assert_eq!(
        (&own["assets"][0]["file_name"], &own["assets"][0]["bytes"]),
        (&json!("light.zip"), &json!(9))
    );
    let files = json!([{ "path": "warm.cube", "bytes": 9 }]);
    assert_eq!((&own["assets"][0]["type"], &own["assets"][0]["files"]), (&json!("zip"), &files));

    let missing = "404 upload_not_found";
    assert_eq!(ada.get(format!("{LISTINGS}/{id}/uploads/{upload}")).await.brief(), missing);
    assert_eq!(
        kim.get(format!("{LISTINGS}/{id}/uploads/upl_01JD0000000000000000000000")).await.brief(),
        missing
    );
    assert_eq!(kim.get(format!("{LISTINGS}/{id}/uploads/..%2F..%2Fetc")).await.brief(), missing);
    let other = draft(&kim, "Another light").await;
    assert_eq!(kim.get(format!("{LISTINGS}/{other}/uploads/{upload}")).await.brief(), missing);

    publish(&app, &kim, &id).await;
    let public = page(&app, &id).await.json();
    assert_eq!(public["assets"], json!([{ "file_name": "light.zip", "bytes": 9 }]));
    let after = json!({ "purpose": "preview", "content_type": "image/png", "bytes": 1 });
    assert_eq!(request_upload(&kim, &id, after).await.brief(), "409 no_draft");
}

#[tokio::test]
async fn uploads_of_a_listing_are_counted() {
    let app = app();
    let kim = app.sign_in("kim");
    let id = draft(&kim, "A light").await;
    let body = json!({ "purpose": "preview", "content_type": "image/png", "bytes": 1 });
    for _ in 0..UPLOADS_MAX {
        assert_eq!(request_upload(&kim, &id, body.clone()).await.status(), 201);
    }
    assert_eq!(request_upload(&kim, &id, body).await.brief(), "409 too_many_uploads");
}

/// The limit is of a creator and of a UTC day, whatever listings the files are for.
#[tokio::test]
async fn the_bytes_of_a_day_are_counted_for_each_creator() {
    let app = app();
    let (kim, ada) = (app.sign_in("kim"), app.sign_in("ada"));
    let listings = [draft(&kim, "A light").await, draft(&kim, "Another").await];
    let asset = |bytes: u64| json!({ "purpose": "asset", "content_type": "application/zip", "bytes": bytes });
    let day = u64::from(UPLOAD_KIB_A_DAY) * 1024 / ASSET_BYTES_MAX;
    for nth in 0..usize::try_from(day).unwrap() {
        let listing = &listings[nth % listings.len()];
        assert_eq!(
            request_upload(&kim, listing, asset(ASSET_BYTES_MAX)).await.status(),
            201,
            "{nth}"
        );
    }
    let refused = request_upload(&kim, &listings[0], asset(1)).await;
    assert_eq!(refused.brief(), "429 uploads_used_up");
    // A test begins at nine o'clock.
    assert_eq!(refused.header("retry-after"), Some("54000"));
    let other = draft(&ada, "A light of hers").await;
    assert_eq!(request_upload(&ada, &other, asset(1)).await.status(), 201);
    app.ambient.clock.advance(Duration::from_secs(54_000));
    assert_eq!(request_upload(&kim, &listings[0], asset(1)).await.status(), 201);
}
