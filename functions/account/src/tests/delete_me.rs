//! Account deletion.

use std::time::Duration;

use domain::erasure::{CLOSED_AFTER_ERASURE, Erasure, ErasureSubject};
use expect_test::expect;
use serde_json::{Value, json};
use testing::{Client, TestApp};

use super::account_app;

async fn due(app: &TestApp) -> Vec<Erasure> {
    app.store.due_erasures(app.now(), None, 10).await.unwrap().items
}

/// The steps of `background-erase-data` for a member, without files and Stripe.
async fn erase(member: &Client<'_>) {
    let (store, now) = (&member.app().store, member.app().now());
    assert_eq!(store.close_down(&member.id, now).await.unwrap(), 0);
    store.erase_member(&member.id, now).await.unwrap();
}

#[tokio::test]
async fn a_deleted_account_changes_nothing_and_its_erasure_is_due_at_once() {
    let app = account_app();
    let kim = app.sign_in("kim");
    let name = json!({"display_name": "Kim"});
    assert_eq!(kim.patch("/api/v1/me").json(name.clone()).await.status(), 200);
    let answer = kim.delete("/api/v1/me").await;
    assert_eq!(answer.status(), 200, "{}", answer.pretty());
    assert_eq!(answer.json()["deletion"], json!({"requested_at": app.now()}));
    assert_eq!(answer.json()["status"], "deleting");
    assert_eq!(kim.get("/api/v1/me").await.json()["status"], "deleting");
    let refused = kim.patch("/api/v1/me").json(name).await;
    expect!["403 account_deleted"].assert_eq(&refused.brief());
    let subject = ErasureSubject::Member { user_id: kim.id.clone() };
    assert_eq!(due(&app).await, [Erasure::request(subject, app.now())]);
    app.assert_credits_balance(&kim.id).await;
}

#[tokio::test]
async fn a_repeated_request_is_the_same_deletion() {
    let app = account_app();
    let kim = app.sign_in("kim");
    let first = kim.delete("/api/v1/me").await.json();
    app.ambient.clock.advance(Duration::from_secs(90));
    assert_eq!(kim.delete("/api/v1/me").await.json(), first);
    assert_eq!(due(&app).await.len(), 1);
    assert_eq!(app.visitor().delete("/api/v1/me").await.status(), 401);
}

#[tokio::test]
async fn a_suspended_member_can_be_deleted_and_stays_suspended() {
    let app = account_app();
    let kim = app.sign_in("kim");
    app.suspend(&kim.id, "spam", None).await;
    assert_eq!(kim.delete("/api/v1/me").await.json()["status"], "deleting");
    erase(&kim).await;
    app.ambient.clock.advance(CLOSED_AFTER_ERASURE);
    let me = kim.get("/api/v1/me").await.json();
    assert_eq!(me["deletion"], Value::Null);
    assert_eq!(me["status"], "suspended");
}

/// The balance is retained, so that deleting and rejoining grants no month twice.
#[tokio::test]
async fn a_member_who_returns_a_day_later_has_the_remaining_balance() {
    let app = account_app();
    let kim = app.client(&app.member("kim", domain::plan::Plan::Free, 3).await);
    kim.patch("/api/v1/me").json(json!({"display_name": "Kim", "bio": "I light."})).await;
    kim.delete("/api/v1/me").await;
    erase(&kim).await;
    erase(&kim).await;
    let personal = |me: &Value| format!("{} {} {}", me["email"], me["display_name"], me["bio"]);

    app.ambient.clock.advance(CLOSED_AFTER_ERASURE - Duration::from_secs(1));
    let closed = kim.get("/api/v1/me").await.json();
    assert_eq!(personal(&closed), "null null null", "a page still open creates no account");
    assert!(closed["deletion"]["erased_at"].is_string());
    assert_eq!(closed["status"], "deleted");

    app.ambient.clock.advance(Duration::from_secs(1));
    kim.get("/api/v1/me").await;
    let me = kim.get("/api/v1/me").await.json();
    assert_eq!((&me["deletion"], &me["status"]), (&Value::Null, &json!("active")));
    assert_eq!(personal(&me), r#""kim@prolight.test" null null"#);
    assert_eq!(me["credits"]["available"], 3);
    assert_eq!(kim.patch("/api/v1/me").json(json!({"bio": "x"})).await.status(), 200);
    app.assert_credits_balance(&kim.id).await;
}
