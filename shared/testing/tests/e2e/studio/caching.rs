//! Conditional requests: `If-None-Match` on reads and `If-Match` on writes.

use reqwest::Method;
use serde_json::json;

use crate::member::{Member, answer, quick, text};

#[tokio::test]
async fn what_has_not_changed_is_not_sent_again() {
    let member = Member::new().await;
    let job = member.make(&quick("a vase")).await;
    for path in ["/api/v1/me", text(&job["links"]["self"]), "/api/v1/billing/plans"] {
        let first = member.get(path).await;
        first.ok(200);
        let tag = first.header("etag").unwrap();
        assert!(tag.trim_start_matches("W/").starts_with('"'), "{tag}");
        let again = member.request(Method::GET, path).header("If-None-Match", tag);
        let again = answer(again).await;
        assert_eq!((again.status, again.body.len()), (304, 0), "{path}");
        assert_eq!(again.header("etag"), Some(tag));
    }
    let me = answer(member.request(Method::GET, "/api/v1/me").header("If-None-Match", "\"x\""));
    assert_eq!(me.await.status, 200);
}

#[tokio::test]
async fn a_change_to_something_that_has_moved_is_refused() {
    let member = Member::new().await;
    let read = member.get("/api/v1/me").await;
    let tag = read.header("etag").unwrap();
    let change = async |name: &str| {
        let request = member.request(Method::PATCH, "/api/v1/me").header("If-Match", tag);
        answer(request.json(&json!({ "display_name": name }))).await
    };
    change("First").await.ok(200);
    change("Second").await.problem(412, "precondition_failed");
    assert_eq!(member.get("/api/v1/me").await.ok(200)["display_name"], "First");
}
