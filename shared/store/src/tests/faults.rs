//! Faults around a transaction: conflicts, throttles, failures and lost answers.

use domain::ErrorKind;
use testing::engine::Fault;

use super::*;

/// What the first caller gets.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Outcome {
    Yes,
    Busy,
    Unavailable,
}

/// Creates a job under these faults of the transaction, then again under the same key: there is one
/// job, one hold, and the second answer is about it.
async fn check(faults: &[Fault], expected: Outcome) {
    let app = TestApp::new();
    let user = app.member("member", Plan::Free, 10).await;
    for (fault, nth) in faults.iter().zip(1..) {
        app.engine.order("TransactWriteItems", nth, *fault);
    }
    let first = app.post(&user, &key("a"), NOW).await;
    let outcome = match first.as_ref().map_err(|refused| refused.code()) {
        Ok(_) => Outcome::Yes,
        Err("account_busy") => Outcome::Busy,
        Err("temporarily_unavailable") => Outcome::Unavailable,
        Err(other) => panic!("{other} after {faults:?}"),
    };
    assert_eq!(outcome, expected, "{faults:?}");
    if let Err(refused) = &first {
        assert_eq!(refused.kind(), ErrorKind::Unavailable);
        assert_eq!(refused.retry_after_s(), Some(1));
    }
    app.check_books(&user).await;

    let second = app.post(&user, &key("a"), NOW).await.unwrap();
    if let Ok(first) = first {
        assert_eq!(first, second, "{faults:?}");
    }
    let totals = app.account(&user).await.credits.totals();
    assert_eq!((totals.available, totals.held), (9, 1), "{faults:?}");
    assert_eq!(app.all_jobs(&user).await.len(), 1, "{faults:?}");
    app.check_books(&user).await;
}

#[tokio::test]
async fn a_post_takes_effect_once_whatever_becomes_of_its_transaction() {
    use Fault::{Conflict, Fail, LoseAnswer, Throttle};
    check(&[Conflict], Outcome::Yes).await;
    check(&[Conflict; 5], Outcome::Yes).await;
    check(&[Conflict; 6], Outcome::Busy).await;
    check(&[Throttle], Outcome::Yes).await;
    check(&[Throttle; 3], Outcome::Unavailable).await;
    check(&[Fail], Outcome::Yes).await;
    check(&[Fail; 3], Outcome::Unavailable).await;
    check(&[LoseAnswer], Outcome::Yes).await;
    check(&[LoseAnswer; 2], Outcome::Yes).await;
    check(&[LoseAnswer; 3], Outcome::Unavailable).await;
    check(&[Conflict, Throttle, Fail, Conflict, LoseAnswer], Outcome::Yes).await;
}

#[tokio::test]
async fn a_job_ends_once_although_the_answer_was_lost() {
    let app = TestApp::new();
    let user = app.member("member", Plan::Free, 10).await;
    let job = app.posted(&user, NOW).await;
    let job = app.submitted(job, NOW).await;
    let end = async || app.store.settle(&job, NOW, |job, d| job.succeed(d, stored())).await;
    for nth in 1..=3 {
        app.engine.order("TransactWriteItems", nth, Fault::LoseAnswer);
    }
    assert_eq!(code(end().await), "temporarily_unavailable");
    assert!(matches!(end().await, Ok(crate::Settled::Elsewhere)));
    assert_eq!(app.account(&user).await.credits.totals().spent, 1);
    app.check_books(&user).await;
}

#[tokio::test]
async fn a_claim_is_known_to_be_ours_although_the_answer_was_lost() {
    let app = TestApp::new();
    let user = app.member("member", Plan::Free, 10).await;
    let job = app.posted(&user, NOW).await;
    // Two workers in the same millisecond write the same item, except for the random mark.
    let claimed = job.clone().claim_submit(NOW);
    app.engine.order("UpdateItem", 1, Fault::LoseAnswer);
    assert!(app.store.advance(&job, &claimed).await.unwrap());
    assert!(!app.store.advance(&job, &claimed).await.unwrap());
    assert_eq!(app.store.job(&user, &job.id).await.unwrap(), claimed);

    let accepted = claimed.clone().accept("request_1", NOW);
    for nth in 1..=3 {
        app.engine.order("UpdateItem", nth, Fault::LoseAnswer);
    }
    let lost = app.store.advance(&claimed, &accepted).await;
    assert_eq!(code(lost), "temporarily_unavailable");
    assert!(!app.store.advance(&claimed, &accepted).await.unwrap());
    app.check_books(&user).await;
}

#[tokio::test]
async fn reads_are_tried_again_and_then_given_up_without_effect() {
    let app = TestApp::new();
    let user = app.member("member", Plan::Free, 10).await;
    app.engine.order("BatchGetItem", 1, Fault::Throttle);
    app.engine.order("BatchGetItem", 2, Fault::Fail);
    app.post(&user, &key("a"), NOW).await.unwrap();

    for nth in 1..=3 {
        app.engine.order("BatchGetItem", nth, Fault::Fail);
    }
    assert_eq!(code(app.post(&user, &key("b"), NOW).await), "temporarily_unavailable");
    assert_eq!(app.all_jobs(&user).await.len(), 1);
    app.check_books(&user).await;
}
