//! The history: newest first, optionally by status, in pages.

use std::{collections::BTreeSet, time::Duration};

use domain::{generation::Status, plan::Plan};
use expect_test::{Expect, expect};
use serde_json::Value;
use testing::{Actor, TestRequest};

use super::Studio;

/// A member with `of_each` generations of each status, a second apart.
async fn member_with_history(studio: &Studio, of_each: usize) -> Actor {
    let kim = studio.app.member("kim", Plan::Enterprise, 0).await;
    for round in 0..of_each {
        for status in Status::ALL {
            let job = studio.created(&kim, &format!("order-{round}-{}", status.into_str())).await;
            studio.moved(job, status).await;
            studio.app.ambient.clock.advance(Duration::from_secs(1));
        }
    }
    kim
}

fn ids(page: &Value) -> Vec<String> {
    let items = page["items"].as_array().unwrap();
    items.iter().map(|job| job["id"].as_str().unwrap().to_owned()).collect()
}

/// Follows the cursors to the end.
async fn walk(studio: &Studio, ask: &TestRequest) -> Vec<Vec<String>> {
    let (mut pages, mut next) = (Vec::new(), ask.clone());
    loop {
        let answer = studio.list(&next).await;
        assert_eq!(answer.status(), 200, "{}", answer.pretty());
        let page = answer.json();
        pages.push(ids(&page));
        let Some(cursor) = page["next_cursor"].as_str() else { return pages };
        assert!(pages.len() < 100, "the pages never end");
        next = ask.clone().query("cursor", cursor);
    }
}

#[tokio::test]
async fn the_newest_comes_first_and_nothing_is_lost_between_pages() {
    let studio = Studio::open();
    let kim = member_with_history(&studio, 3).await;
    let expected: Vec<String> =
        studio.app.jobs(&kim.id).await.iter().map(|job| job.id.to_string()).collect();
    assert!(expected.is_sorted_by(|newer, older| newer > older));
    assert_eq!(expected.len(), 18);
    for limit in [1, 2, 5, 17, 18, 19, 100] {
        let pages = walk(&studio, &TestRequest::by(&kim).query("limit", limit)).await;
        assert_eq!(pages.concat(), expected, "limit {limit}");
        assert!(pages.iter().all(|page| page.len() <= limit && !page.is_empty()), "limit {limit}");
    }
    studio.app.assert_credits_balance(&kim.id).await;
}

#[tokio::test]
async fn a_list_is_of_one_status_if_asked() {
    let studio = Studio::open();
    let kim = member_with_history(&studio, 3).await;
    let mut seen = BTreeSet::new();
    for status in Status::ALL {
        for limit in [1, 2, 3, 4] {
            let ask =
                TestRequest::by(&kim).query("status", status.into_str()).query("limit", limit);
            let found = walk(&studio, &ask).await.concat();
            assert_eq!(found.len(), 3, "{status:?} by {limit}");
            assert!(found.is_sorted_by(|newer, older| newer > older), "{status:?} by {limit}");
            seen.extend(found);
        }
        let ask = TestRequest::by(&kim).query("status", status.into_str());
        for job in studio.list(&ask).await.json()["items"].as_array().unwrap() {
            assert_eq!(job["status"], status.into_str());
            assert_eq!(job.get("image").is_some(), status == Status::Succeeded);
            assert!(job.get("input").is_none(), "a list does not repeat what was asked for");
        }
    }
    assert_eq!(seen.len(), 18);
}

#[tokio::test]
async fn a_new_member_has_an_empty_list() {
    let (studio, kim) = (Studio::open(), Actor::member("kim"));
    let answer = studio.list(&TestRequest::by(&kim)).await;
    assert_eq!(answer.body, r#"{"items":[],"next_cursor":null}"#);
    assert!(studio.app.engine.dump().is_empty(), "reading changes nothing");
}

#[tokio::test]
async fn a_list_is_the_members_own() {
    let studio = Studio::open();
    let kim = member_with_history(&studio, 1).await;
    let ada = Actor::member("ada");
    assert!(ids(&studio.list(&TestRequest::by(&ada)).await.json()).is_empty());
    // A cursor of another member's list only pages through the caller's own.
    let page = studio.list(&TestRequest::by(&kim).query("limit", 1)).await.json();
    let cursor = page["next_cursor"].as_str().unwrap();
    assert!(
        ids(&studio.list(&TestRequest::by(&ada).query("cursor", cursor)).await.json()).is_empty()
    );
}

#[tokio::test]
async fn a_page_has_limits_and_a_cursor_is_one_of_ours() {
    let studio = Studio::open();
    let kim = member_with_history(&studio, 1).await;
    let check = async |name: &str, value: &str, expected: Expect| {
        expected.assert_eq(&studio.list(&TestRequest::by(&kim).query(name, value)).await.brief());
    };
    check("limit", "1", expect!["200"]).await;
    check("limit", "100", expect!["200"]).await;
    check("limit", "0", expect!["422 invalid_request, /limit invalid_value"]).await;
    check("limit", "101", expect!["422 invalid_request, /limit invalid_value"]).await;
    check("limit", "-1", expect!["422 invalid_request, /limit wrong_type"]).await;
    check("limit", "many", expect!["422 invalid_request, /limit wrong_type"]).await;
    check("limit", "1e999", expect!["422 invalid_request, /limit wrong_type"]).await;
    check("limit", "", expect!["422 invalid_request, /limit wrong_type"]).await;
    check("status", "done", expect!["422 invalid_request, /status unknown_value"]).await;
    check("status", "Queued", expect!["422 invalid_request, /status unknown_value"]).await;
    check("order", "oldest", expect!["422 invalid_request, /order unknown_field"]).await;
    check("cursor", "", expect!["422 invalid_cursor, /cursor cursor"]).await;
    check("cursor", "!", expect!["422 invalid_request, /cursor invalid_value"]).await;
    check("cursor", "Z2VuXzE", expect!["422 invalid_cursor, /cursor cursor"]).await;
    check("cursor", "_____w", expect!["422 invalid_request, /cursor invalid_value"]).await;
    let twice = TestRequest::by(&kim).query("limit", 1).query("limit", 2);
    let answer = studio.list(&twice).await;
    expect!["422 invalid_request, /limit duplicate_field"].assert_eq(&answer.brief());
    expect!["401 unauthenticated"].assert_eq(&studio.list(&TestRequest::anonymous()).await.brief());
}

/// An unchanged page of history is a 304.
#[tokio::test]
async fn a_page_has_a_tag() {
    let studio = Studio::open();
    let kim = member_with_history(&studio, 1).await;
    let tag = studio.list(&TestRequest::by(&kim)).await.header("etag").unwrap().to_owned();
    let again = TestRequest::by(&kim).header("If-None-Match", &tag);
    assert_eq!(studio.list(&again).await.status(), 304);
    studio.created(&kim, "one-more").await;
    assert_eq!(studio.list(&again).await.status(), 200);
}
