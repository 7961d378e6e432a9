//! The sweep: overdue jobs get a new message a minute later.

use domain::generation::{LEASE, Status};
use testing::{Actor, Fault};

use super::{
    outside::Outside,
    queue::Mood,
    stage::{MINUTE, SECOND, WorkerApp},
};

#[tokio::test]
async fn a_lost_hint_is_sent_again() {
    let outside = Outside::begin().await;
    let stage = WorkerApp::studio(&outside, "lost");
    let job = stage.post("a red chair").await;
    stage.relay().await;
    stage.queue.lose_all();

    for (waited, hints) in [(SECOND * 19, 0), (SECOND, 1)] {
        stage.pass(waited);
        stage.sweep().await.unwrap();
        assert_eq!(stage.queue.waiting().len(), hints, "after {waited:?} more");
    }
    stage.step().await;
    assert_eq!(stage.ending(&job).await, "succeeded");
    stage.sweep().await.unwrap();
    assert_eq!(stage.queue.waiting(), [], "it is over");
    stage.close().await;
    outside.close().await;
}

#[tokio::test]
async fn a_dead_workers_job_is_taken_up_when_its_lease_is_over() {
    let outside = Outside::begin().await;
    let stage = WorkerApp::studio(&outside, "dead-worker");
    let job = stage.post("a red chair").await;
    stage.relay().await;
    stage.app.engine.order("PutItem", 1, Fault::HangAfter);
    assert_eq!(stage.app.engine.until_hung(stage.work()).await, None, "it died");
    stage.queue.lose_all();
    assert_eq!(stage.job(&job).await.status, Status::Submitting);

    stage.pass(LEASE);
    stage.sweep().await.unwrap();
    assert_eq!(stage.queue.waiting(), [], "not yet");
    stage.pass(MINUTE);
    stage.sweep().await.unwrap();
    stage.step().await;
    assert_eq!(stage.ending(&job).await, "succeeded");
    assert_eq!(stage.job(&job).await.attempt, 2);
    stage.close().await;
    outside.close().await;
}

#[tokio::test]
async fn a_sweep_may_run_twice_at_once() {
    let outside = Outside::begin().await;
    let stage = WorkerApp::studio(&outside, "twice");
    let mut jobs = Vec::new();
    for name in ["first", "second", "third"] {
        jobs.push(stage.post_by(&Actor::member(name), name).await);
    }
    stage.outbox();
    stage.pass(MINUTE);
    let (one, other) = tokio::join!(stage.sweep(), stage.sweep());
    one.and(other).unwrap();
    assert_eq!(stage.queue.waiting().len(), 6, "each finds all three");
    stage.until_quiet().await;
    for job in &jobs {
        assert_eq!(stage.ending(job).await, "succeeded");
        assert_eq!(stage.job(job).await.attempt, 1);
    }
    stage.close().await;
    outside.close().await;
}

/// A run that could not send fails, and the next one sends.
#[tokio::test]
async fn a_sweep_whose_queue_is_away_fails_and_loses_nothing() {
    let outside = Outside::begin().await;
    let stage = WorkerApp::studio(&outside, "away");
    let job = stage.post("a red chair").await;
    stage.outbox();
    stage.pass(MINUTE);
    stage.queue.is_now(Mood::Away);
    let failed = stage.sweep().await.unwrap_err();
    assert!(format!("{failed:?}").starts_with("retry"), "{failed:?}");
    stage.queue.is_now(Mood::Willing);
    stage.until_quiet().await;
    assert_eq!(stage.ending(&job).await, "succeeded");
    stage.close().await;
    outside.close().await;
}
