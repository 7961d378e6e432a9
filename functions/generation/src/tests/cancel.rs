//! Cancelling a generation.

use domain::generation::Status;
use expect_test::{Expect, expect};
use serde_json::json;
use testing::{Actor, Answer, ClientRequest, at_once};

use super::{advanced, bria_app, cancel_generation, created};

#[tokio::test]
async fn a_queued_generation_is_cancelled_for_free() {
    let app = bria_app();
    let kim = app.sign_in("kim");
    let job = created(&kim, "k").await;
    let answer = cancel_generation(&kim, &job.id).await;
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
            "status": "released"
          },
          "created_at": "2026-11-22T09:00:00.000Z",
          "favourite": false,
          "finished_at": "2026-11-22T09:00:00.000Z",
          "id": "gen_01M817QNM00000000000000001",
          "links": {
            "self": "https://api.prolight.test/test/api/v1/generations/gen_01M817QNM00000000000000001"
          },
          "provider": "bria",
          "quality": "standard",
          "seed": 0,
          "status": "cancelled",
          "updated_at": "2026-11-22T09:00:00.000Z"
        }"#]].assert_eq(&answer.pretty());
    let totals = app.account(&kim.id).await.credits.totals();
    assert_eq!((totals.available, totals.held, totals.spent), (10, 0, 0));
    app.assert_credits_balance(&kim.id).await;
}

#[tokio::test]
async fn a_submitted_or_finished_generation_is_not_cancelled() {
    let check = async |status: Status, charge: &str, code: &str, detail: &str| {
        let app = bria_app();
        let kim = app.sign_in("kim");
        let job = created(&kim, "k").await;
        let job = advanced(&app, job, status).await;
        let answer = cancel_generation(&kim, &job.id).await;
        assert_eq!(answer.brief(), format!("409 {code}"), "{status:?}");
        let problem = answer.json();
        assert_eq!(problem["charge"]["status"], charge, "{status:?}");
        assert_eq!(problem["detail"], detail, "{status:?}");
        assert_eq!(app.store.job(&kim.id, &job.id).await.unwrap(), job);
        app.assert_credits_balance(&kim.id).await;
    };
    let (begun, over) = ("generation_already_submitted", "generation_finished");
    let warning = "The provider has this generation and cannot be stopped. If an image arrives it \
                   costs 1 credit, nothing if it fails.";
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
    let app = bria_app();
    let kim = app.sign_in("kim");
    let job = created(&kim, "k").await;
    let first = cancel_generation(&kim, &job.id).key("cancel-1").await;
    let again = cancel_generation(&kim, &job.id).key("cancel-1").await;
    assert_eq!((again.status(), again.json()), (200, first.json()));
    assert_eq!(cancel_generation(&kim, &job.id).await.code(), "generation_finished");
    let other = created(&kim, "k2").await;
    let reused = cancel_generation(&kim, &other.id).key("cancel-1").await;
    assert_eq!(reused.brief(), "422 idempotency_key_reused");
    // The key of the creating request belongs to another request.
    let reused = cancel_generation(&kim, &other.id).key("k2").await;
    assert_eq!(reused.brief(), "422 idempotency_key_reused");
    app.assert_credits_balance(&kim.id).await;
}

#[tokio::test]
async fn concurrent_cancellations_release_one_credit() {
    let app = bria_app();
    let kim = app.sign_in("kim");
    let job = created(&kim, "k").await;
    let answers = at_once(16, |_| cancel_generation(&kim, &job.id));
    let mut answers: Vec<String> = answers.iter().map(Answer::brief).collect();
    answers.sort();
    assert_eq!(answers[0], "200");
    assert!(answers[1..].iter().all(|answer| answer == "409 generation_finished"), "{answers:?}");
    assert_eq!(app.account(&kim.id).await.credits.totals().available, 10);
    app.assert_credits_balance(&kim.id).await;
}

#[tokio::test]
async fn only_its_member_cancels_it_and_not_while_suspended() {
    let app = bria_app();
    let (kim, ada) = (app.sign_in("kim"), app.sign_in("ada"));
    let job = created(&kim, "k").await;
    let check = async |request: ClientRequest<'_>, expected: Expect| {
        expected.assert_eq(&request.await.brief());
    };
    let admin = app.client(&Actor::admin());
    check(cancel_generation(&ada, &job.id), expect!["404 generation_not_found"]).await;
    check(cancel_generation(&admin, &job.id), expect!["404 generation_not_found"]).await;
    check(cancel_generation(&kim, "latest"), expect!["404 generation_not_found"]).await;
    check(cancel_generation(&app.visitor(), &job.id), expect!["401 unauthenticated"]).await;
    let reason = json!({"reason": "too slow"});
    check(
        cancel_generation(&kim, &job.id).json(reason),
        expect!["422 invalid_request, /reason unknown_field"],
    )
    .await;
    app.suspend(&kim.id, "spam", None).await;
    check(cancel_generation(&kim, &job.id), expect!["403 account_suspended"]).await;
    assert_eq!(app.store.job(&kim.id, &job.id).await.unwrap(), job);
    app.assert_credits_balance(&kim.id).await;
}
