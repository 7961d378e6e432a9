//! Idempotency keys: the same key and request return the same generation, for a day.

use std::time::Duration;

use domain::plan::Plan;
use expect_test::{Expect, expect};
use serde_json::json;
use testing::{ClientRequest, at_once};

use super::{advanced, bria_app, cancel_generation, created, post_generation};

#[tokio::test]
async fn a_generation_request_needs_a_valid_key() {
    let app = bria_app();
    let kim = app.sign_in("kim");
    let without_key = || kim.post("/api/v1/generations").json(json!({"prompt": "a red chair"}));
    let check = async |request: ClientRequest<'_>, expected: Expect| {
        expected.assert_eq(&request.await.brief());
    };
    check(without_key(), expect!["400 idempotency_key_required"]).await;
    check(without_key().key(""), expect!["400 idempotency_key_invalid"]).await;
    check(without_key().key("two words"), expect!["400 idempotency_key_invalid"]).await;
    check(without_key().key("schlüssel"), expect!["400 idempotency_key_invalid"]).await;
    check(without_key().key(&"k".repeat(256)), expect!["400 idempotency_key_invalid"]).await;
    assert_eq!(without_key().key(&"k".repeat(255)).await.status(), 202);
}

#[tokio::test]
async fn a_repeat_is_the_same_generation() {
    let app = bria_app();
    let kim = app.sign_in("kim");
    let first = post_generation(&kim, "chair-1").await;
    app.ambient.clock.advance(Duration::from_secs(5));
    let again = post_generation(&kim, "chair-1").await;
    assert_eq!((again.status(), again.json()), (202, first.json()));
    assert_eq!(again.header("location"), first.header("location"));
    assert_eq!(app.account(&kim.id).await.credits.totals().held, 1);
    app.assert_credits_balance(&kim.id).await;
}

/// The answer to a repeat is the generation in its current state.
#[tokio::test]
async fn a_repeat_shows_the_current_state() {
    let app = bria_app();
    let kim = app.sign_in("kim");
    let job = created(&kim, "chair-1").await;
    advanced(&app, job, domain::generation::Status::Failed).await;
    let again = post_generation(&kim, "chair-1").await;
    assert_eq!((again.status(), again.json()["status"].clone()), (202, json!("failed")));
    assert_eq!(again.json()["charge"]["status"], "released");
    app.assert_credits_balance(&kim.id).await;
}

/// The key is remembered for longer than the generation, and makes no other.
#[tokio::test]
async fn a_repeat_of_a_deleted_generation_is_not_found() {
    let app = bria_app();
    let kim = app.sign_in("kim");
    let job = created(&kim, "chair-1").await;
    assert_eq!(cancel_generation(&kim, &job.id).await.status(), 200);
    let deleted = kim.delete(format!("/api/v1/generations/{}", job.id)).await;
    assert_eq!(deleted.status(), 204);
    assert_eq!(post_generation(&kim, "chair-1").await.brief(), "404 generation_not_found");
    assert!(app.jobs(&kim.id).await.is_empty());
    app.assert_credits_balance(&kim.id).await;
}

#[tokio::test]
async fn a_key_belongs_to_one_request() {
    let app = bria_app();
    let kim = app.sign_in("kim");
    created(&kim, "chair-1").await;
    let other =
        kim.post("/api/v1/generations").key("chair-1").json(json!({"prompt": "a blue chair"}));
    expect![[r#"
        {
          "code": "idempotency_key_reused",
          "detail": "This Idempotency-Key was used for a different request: send a new key.",
          "request_id": "00000000-0000-4000-8000-000000000001",
          "status": 422,
          "title": "Not valid",
          "type": "https://api.prolight.test/test/docs/problems/idempotency_key_reused"
        }"#]]
    .assert_eq(&other.await.pretty());
    assert_eq!(app.jobs(&kim.id).await.len(), 1);
    app.assert_credits_balance(&kim.id).await;
}

/// With credits, the same key succeeds.
#[tokio::test]
async fn a_refused_request_does_not_use_its_key() {
    let app = bria_app();
    let kim = app.client(&app.member("kim", Plan::Free, 0).await);
    assert_eq!(post_generation(&kim, "chair-1").await.code(), "insufficient_credits");
    app.ambient.clock.advance(Duration::from_secs(31 * 24 * 60 * 60));
    assert_eq!(post_generation(&kim, "chair-1").await.status(), 202);
    app.assert_credits_balance(&kim.id).await;
}

/// Repeating a request that spent the last credit is not a 402.
#[tokio::test]
async fn a_repeat_is_answered_before_any_rule_is_checked() {
    let app = bria_app();
    let kim = app.client(&app.member("kim", Plan::Free, 1).await);
    let first = post_generation(&kim, "chair-1").await;
    assert_eq!(post_generation(&kim, "chair-2").await.code(), "insufficient_credits");
    assert_eq!(post_generation(&kim, "chair-1").await.json(), first.json());
    app.assert_credits_balance(&kim.id).await;
}

#[tokio::test]
async fn a_key_expires_after_a_day() {
    let app = bria_app();
    let kim = app.sign_in("kim");
    let first = created(&kim, "chair-1").await;
    app.ambient.clock.advance(Duration::from_secs(24 * 60 * 60 - 1));
    assert_eq!(created(&kim, "chair-1").await.id, first.id);
    app.ambient.clock.advance(Duration::from_secs(1));
    assert_ne!(created(&kim, "chair-1").await.id, first.id);
    app.assert_credits_balance(&kim.id).await;
}

#[tokio::test]
async fn one_key_64_times_at_once_is_one_generation() {
    let app = bria_app();
    let kim = app.client(&app.member("kim", Plan::Pro, 500).await);
    let answers = at_once(64, |_| post_generation(&kim, "chair-1"));
    let [first, ..] = &answers[..] else { panic!("64 answers") };
    for answer in &answers {
        assert_eq!((answer.status(), &answer.json()["id"]), (202, &first.json()["id"]));
    }
    assert_eq!(app.jobs(&kim.id).await.len(), 1);
    app.assert_credits_balance(&kim.id).await;
}
