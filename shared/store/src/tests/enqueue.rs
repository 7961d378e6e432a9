//! Creating jobs: cost, races for the last credits, idempotency keys.

use domain::{ErrorKind, generation::Status};
use expect_test::expect;

use super::*;
use crate::REMEMBERED;

#[tokio::test]
async fn placing_a_job_is_one_read_and_one_transaction() {
    let app = TestApp::new();
    let user = app.member("member", Plan::Free, 10).await;
    app.engine.take_usage();
    let job = app.post(&user, &key("a"), NOW).await.unwrap();
    let usage = app.engine.take_usage();
    assert_eq!(usage.round_trips(), 2);
    // Two units each for account, job, input, ledger entry and record; one for the job's index
    // entry.
    expect![[r#"
        Usage {
            requests: {
                "BatchGetItem": 1,
                "TransactWriteItems": 1,
            },
            write_units: 11.0,
            read_units: 2.0,
        }"#]]
    .assert_eq(&format!("{usage:#?}"));

    let found = app.store.job_and_input(&user, &job.id).await.unwrap();
    assert_eq!(found.job, job);
    assert_eq!(found.input.prompt.as_deref(), Some("a red chair"));
    assert_eq!(app.engine.take_usage().round_trips(), 1);
    app.check_books(&user).await;
}

#[tokio::test]
async fn a_first_request_may_be_a_post() {
    let app = TestApp::new();
    let user = UserId::parse("new").unwrap();
    app.post(&user, &key("a"), NOW).await.unwrap();
    assert_eq!(app.engine.take_usage().round_trips(), 2);
    let totals = app.account(&user).await.credits.totals();
    assert_eq!((totals.available, totals.held), (9, 1));
    app.check_books(&user).await;
}

#[tokio::test]
async fn the_last_three_credits_of_sixty_four_posts_at_once() {
    let app = TestApp::new();
    let user = app.member("pro", Plan::Pro, 3).await;
    let answers = at_once(64, async |n| app.post(&user, &key(&format!("key {n}")), NOW).await);
    let (taken, refused): (Vec<_>, Vec<_>) = answers.into_iter().partition(Result::is_ok);
    assert_eq!(taken.len(), 3);
    for answer in refused {
        let refused = answer.unwrap_err();
        assert_eq!(refused.code(), "insufficient_credits");
        assert_eq!(refused.kind(), ErrorKind::PaymentRequired);
    }
    let totals = app.account(&user).await.credits.totals();
    assert_eq!((totals.available, totals.held), (0, 3));
    app.check_books(&user).await;
}

#[tokio::test]
async fn the_same_key_sixty_four_times_at_once_is_one_job() {
    let app = TestApp::new();
    let user = UserId::parse("new").unwrap();
    let answers = at_once(64, async |_| app.post(&user, &key("a"), NOW).await.unwrap().id);
    let jobs = app.all_jobs(&user).await;
    let [job] = &jobs[..] else { panic!("one job: {jobs:?}") };
    assert!(answers.iter().all(|id| *id == job.id));
    app.check_books(&user).await;
}

#[tokio::test]
async fn no_more_run_at_once_than_the_plan_allows() {
    let app = TestApp::new();
    let user = app.member("free", Plan::Free, 10).await;
    let answers = at_once(16, async |n| app.post(&user, &key(&format!("key {n}")), NOW).await);
    let (taken, refused): (Vec<_>, Vec<_>) = answers.into_iter().partition(Result::is_ok);
    assert_eq!(taken.len(), 2);
    for answer in refused {
        let refused = answer.unwrap_err();
        assert_eq!((refused.kind(), refused.code()), (ErrorKind::TooMany, "too_many_running"));
        assert_eq!(refused.retry_after_s(), Some(10));
    }
    app.check_books(&user).await;
}

#[tokio::test]
async fn members_do_not_wait_for_each_other() {
    let app = TestApp::new();
    let answers = at_once(32, async |n| {
        let user = UserId::parse(&format!("member_{n}")).unwrap();
        app.post(&user, &key("a"), NOW).await.unwrap();
        user
    });
    for user in answers {
        app.check_books(&user).await;
    }
}

#[tokio::test]
async fn the_same_key_for_another_request_is_refused() {
    let app = TestApp::new();
    let user = app.member("member", Plan::Free, 10).await;
    app.post(&user, &key("a"), NOW).await.unwrap();
    let other = Idempotency { fingerprint: "another".to_owned(), ..key("a") };
    let refused = app.post(&user, &other, NOW).await.unwrap_err();
    assert_eq!((refused.kind(), refused.code()), (ErrorKind::Invalid, "idempotency_key_reused"));
    app.check_books(&user).await;

    let neighbour = app.member("neighbour", Plan::Free, 10).await;
    app.post(&neighbour, &other, NOW).await.expect("keys are per member");
}

#[tokio::test]
async fn a_repeat_is_answered_with_the_job_as_it_is_by_then() {
    let app = TestApp::new();
    let user = app.member("member", Plan::Free, 1).await;
    let job = app.post(&user, &key("a"), NOW).await.unwrap();
    let again = app.post(&user, &key("a"), NOW).await;
    assert_eq!(again.unwrap(), job, "although there is no credit left");
    assert_eq!(code(app.post(&user, &key("b"), NOW).await), "insufficient_credits");

    let claimed = app.claimed(job, NOW).await;
    let again = app.post(&user, &key("a"), NOW.plus(SECOND)).await.unwrap();
    assert_eq!(again, claimed);
    app.check_books(&user).await;
}

#[tokio::test]
async fn a_key_is_remembered_for_a_day() {
    let app = TestApp::new();
    let user = app.member("member", Plan::Free, 10).await;
    let job = app.post(&user, &key("a"), NOW).await.unwrap();
    let late = NOW.plus(REMEMBERED);
    let same = app.post(&user, &key("a"), late.minus(SECOND)).await.unwrap();
    assert_eq!(same.id, job.id);
    let other = app.post(&user, &key("a"), late).await.unwrap();
    assert_ne!(other.id, job.id, "although the record is in the table still");
    let again = app.post(&user, &key("a"), late.plus(SECOND)).await.unwrap();
    assert_eq!(again.id, other.id);
    app.check_books(&user).await;
}

#[tokio::test]
async fn too_few_credits_say_when_more_come() {
    let app = TestApp::new();
    let user = app.member("member", Plan::Free, 0).await;
    let refused = app.post(&user, &key("a"), NOW).await.unwrap_err();
    let members: BTreeMap<&str, serde_json::Value> = refused.extensions().into_iter().collect();
    assert_eq!(members["missing"], 1);
    assert_eq!(members["next_grant_at"], NOW.plus_months(1).to_string());

    app.post(&user, &key("a"), NOW.plus_months(1)).await.expect("a refusal frees the key");
    app.check_books(&user).await;
}

#[tokio::test]
async fn a_job_is_its_members_own() {
    let app = TestApp::new();
    let user = app.member("member", Plan::Free, 10).await;
    let other = app.member("other", Plan::Free, 10).await;
    let job = app.posted(&user, NOW).await;
    assert_eq!(code(app.store.job(&other, &job.id).await), "generation_not_found");
    assert_eq!(code(app.store.job_and_input(&other, &job.id).await), "generation_not_found");
    let cancel = app.store.cancel(&other, &job.id, None, NOW).await;
    assert_eq!(code(cancel), "generation_not_found");
    assert_eq!(app.store.job(&user, &job.id).await.unwrap().status, Status::Queued);
    app.check_books(&user).await;
    app.check_books(&other).await;
}
