//! Idempotency keys: the same key and request return the same generation, for a day.

use std::time::Duration;

use domain::plan::Plan;
use expect_test::{Expect, expect};
use serde_json::json;
use testing::{Actor, TestRequest, at_once};

use super::{Studio, order};

#[tokio::test]
async fn an_order_needs_a_usable_key() {
    let (studio, kim) = (Studio::open(), Actor::member("kim"));
    let ask = || TestRequest::by(&kim).json(json!({"prompt": "a red chair"}));
    let check = async |ask: TestRequest, expected: Expect| {
        expected.assert_eq(&studio.create(&ask).await.brief());
    };
    check(ask(), expect!["400 idempotency_key_required"]).await;
    check(ask().key(""), expect!["400 idempotency_key_invalid"]).await;
    check(ask().key("two words"), expect!["400 idempotency_key_invalid"]).await;
    check(ask().key("schlüssel"), expect!["400 idempotency_key_invalid"]).await;
    check(ask().key(&"k".repeat(256)), expect!["400 idempotency_key_invalid"]).await;
    assert_eq!(studio.create(&ask().key(&"k".repeat(255))).await.status(), 202);
}

#[tokio::test]
async fn a_repeat_is_the_same_generation() {
    let (studio, kim) = (Studio::open(), Actor::member("kim"));
    let first = studio.create(&order(&kim, "order-1")).await;
    studio.app.ambient.clock.advance(Duration::from_secs(5));
    let again = studio.create(&order(&kim, "order-1")).await;
    assert_eq!((again.status(), again.json()), (202, first.json()));
    assert_eq!(again.header("location"), first.header("location"));
    assert_eq!(studio.app.account(&kim.id).await.credits.totals().held, 1);
    studio.app.assert_credits_balance(&kim.id).await;
}

/// The answer to a repeat is the generation in its current state.
#[tokio::test]
async fn a_repeat_shows_how_far_it_is() {
    let (studio, kim) = (Studio::open(), Actor::member("kim"));
    let job = studio.created(&kim, "order-1").await;
    studio.moved(job, domain::generation::Status::Failed).await;
    let again = studio.create(&order(&kim, "order-1")).await;
    assert_eq!((again.status(), again.json()["status"].clone()), (202, json!("failed")));
    assert_eq!(again.json()["charge"]["state"], "released");
    studio.app.assert_credits_balance(&kim.id).await;
}

#[tokio::test]
async fn a_key_belongs_to_one_order() {
    let (studio, kim) = (Studio::open(), Actor::member("kim"));
    studio.created(&kim, "order-1").await;
    let other = TestRequest::by(&kim).key("order-1").json(json!({"prompt": "a blue chair"}));
    expect![[r#"
        {
          "code": "idempotency_key_reused",
          "detail": "This Idempotency-Key was used for a different request: send a new key.",
          "request_id": "00000000-0000-4000-8000-000000000001",
          "status": 422,
          "title": "Not valid",
          "type": "https://prolight.ai/problems/idempotency_key_reused"
        }"#]]
    .assert_eq(&studio.create(&other).await.pretty());
    assert_eq!(studio.app.jobs(&kim.id).await.len(), 1);
    studio.app.assert_credits_balance(&kim.id).await;
}

/// A refused request does not use its key: with credits, the same key succeeds.
#[tokio::test]
async fn a_refused_order_leaves_its_key_free() {
    let studio = Studio::open();
    let kim = studio.app.member("kim", Plan::Free, 0).await;
    assert_eq!(studio.create(&order(&kim, "order-1")).await.code(), "insufficient_credits");
    studio.app.ambient.clock.advance(Duration::from_secs(31 * 24 * 60 * 60));
    assert_eq!(studio.create(&order(&kim, "order-1")).await.status(), 202);
    studio.app.assert_credits_balance(&kim.id).await;
}

/// Repeating a request that spent the last credit is not a 402.
#[tokio::test]
async fn a_repeat_is_answered_before_any_rule_looks_at_it() {
    let studio = Studio::open();
    let kim = studio.app.member("kim", Plan::Free, 1).await;
    let first = studio.create(&order(&kim, "order-1")).await;
    assert_eq!(studio.create(&order(&kim, "order-2")).await.code(), "insufficient_credits");
    assert_eq!(studio.create(&order(&kim, "order-1")).await.json(), first.json());
    studio.app.assert_credits_balance(&kim.id).await;
}

#[tokio::test]
async fn a_key_is_forgotten_after_a_day() {
    let (studio, kim) = (Studio::open(), Actor::member("kim"));
    let first = studio.created(&kim, "order-1").await;
    studio.app.ambient.clock.advance(Duration::from_secs(24 * 60 * 60 - 1));
    assert_eq!(studio.created(&kim, "order-1").await.id, first.id);
    studio.app.ambient.clock.advance(Duration::from_secs(1));
    assert_ne!(studio.created(&kim, "order-1").await.id, first.id);
    studio.app.assert_credits_balance(&kim.id).await;
}

#[tokio::test]
async fn one_key_64_times_at_once_is_one_generation() {
    let studio = Studio::open();
    let kim = studio.app.member("kim", Plan::Pro, 500).await;
    let answers = at_once(64, |_| async { studio.create(&order(&kim, "order-1")).await });
    let [first, ..] = &answers[..] else { panic!("64 answers") };
    for answer in &answers {
        assert_eq!((answer.status(), &answer.json()["id"]), (202, &first.json()["id"]));
    }
    assert_eq!(studio.app.jobs(&kim.id).await.len(), 1);
    studio.app.assert_credits_balance(&kim.id).await;
}
