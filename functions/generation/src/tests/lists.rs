//! The history: newest first, optionally by status, in pages.

use std::{collections::BTreeSet, time::Duration};

use domain::{generation::Status, plan::Plan};
use expect_test::{Expect, expect};
use serde_json::Value;
use testing::{Client, ClientRequest, TestApp};

use super::{advanced, bria_app, created};

/// A member with `of_each` generations of each status, a second apart.
async fn member_with_history(app: &TestApp, of_each: usize) -> Client<'_> {
    let kim = app.client(&app.member("kim", Plan::Enterprise, 0).await);
    for round in 0..of_each {
        for status in Status::ALL {
            let job = created(&kim, &format!("chair-{round}-{}", status.into_str())).await;
            advanced(app, job, status).await;
            app.ambient.clock.advance(Duration::from_secs(1));
        }
    }
    kim
}

fn ids(page: &Value) -> Vec<String> {
    let items = page["items"].as_array().unwrap();
    items.iter().map(|job| job["id"].as_str().unwrap().to_owned()).collect()
}

/// Follows the cursors to the end.
async fn all_pages(first: ClientRequest<'_>) -> Vec<Vec<String>> {
    let (mut pages, mut next) = (Vec::new(), first.clone());
    loop {
        let answer = next.await;
        assert_eq!(answer.status(), 200, "{}", answer.pretty());
        let page = answer.json();
        pages.push(ids(&page));
        let Some(cursor) = page["next_cursor"].as_str() else { return pages };
        assert!(pages.len() < 100, "the pages never end");
        next = first.clone().query("cursor", cursor);
    }
}

#[tokio::test]
async fn the_newest_comes_first_and_nothing_is_lost_between_pages() {
    let app = bria_app();
    let kim = member_with_history(&app, 3).await;
    let expected: Vec<String> =
        app.jobs(&kim.id).await.iter().map(|job| job.id.to_string()).collect();
    assert!(expected.is_sorted_by(|newer, older| newer > older));
    assert_eq!(expected.len(), 18);
    for limit in [1, 2, 5, 17, 18, 19, 100] {
        let pages = all_pages(kim.get("/api/v1/generations").query("limit", limit)).await;
        assert_eq!(pages.concat(), expected, "limit {limit}");
        assert!(pages.iter().all(|page| page.len() <= limit && !page.is_empty()), "limit {limit}");
    }
    app.assert_credits_balance(&kim.id).await;
}

#[tokio::test]
async fn a_list_can_be_limited_to_one_status() {
    let app = bria_app();
    let kim = member_with_history(&app, 3).await;
    let mut seen = BTreeSet::new();
    for status in Status::ALL {
        for limit in [1, 2, 3, 4] {
            let list = kim.get("/api/v1/generations").query("status", status.into_str());
            let found = all_pages(list.query("limit", limit)).await.concat();
            assert_eq!(found.len(), 3, "{status:?} by {limit}");
            assert!(found.is_sorted_by(|newer, older| newer > older), "{status:?} by {limit}");
            seen.extend(found);
        }
        let list = kim.get("/api/v1/generations").query("status", status.into_str());
        for job in list.await.json()["items"].as_array().unwrap() {
            assert_eq!(job["status"], status.into_str());
            assert_eq!(job.get("image").is_some(), status == Status::Succeeded);
            assert!(job.get("input").is_none(), "a list does not repeat what was asked for");
        }
    }
    assert_eq!(seen.len(), 18);
}

#[tokio::test]
async fn a_new_member_has_an_empty_list() {
    let app = bria_app();
    let kim = app.sign_in("kim");
    let answer = kim.get("/api/v1/generations").await;
    assert_eq!(answer.body, r#"{"items":[],"next_cursor":null}"#);
    assert!(app.engine.dump().is_empty(), "reading changes nothing");
}

#[tokio::test]
async fn a_list_is_the_members_own() {
    let app = bria_app();
    let kim = member_with_history(&app, 1).await;
    let ada = app.sign_in("ada");
    assert!(ids(&ada.get("/api/v1/generations").await.json()).is_empty());
    // A cursor of another member's list only pages through the caller's own.
    let page = kim.get("/api/v1/generations").query("limit", 1).await.json();
    let cursor = page["next_cursor"].as_str().unwrap();
    assert!(ids(&ada.get("/api/v1/generations").query("cursor", cursor).await.json()).is_empty());
}

#[tokio::test]
async fn a_page_has_limits_and_a_cursor_is_one_of_ours() {
    let app = bria_app();
    let kim = member_with_history(&app, 1).await;
    let check = async |name: &str, value: &str, expected: Expect| {
        expected.assert_eq(&kim.get("/api/v1/generations").query(name, value).await.brief());
    };
    check("limit", "1", expect!["200"]).await;
    check("limit", "100", expect!["200"]).await;
    check("limit", "0", expect!["422 invalid_request, /limit invalid_value"]).await;
    check("limit", "101", expect!["422 invalid_request, /limit invalid_value"]).await;
    check("limit", "-1", expect!["422 invalid_request, /limit wrong_type"]).await;
    check("limit", "many", expect!["422 invalid_request, /limit wrong_type"]).await;
    check("limit", "1e999", expect!["422 invalid_request, /limit wrong_type"]).await;
    check("limit", "", expect!["422 invalid_request, /limit wrong_type"]).await;
    check("status", "done", expect!["422 invalid_request, /status/0 unknown_value"]).await;
    check("status", "Queued", expect!["422 invalid_request, /status/0 unknown_value"]).await;
    check("order", "oldest", expect!["422 invalid_request, /order unknown_field"]).await;
    check("cursor", "", expect!["422 invalid_request, /cursor invalid_value"]).await;
    check("cursor", "!", expect!["422 invalid_request, /cursor invalid_value"]).await;
    check("cursor", "Z2VuXzE", expect!["422 invalid_cursor, /cursor cursor"]).await;
    check("cursor", "_____w", expect!["422 invalid_request, /cursor invalid_value"]).await;
    let answer = kim.get("/api/v1/generations").query("limit", 1).query("limit", 2).await;
    expect!["422 invalid_request, /limit duplicate_field"].assert_eq(&answer.brief());
    let visitor = app.visitor().get("/api/v1/generations").await;
    expect!["401 unauthenticated"].assert_eq(&visitor.brief());
}

/// An unchanged page of history is a 304.
#[tokio::test]
async fn a_page_has_a_tag() {
    let app = bria_app();
    let kim = member_with_history(&app, 1).await;
    let tag = kim.get("/api/v1/generations").await.header("etag").unwrap().to_owned();
    let again = kim.get("/api/v1/generations").header("If-None-Match", &tag);
    assert_eq!(again.clone().await.status(), 304);
    created(&kim, "one-more").await;
    assert_eq!(again.await.status(), 200);
}
