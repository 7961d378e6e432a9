//! `GET /me`, which also creates the account.

use std::time::Duration;

use domain::plan::Plan;
use expect_test::{Expect, expect};
use serde_json::{Value, json};
use testing::{Actor, at_once};

use super::account_app;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

#[tokio::test]
async fn the_first_read_creates_an_account_with_ten_credits() {
    let app = account_app();
    let kim = app.sign_in("kim");
    let answer = kim.get("/api/v1/me").await;
    assert_eq!((answer.status(), answer.header("cache-control")), (200, Some("private, no-cache")));
    expect![[r#"
        {
          "bio": null,
          "created_at": "2026-11-22T09:00:00.000Z",
          "creator_id": "cre_6V4DR464V4RRB0QNRF335SP2W8",
          "credits": {
            "available": 10,
            "debt": 0,
            "held": 0,
            "next_grant": {
              "at": "2026-12-22T09:00:00.000Z",
              "credits": 10,
              "plan": "free"
            },
            "unlimited": false
          },
          "deletion": null,
          "display_name": null,
          "email": "kim@prolight.test",
          "email_verified": true,
          "generations": {
            "open": 0,
            "open_max": 2
          },
          "id": "user_kim",
          "plan": "free",
          "role": null,
          "status": "active",
          "suspension": null
        }"#]]
    .assert_eq(&answer.pretty());
    app.assert_credits_balance(&kim.id).await;
}

#[tokio::test]
async fn concurrent_first_reads_create_one_account() {
    let app = account_app();
    let kim = app.sign_in("kim");
    let answers = at_once(32, |_| kim.get("/api/v1/me"));
    for answer in answers {
        assert_eq!((answer.status(), &answer.json()["credits"]["available"]), (200, &10.into()));
    }
    assert_eq!(app.store.whole_ledger(&kim.id).await.unwrap().len(), 1);
    app.assert_credits_balance(&kim.id).await;
}

/// The address is verified later, or changes: the token decides.
#[tokio::test]
async fn free_credits_are_for_a_verified_address() {
    let app = account_app();
    let kim = app.sign_in("kim");
    let read = async |actor: &Actor| {
        let me = app.client(actor).get("/api/v1/me").await.json();
        let credits = &me["credits"];
        (
            me["email_verified"].clone(),
            credits["available"].clone(),
            credits["next_grant"]["at"].clone(),
        )
    };
    for _ in 0..2 {
        assert_eq!(read(&kim.unverified()).await, (json!(false), json!(0), json!(null)));
        app.ambient.clock.advance(DAY * 40);
    }
    let next = json!("2027-02-22T09:00:00.000Z");
    assert_eq!(read(&kim).await, (json!(true), json!(10), next.clone()));
    assert_eq!(read(&kim).await, (json!(true), json!(10), next));
    let moved = kim.at_address("kim@new.test").unverified();
    assert_eq!(read(&moved).await, (json!(false), json!(10), json!(null)), "granted credits stay");
    app.ambient.clock.advance(DAY * 31);
    assert_eq!(read(&moved).await, (json!(false), json!(0), json!(null)));
    app.assert_credits_balance(&kim.id).await;
}

/// A month is granted once, on the first read; the rest of the previous month has expired.
#[tokio::test]
async fn a_new_month_replaces_the_old_one() {
    let app = account_app();
    let kim = app.client(&app.member("kim", Plan::Free, 3).await);
    app.ambient.clock.advance(DAY * 30);
    for _ in 0..3 {
        let credits = kim.get("/api/v1/me").await.json()["credits"].clone();
        assert_eq!(credits["available"], 10);
        assert_eq!(credits["next_grant"]["at"], "2027-01-22T09:00:00.000Z");
    }
    app.ambient.clock.advance(DAY * 365);
    assert_eq!(kim.get("/api/v1/me").await.json()["credits"]["available"], 10);
    app.assert_credits_balance(&kim.id).await;
}

#[tokio::test]
async fn an_account_shows_its_plan() {
    let app = account_app();
    let pro = app.client(&app.member("pro", Plan::Pro, 500).await);
    let enterprise = app.client(&app.member("enterprise", Plan::Enterprise, 0).await);
    let check = async |actor: &Actor, expected: Expect| {
        let me = app.client(actor).get("/api/v1/me").await.json();
        let lines = [&me["plan"], &me["credits"], &me["generations"]].map(Value::to_string);
        expected.assert_eq(&lines.join("\n"));
    };
    check(
        &pro,
        expect![[r#"
        "pro"
        {"available":500,"debt":0,"held":0,"next_grant":{"at":"2026-12-22T09:00:00.000Z","credits":500,"plan":"pro"},"unlimited":false}
        {"open":0,"open_max":8}"#]],
    )
    .await;
    check(
        &enterprise,
        expect![[r#"
        "enterprise"
        {"available":null,"debt":0,"held":0,"next_grant":{"at":"2026-12-22T09:00:00.000Z","credits":null,"plan":"enterprise"},"unlimited":true}
        {"open":0,"open_max":32}"#]],
    )
    .await;
}

#[tokio::test]
async fn staff_see_their_role() {
    let app = account_app();
    for (actor, role) in [(Actor::moderator(), "moderator"), (Actor::admin(), "admin")] {
        assert_eq!(app.client(&actor).get("/api/v1/me").await.json()["role"], role);
    }
}

/// Suspended members may read the reason.
#[tokio::test]
async fn a_suspension_is_explained() {
    let app = account_app();
    let kim = app.sign_in("kim");
    let until = app.now().plus(DAY * 7);
    app.suspend(&kim.id, "spam", Some(until)).await;
    let answer = kim.get("/api/v1/me").await;
    assert_eq!(answer.status(), 200);
    expect![[r#"{"reason":"spam","until":"2026-11-29T09:00:00.000Z"}"#]]
        .assert_eq(&answer.json()["suspension"].to_string());
    assert_eq!(answer.json()["status"], "suspended");
    app.ambient.clock.advance(DAY * 7);
    let over = kim.get("/api/v1/me").await.json();
    assert_eq!([&over["status"], &over["suspension"]], [&json!("active"), &Value::Null]);
    app.assert_credits_balance(&kim.id).await;
}

#[tokio::test]
async fn an_unchanged_account_is_not_sent_again() {
    let app = account_app();
    let kim = app.sign_in("kim");
    let tag = kim.get("/api/v1/me").await.header("etag").unwrap().to_owned();
    let again = kim.get("/api/v1/me").header("If-None-Match", &tag);
    assert_eq!(again.clone().await.status(), 304);
    app.ambient.clock.advance(DAY * 30);
    assert_eq!(again.await.status(), 200, "a month was granted");
}

#[tokio::test]
async fn visitors_and_unknown_parameters_are_refused() {
    let app = account_app();
    let kim = app.sign_in("kim");
    expect!["401 unauthenticated"].assert_eq(&app.visitor().get("/api/v1/me").await.brief());
    let answer = kim.get("/api/v1/me?user_id=user_ada").await;
    expect!["422 invalid_request, /user_id unknown_field"].assert_eq(&answer.brief());
    assert!(app.engine.dump().is_empty());
}
