//! Cancelling a generation.

use domain::generation::Status;
use expect_test::{Expect, expect};
use serde_json::json;
use testing::{Actor, TestRequest, at_once};

use super::{Studio, follow::about};

#[tokio::test]
async fn a_queued_generation_is_taken_back_for_free() {
    let (studio, kim) = (Studio::open(), Actor::member("kim"));
    let job = studio.created(&kim, "k").await;
    let answer = studio.cancel(&about(&kim, &job)).await;
    assert_eq!(answer.status(), 200);
    expect![[r#"
        {
          "aspect_ratio": "1:1",
          "charge": {
            "credits": 1,
            "lots": [
              {
                "credits": 1,
                "lot": "free:2026-11-22T09:00:00.000Z"
              }
            ],
            "state": "released"
          },
          "created_at": "2026-11-22T09:00:00.000Z",
          "id": "gen_01M817QNM00000000000000001",
          "links": {
            "cancel": "https://api.prolight.test/test/api/v1/generations/gen_01M817QNM00000000000000001/cancel",
            "self": "https://api.prolight.test/test/api/v1/generations/gen_01M817QNM00000000000000001"
          },
          "provider": "bria",
          "quality": "standard",
          "seed": 0,
          "status": "cancelled",
          "updated_at": "2026-11-22T09:00:00.000Z"
        }"#]].assert_eq(&answer.pretty());
    let totals = studio.app.account(&kim.id).await.credits.totals();
    assert_eq!((totals.available, totals.held, totals.spent), (10, 0, 0));
    studio.app.assert_credits_balance(&kim.id).await;
}

#[tokio::test]
async fn what_has_begun_or_is_over_is_not_taken_back() {
    let check = async |status: Status, charge: &str, code: &str, detail: &str| {
        let (studio, kim) = (Studio::open(), Actor::member("kim"));
        let job = studio.created(&kim, "k").await;
        let job = studio.moved(job, status).await;
        let answer = studio.cancel(&about(&kim, &job)).await;
        assert_eq!(answer.brief(), format!("409 {code}"), "{status:?}");
        let problem = answer.json();
        assert_eq!(problem["charge"]["state"], charge, "{status:?}");
        assert_eq!(problem["detail"], detail, "{status:?}");
        assert_eq!(studio.app.store.job(&kim.id, &job.id).await.unwrap(), job);
        studio.app.assert_credits_balance(&kim.id).await;
    };
    let (begun, over) = ("generation_already_submitted", "generation_finished");
    let warning = "The provider has this generation and cannot be stopped. 1 credit(s) are charged \
                   if an image arrives, none if it fails.";
    check(Status::Submitting, "held", begun, warning).await;
    check(Status::Submitted, "held", begun, warning).await;
    let end = |how: &str| format!("This generation is over already: {how}.");
    check(Status::Succeeded, "captured", over, &end("succeeded")).await;
    check(Status::Failed, "released", over, &end("failed")).await;
    check(Status::Cancelled, "released", over, &end("cancelled")).await;
}

/// With a key a repeat returns the first answer; without one it is a 409.
#[tokio::test]
async fn a_repeat_with_the_key_is_the_same_answer() {
    let (studio, kim) = (Studio::open(), Actor::member("kim"));
    let job = studio.created(&kim, "k").await;
    let first = studio.cancel(&about(&kim, &job).key("take-back")).await;
    let again = studio.cancel(&about(&kim, &job).key("take-back")).await;
    assert_eq!((again.status(), again.json()), (200, first.json()));
    assert_eq!(studio.cancel(&about(&kim, &job)).await.code(), "generation_finished");
    let other = studio.created(&kim, "k2").await;
    let reused = studio.cancel(&about(&kim, &other).key("take-back")).await;
    assert_eq!(reused.brief(), "422 idempotency_key_reused");
    // The key of the creating request belongs to another request.
    let reused = studio.cancel(&about(&kim, &other).key("k2")).await;
    assert_eq!(reused.brief(), "422 idempotency_key_reused");
    studio.app.assert_credits_balance(&kim.id).await;
}

#[tokio::test]
async fn two_who_take_back_at_once_release_one_credit() {
    let (studio, kim) = (Studio::open(), Actor::member("kim"));
    let job = studio.created(&kim, "k").await;
    let mut answers: Vec<String> =
        at_once(16, |_| async { studio.cancel(&about(&kim, &job)).await.brief() });
    answers.sort();
    assert_eq!(answers[0], "200");
    assert!(answers[1..].iter().all(|answer| answer == "409 generation_finished"), "{answers:?}");
    assert_eq!(studio.app.account(&kim.id).await.credits.totals().available, 10);
    studio.app.assert_credits_balance(&kim.id).await;
}

#[tokio::test]
async fn only_its_member_takes_it_back_and_not_while_suspended() {
    let (studio, kim, ada) = (Studio::open(), Actor::member("kim"), Actor::member("ada"));
    let job = studio.created(&kim, "k").await;
    let check = async |ask: TestRequest, expected: Expect| {
        expected.assert_eq(&studio.cancel(&ask).await.brief());
    };
    check(about(&ada, &job), expect!["404 generation_not_found"]).await;
    check(about(&Actor::admin(), &job), expect!["404 generation_not_found"]).await;
    check(TestRequest::by(&kim).path("id", "latest"), expect!["404 generation_not_found"]).await;
    check(TestRequest::anonymous().path("id", &job.id), expect!["401 unauthenticated"]).await;
    let reason = json!({"reason": "too slow"});
    check(about(&kim, &job).json(reason), expect!["422 invalid_request, /reason unknown_field"])
        .await;
    studio.app.suspend(&kim.id, "spam", None).await;
    check(about(&kim, &job), expect!["403 account_suspended"]).await;
    assert_eq!(studio.app.store.job(&kim.id, &job.id).await.unwrap(), job);
    studio.app.assert_credits_balance(&kim.id).await;
}
