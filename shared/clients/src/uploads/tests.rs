//! Uploads, against a bucket that records its requests.

use std::sync::{Arc, Mutex};

use aws_sdk_s3::config::Credentials;
use axum::{
    Router,
    extract::Request,
    http::{HeaderMap, Method, StatusCode},
    response::IntoResponse,
};

use domain::{DomainError, ErrorKind, marketplace::listing::upload::PREVIEW_BYTES_MAX};

use super::*;
use crate::{bucket::client_at, loopback};

const COPIED: &str = "<CopyObjectResult><ETag>\"1\"</ETag></CopyObjectResult>";

fn upload() -> Uploaded {
    Uploaded {
        key: "quarantine/lst 1/upl_1".into(),
        bytes: 12,
        content_type: None,
        owner: None,
        etag: "\"1\"".into(),
    }
}

type Seen = Arc<Mutex<Vec<(Method, String, HeaderMap)>>>;

/// A bucket that answers everything with `status` and `body`, and the requests it got.
async fn bucket(status: StatusCode, body: &'static str) -> (Uploads, Seen) {
    let seen = Seen::default();
    let asked = seen.clone();
    let routes = Router::new().fallback(move |request: Request| {
        let (parts, _) = request.into_parts();
        let path = parts.uri.path().to_owned();
        asked.lock().unwrap().push((parts.method, path, parts.headers));
        async move { (status, body).into_response() }
    });
    (Uploads::new(&client_at(&loopback::serve(routes).await), None, "uploads"), seen)
}

fn credentials() -> Option<SharedCredentialsProvider> {
    let credentials = Credentials::new("id", "secret", None, None, "test");
    Some(SharedCredentialsProvider::new(credentials))
}

#[tokio::test]
async fn a_form_fixes_every_field_and_expires_after_five_minutes() {
    let uploads = Uploads::new(&client_at("http://127.0.0.1:1"), credentials(), "uploads");
    let key = quarantine_key("lst_1", "upl_1");
    let new = NewUpload {
        key: &key,
        owner: "auth0|1",
        content_type: "image/png",
        bytes_max: PREVIEW_BYTES_MAX,
    };
    let now = Timestamp::from_millis(1_700_000_100_999);
    let form = uploads.presign(&new, now).await.unwrap();
    assert_eq!(form.url, "http://127.0.0.1:1/uploads/");
    assert_eq!(form.expires_at, Timestamp::from_secs(1_700_000_400));
    for (name, value) in [
        ("Content-Type", "image/png"),
        ("key", "quarantine/lst_1/upl_1"),
        ("success_action_status", "201"),
        ("x-amz-credential", "id/20231114/us-east-1/s3/aws4_request"),
        ("x-amz-date", "20231114T221500Z"),
        ("x-amz-meta-owner", "auth0|1"),
    ] {
        assert_eq!(form.fields[name], value, "{name}");
    }
    assert_eq!(form.fields.len(), 9);
    assert_eq!(uploads.presign(&new, now).await.unwrap(), form);
}

#[tokio::test]
async fn what_is_read_is_known_by_its_first_bytes() {
    let (uploads, seen) = bucket(StatusCode::OK, "LUT_3D_SIZE 2").await;
    let kind = uploads.sniff(&upload(), 13).await.unwrap();
    assert_eq!(kind, Some(AssetKind::Cube));
    assert_eq!(uploads.fetch(&upload(), 13).await.unwrap(), "LUT_3D_SIZE 2");
    for (method, path, headers) in seen.lock().unwrap().iter() {
        assert_eq!((method, path.as_str()), (&Method::GET, "/uploads/quarantine/lst%201/upl_1"));
        assert_eq!(headers["if-match"], "\"1\"");
    }
    let refused = uploads.sniff(&upload(), 12).await.unwrap_err();
    assert!(matches!(refused, UploadError::TooLarge), "{refused:?}");
    assert_eq!(uploads.asset("assets/l/u", 13).await.unwrap(), "LUT_3D_SIZE 2");
    let refused = uploads.asset("assets/l/u", 12).await.unwrap_err();
    assert!(matches!(refused, UploadError::TooLarge), "{refused:?}");
}

/// A bucket that answers `there` to a HEAD of an asset, and `copied` to a copy.
async fn with_asset(there: StatusCode, copied: StatusCode) -> (Uploads, Seen) {
    let seen = Seen::default();
    let asked = seen.clone();
    let routes = Router::new().fallback(move |request: Request| {
        let (parts, _) = request.into_parts();
        let status = if parts.method == Method::HEAD { there } else { copied };
        let path = parts.uri.path().to_owned();
        asked.lock().unwrap().push((parts.method, path, parts.headers));
        async move { (status, COPIED).into_response() }
    });
    (Uploads::new(&client_at(&loopback::serve(routes).await), None, "uploads"), seen)
}

