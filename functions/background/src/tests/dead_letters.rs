//! Dead letters: a job that no worker could advance fails, and its credit is released.

use domain::generation::{LEASE, Status};
use testing::{Fault, queue::QueuedMessage};

use super::{
    bria_sandbox::BriaSandbox,
    worker_app::{MINUTE, NO_FAILURES, WorkerApp},
};

/// The dead letters after a message was received five times and failed five times.
async fn failed_five_times(app: &WorkerApp<'_>) -> Vec<QueuedMessage> {
    for _ in 0..5 {
        // Three attempts of the SDK for the first read of the job.
        for nth in 1..=3 {
            app.engine.order("BatchGetItem", nth, Fault::Fail);
        }
        assert_eq!(app.process_batch().await.len(), 1, "the message is retried");
        app.advance(MINUTE * 6);
    }
    assert_eq!(app.queue.receive(), []);
    app.queue.take_dead_letters()
}

#[tokio::test]
async fn a_job_that_failed_five_times_ends_and_is_not_charged() {
    let app = WorkerApp::studio();
    let job = app.post("a red chair").await;
    app.relay().await;
    let dead = failed_five_times(&app).await;
    assert_eq!(dead.len(), 1);
    assert_eq!(app.process_dead_letters(&dead).await, NO_FAILURES);
    assert_eq!(app.outcome(&job).await, "provider_unavailable");

    let before = app.engine.dump();
    for _ in 0..3 {
        assert_eq!(app.process_dead_letters(&dead).await, NO_FAILURES);
    }
    assert_eq!(app.engine.dump(), before, "a repeat changes nothing");
    app.close().await;
}

/// The effect of a dead letter on a job in each status.
#[tokio::test]
async fn a_dead_letter_ends_a_job_that_no_worker_has_claimed() {
    let bria = BriaSandbox::start().await;

    let app = WorkerApp::bria(&bria, "submitted");
    let job = app.post("submitted").await;
    app.step().await;
    app.queue.send_job(&job, 1);
    let dead = app.queue.receive();
    app.process_dead_letters(&dead).await;
    assert_eq!(app.outcome(&job).await, "timed_out");
    assert_eq!(app.deliver_webhook().await, 200, "its webhook comes too late");
    assert_eq!(app.outcome(&job).await, "timed_out");
    app.close().await;

    let app = WorkerApp::bria(&bria, "leased");
    let job = app.post("leased").await;
    app.relay().await;
    // The first update counts the call, the second claims the job.
    app.engine.order("UpdateItem", 2, Fault::HangAfter);
    assert_eq!(app.engine.until_hung(app.process_batch()).await, None, "it died");
    app.process_dead_letters(&dead_of(&app, &job)).await;
    assert_eq!(app.job(&job).await.status, Status::Submitting, "a worker may have claimed it");
    app.advance(LEASE);
    app.process_dead_letters(&dead_of(&app, &job)).await;
    assert_eq!(app.outcome(&job).await, "submit_unknown");
    app.close().await;

    let app = WorkerApp::studio();
    let job = app.post("over").await;
    app.step().await;
    let before = app.engine.dump();
    app.process_dead_letters(&dead_of(&app, &job)).await;
    assert_eq!(app.engine.dump(), before);
    app.close().await;
    bria.close();
}

/// A message for `job` in the dead-letter queue.
fn dead_of(app: &WorkerApp<'_>, job: &domain::generation::Job) -> Vec<QueuedMessage> {
    app.queue.purge();
    app.queue.send_job(job, 1);
    app.queue.receive()
}

#[tokio::test]
async fn a_dead_letter_that_is_no_job_message_is_dropped() {
    let app = WorkerApp::studio();
    for body in [
        r#"{"hello": "app"}"#,
        "[]",
        r#"{"user_id": "nobody", "job_id": "gen_01JD0000000000000000000000"}"#,
    ] {
        app.queue.send(body);
    }
    app.queue.send("not even JSON");
    let dead = app.queue.receive();
    assert_eq!(app.process_dead_letters(&dead).await, [dead[3].id.clone()]);
    assert!(app.engine.dump().is_empty());
    app.close().await;
}

/// The table is unavailable when the job is to be failed: the message is retried.
#[tokio::test]
async fn a_dead_letter_is_retried_until_its_job_is_failed() {
    let app = WorkerApp::studio();
    let job = app.post("a red chair").await;
    app.relay().await;
    let dead = app.queue.receive();
    for nth in 1..=3 {
        app.engine.order("TransactWriteItems", nth, Fault::Fail);
    }
    assert_eq!(app.process_dead_letters(&dead).await, [dead[0].id.clone()]);
    assert_eq!(app.outcome(&job).await, "queued");
    assert_eq!(app.process_dead_letters(&dead).await, NO_FAILURES);
    assert_eq!(app.outcome(&job).await, "provider_unavailable");
    app.close().await;
}
