//! The sweep: overdue jobs get a new message a minute later.

use domain::generation::{LEASE, Status};
use testing::{Actor, Fault, queue::Availability};

use super::worker_app::{MINUTE, SECOND, WorkerApp};

#[tokio::test]
async fn a_lost_message_is_sent_again() {
    let app = WorkerApp::studio();
    let job = app.post("a red chair").await;
    app.relay().await;
    app.queue.purge();

    for (waited, messages) in [(SECOND * 19, 0), (SECOND, 1)] {
        app.advance(waited);
        app.sweep().await.unwrap();
        assert_eq!(app.queue.messages().len(), messages, "after {waited:?} more");
    }
    app.step().await;
    assert_eq!(app.outcome(&job).await, "succeeded");
    app.sweep().await.unwrap();
    assert_eq!(app.queue.messages(), [], "it is over");
    app.close().await;
}

#[tokio::test]
async fn the_job_of_a_crashed_worker_is_resumed_after_its_lease() {
    let app = WorkerApp::studio();
    let job = app.post("a red chair").await;
    app.relay().await;
    app.engine.order("UpdateItem", 1, Fault::HangAfter);
    assert_eq!(app.engine.until_hung(app.process_batch()).await, None, "it died");
    app.queue.purge();
    assert_eq!(app.job(&job).await.status, Status::Submitting);

    app.advance(LEASE);
    app.sweep().await.unwrap();
    assert_eq!(app.queue.messages(), [], "not yet");
    app.advance(MINUTE);
    app.sweep().await.unwrap();
    app.step().await;
    assert_eq!(app.outcome(&job).await, "succeeded");
    assert_eq!(app.job(&job).await.attempt, 2);
    app.close().await;
}

#[tokio::test]
async fn a_sweep_may_run_twice_at_once() {
    let app = WorkerApp::studio();
    let mut jobs = Vec::new();
    for name in ["first", "second", "third"] {
        jobs.push(app.post_by(&Actor::member(name), name).await);
    }
    app.changes();
    app.advance(MINUTE);
    let (one, other) = tokio::join!(app.sweep(), app.sweep());
    one.and(other).unwrap();
    assert_eq!(app.queue.messages().len(), 6, "each finds all three");
    app.run_until_idle().await;
    for job in &jobs {
        assert_eq!(app.outcome(job).await, "succeeded");
        assert_eq!(app.job(job).await.attempt, 1);
    }
    app.close().await;
}

/// A run that could not send fails, and the next one sends.
#[tokio::test]
async fn a_sweep_whose_queue_is_unavailable_fails_and_loses_nothing() {
    let app = WorkerApp::studio();
    let job = app.post("a red chair").await;
    app.changes();
    app.advance(MINUTE);
    app.queue.set_availability(Availability::Unavailable);
    let failed = app.sweep().await.unwrap_err();
    assert_eq!(failed, "background-sweep-generations: queue_unavailable");
    app.queue.set_availability(Availability::Available);
    app.run_until_idle().await;
    assert_eq!(app.outcome(&job).await, "succeeded");
    app.close().await;
}