#[tokio::test]
async fn an_asset_keeps_nothing_but_its_bytes_and_is_written_once() {
    let to = asset_key("lst_1", "upl_1");
    let (uploads, seen) = with_asset(StatusCode::NOT_FOUND, StatusCode::OK).await;
    uploads.promote(&upload(), &to, AssetKind::Zip, "Soft \"light\".zip").await.unwrap();
    {
        let seen = seen.lock().unwrap();
        let (method, path, headers) = &seen[1];
        assert_eq!((method, path.as_str()), (&Method::PUT, "/uploads/assets/lst_1/upl_1"));
        for (name, value) in [
            ("x-amz-copy-source", "uploads/quarantine/lst%201/upl_1"),
            ("x-amz-copy-source-if-match", "\"1\""),
            ("if-none-match", "*"),
            ("x-amz-metadata-directive", "REPLACE"),
            ("content-type", "application/zip"),
            ("content-disposition", "attachment; filename=\"Soft-light-.zip\""),
            ("cache-control", CACHE_CONTROL),
        ] {
            assert_eq!(headers[name], value, "{name}");
        }
        assert!(!headers.contains_key("x-amz-meta-owner"));
    }
    let (uploads, seen) = with_asset(StatusCode::OK, StatusCode::OK).await;
    uploads.promote(&upload(), &to, AssetKind::Zip, "a.zip").await.unwrap();
    let methods: Vec<Method> = seen.lock().unwrap().iter().map(|it| it.0.clone()).collect();
    assert_eq!(methods, [Method::HEAD], "the existing asset is kept");
}

#[tokio::test]
async fn another_file_in_its_place_is_neither_read_nor_promoted() {
    let (uploads, _) = bucket(StatusCode::PRECONDITION_FAILED, "").await;
    let refusals = [
        uploads.fetch(&upload(), 99).await.unwrap_err(),
        uploads.sniff(&upload(), 99).await.unwrap_err(),
        with_asset(StatusCode::NOT_FOUND, StatusCode::PRECONDITION_FAILED)
            .await
            .0
            .promote(&upload(), "assets/a/b", AssetKind::Zip, "a")
            .await
            .unwrap_err(),
    ];
    for refused in refusals {
        assert!(matches!(refused, UploadError::Replaced), "{refused:?}");
        assert_eq!((refused.kind(), refused.code()), (ErrorKind::Conflict, "upload_replaced"));
    }
}

#[tokio::test]
async fn what_is_not_there_is_missing_and_can_be_discarded() {
    let (uploads, _) = bucket(StatusCode::NOT_FOUND, "").await;
    assert_eq!(uploads.head("quarantine/a/b").await.unwrap(), None);
    let refused = uploads.fetch(&upload(), 99).await.unwrap_err();
    assert!(matches!(refused, UploadError::Missing), "{refused:?}");
    let (uploads, seen) = bucket(StatusCode::NO_CONTENT, "").await;
    uploads.discard("quarantine/a/b").await.unwrap();
    assert_eq!(seen.lock().unwrap()[0].0, Method::DELETE);
    let (uploads, _) = bucket(StatusCode::FORBIDDEN, "").await;
    assert!(uploads.discard("quarantine/a/b").await.is_err());
}

#[tokio::test]
async fn a_link_is_a_download_with_a_name() {
    let uploads = Uploads::new(&client_at("http://127.0.0.1:1"), None, "uploads");
    let at = async |secs| {
        uploads.link("assets/l/u", "a b.zip", Timestamp::from_secs(secs)).await.unwrap()
    };
    let link = at(1_700_000_100).await;
    assert_eq!(link, at(1_700_000_399).await);
    let named = "response-content-disposition=attachment%3B%20filename%3D%22a-b.zip%22";
    for part in ["/uploads/assets/l/u?", "X-Amz-Expires=600", named] {
        assert!(link.contains(part), "{part} in {link}");
    }
}

#[test]
fn a_key_names_its_listing_and_upload() {
    let check = |key: &str, expected: Option<(&str, &str)>| {
        assert_eq!(quarantined(key), expected, "{key}");
    };
    check(&quarantine_key("lst_1", "upl_1"), Some(("lst_1", "upl_1")));
    check(&asset_key("lst_1", "upl_1"), None);
    check("quarantine/lst_1", None);
    check("quarantine/lst_1/", None);
    check("quarantine//upl_1", None);
    check("quarantine/lst_1/upl_1/x", None);
    check("quarantines/lst_1/upl_1", None);
}
