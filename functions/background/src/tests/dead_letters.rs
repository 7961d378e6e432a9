//! Dead letters: a job that no worker could advance fails, and its credit is released.

use domain::generation::{LEASE, Status};
use testing::Fault;

use super::{
    outside::Outside,
    queue::Message,
    stage::{MINUTE, WorkerApp},
};

/// Received five times, failed five times: the dead letters of the queue after that.
async fn buried(stage: &WorkerApp<'_>) -> Vec<Message> {
    for _ in 0..5 {
        // Three attempts of the SDK for the first read of the job.
        for nth in 1..=3 {
            stage.app.engine.order("BatchGetItem", nth, Fault::Fail);
        }
        assert_eq!(stage.work().await.len(), 1, "the message is retried");
        stage.pass(MINUTE * 6);
    }
    assert_eq!(stage.queue.receive(), []);
    stage.queue.take_dead()
}

#[tokio::test]
async fn a_job_that_failed_five_times_ends_and_is_not_charged() {
    let outside = Outside::begin().await;
    let stage = WorkerApp::studio(&outside, "five-times");
    let job = stage.post("a red chair").await;
    stage.relay().await;
    let dead = buried(&stage).await;
    assert_eq!(dead.len(), 1);
    assert_eq!(stage.bury(&dead).await, Vec::<String>::new());
    assert_eq!(stage.ending(&job).await, "provider_unavailable");

    let before = stage.app.engine.dump();
    for _ in 0..3 {
        assert_eq!(stage.bury(&dead).await, Vec::<String>::new());
    }
    assert_eq!(stage.app.engine.dump(), before, "a repeat changes nothing");
    stage.close().await;
    outside.close().await;
}

/// The effect of a dead letter on a job in each status.
#[tokio::test]
async fn a_dead_letter_ends_what_nobody_works_on() {
    let outside = Outside::begin().await;

    let stage = WorkerApp::bria(&outside, "submitted");
    let job = stage.post("submitted").await;
    stage.step().await;
    stage.queue.hint(&job, 1);
    let dead = stage.queue.receive();
    stage.bury(&dead).await;
    assert_eq!(stage.ending(&job).await, "timed_out");
    assert_eq!(stage.hear().await, 200, "its webhook comes too late");
    assert_eq!(stage.ending(&job).await, "timed_out");
    stage.close().await;

    let stage = WorkerApp::bria(&outside, "leased");
    let job = stage.post("leased").await;
    stage.relay().await;
    stage.app.engine.order("PutItem", 1, Fault::HangAfter);
    assert_eq!(stage.app.engine.until_hung(stage.work()).await, None, "it died");
    stage.bury(&dead_of(&stage, &job)).await;
    assert_eq!(stage.job(&job).await.status, Status::Submitting, "a worker may have claimed it");
    stage.pass(LEASE);
    stage.bury(&dead_of(&stage, &job)).await;
    assert_eq!(stage.ending(&job).await, "submit_unknown");
    stage.close().await;

    let stage = WorkerApp::studio(&outside, "over");
    let job = stage.post("over").await;
    stage.step().await;
    let before = stage.app.engine.dump();
    stage.bury(&dead_of(&stage, &job)).await;
    assert_eq!(stage.app.engine.dump(), before);
    stage.close().await;
    outside.close().await;
}

/// A message for `job` in the dead-letter queue.
fn dead_of(stage: &WorkerApp<'_>, job: &domain::generation::Job) -> Vec<Message> {
    stage.queue.lose_all();
    stage.queue.hint(job, 1);
    stage.queue.receive()
}

#[tokio::test]
async fn what_never_was_a_hint_is_dropped() {
    let outside = Outside::begin().await;
    let stage = WorkerApp::studio(&outside, "dropped");
    for body in [
        r#"{"hello": "app"}"#,
        "[]",
        r#"{"user_id": "nobody", "job_id": "gen_01JD0000000000000000000000"}"#,
    ] {
        stage.queue.put(body);
    }
    stage.queue.put("not even JSON");
    let dead = stage.queue.receive();
    assert_eq!(stage.bury(&dead).await, [dead[3].id.clone()]);
    assert!(stage.app.engine.dump().is_empty());
    stage.close().await;
    outside.close().await;
}

/// The table is unavailable when the job is to be failed: the message is retried.
#[tokio::test]
async fn a_letter_stays_until_its_job_is_ended() {
    let outside = Outside::begin().await;
    let stage = WorkerApp::studio(&outside, "stays");
    let job = stage.post("a red chair").await;
    stage.relay().await;
    let dead = stage.queue.receive();
    for nth in 1..=3 {
        stage.app.engine.order("TransactWriteItems", nth, Fault::Fail);
    }
    assert_eq!(stage.bury(&dead).await, [dead[0].id.clone()]);
    assert_eq!(stage.ending(&job).await, "queued");
    assert_eq!(stage.bury(&dead).await, Vec::<String>::new());
    assert_eq!(stage.ending(&job).await, "provider_unavailable");
    stage.close().await;
    outside.close().await;
}
