//! Bria's webhooks: duplicate, late, early, forged or missing, a job ends once and the same way.

use domain::generation::{Job, Status};
use sandbox::{
    faults::{Order, WebhookFault},
    route::Route,
};

use super::{
    outside::Outside,
    stage::{SECOND, WorkerApp},
};

/// Posts a job whose webhook meets `fault`.
async fn posted(outside: &Outside, stage: &WorkerApp<'_>, fault: WebhookFault) -> Job {
    outside.order(Order::next(fault.into()));
    let job = stage.post("a red chair").await;
    stage.relay().await;
    job
}

/// The job succeeded after one submit, and nothing changes it afterwards.
async fn close(outside: &Outside, stage: WorkerApp<'_>, job: &Job) {
    assert_eq!(stage.ending(job).await, "succeeded");
    let ended = stage.job(job).await;
    stage.until_quiet().await;
    assert_eq!(stage.job(job).await, ended);
    assert_eq!(outside.calls(Route::GenerateLite, job.id.as_str()), 1);
    stage.close().await;
}

#[tokio::test]
async fn a_doubled_notice_is_heard_once() {
    let outside = Outside::begin().await;
    let stage = WorkerApp::bria(&outside, "doubled");
    let job = posted(&outside, &stage, WebhookFault::Duplicate { copies: 4 }).await;
    stage.work().await;
    for _ in 0..3 {
        assert_eq!(stage.hear().await, 200);
    }
    stage.step().await;
    let ended = stage.job(&job).await;
    for _ in 0..2 {
        assert_eq!(stage.hear().await, 200, "after the end, too");
    }
    assert_eq!(stage.job(&job).await, ended);
    close(&outside, stage, &job).await;
    outside.close().await;
}

#[tokio::test]
async fn a_late_notice_changes_nothing() {
    let outside = Outside::begin().await;
    let stage = WorkerApp::bria(&outside, "late");
    let job = posted(&outside, &stage, WebhookFault::Late { delay_ms: 1 }).await;
    stage.work().await;
    stage.relay().await;
    stage.pass(SECOND * 45);
    stage.step().await;
    let ended = stage.job(&job).await;
    assert_eq!(ended.status, Status::Succeeded, "a poll came first");
    assert_eq!(stage.hear().await, 200);
    assert_eq!(stage.job(&job).await, ended);
    close(&outside, stage, &job).await;
    outside.close().await;
}

/// It arrives while the worker still waits for the answer to its submit.
#[tokio::test]
async fn an_early_notice_names_the_request() {
    let outside = Outside::begin().await;
    let stage = WorkerApp::bria(&outside, "early");
    let job = posted(&outside, &stage, WebhookFault::Early).await;
    stage.hearing(stage.work()).await;
    let named = stage.job(&job).await;
    assert_eq!((named.status, named.lease_until), (Status::Submitted, None));
    assert_eq!(named.due_at, Some(stage.now()), "the image can be fetched");
    assert!(named.request_id.is_some());
    stage.step().await;
    close(&outside, stage, &job).await;
    outside.close().await;
}

/// It reports a failure without Bria's signature.
#[tokio::test]
async fn a_forged_notice_is_refused() {
    let outside = Outside::begin().await;
    let stage = WorkerApp::bria(&outside, "forged");
    let job = posted(&outside, &stage, WebhookFault::Forged).await;
    stage.work().await;
    let before = stage.job(&job).await;
    assert_eq!(stage.hear().await, 400);
    assert_eq!(stage.job(&job).await, before);
    assert_eq!(stage.hear().await, 200, "the genuine one");
    stage.step().await;
    close(&outside, stage, &job).await;
    outside.close().await;
}

/// Two webhooks at once, while a worker polls: all of them meet write conflicts.
#[tokio::test]
async fn notices_and_a_poll_at_once() {
    let outside = Outside::begin().await;
    let stage = WorkerApp::bria(&outside, "at-once");
    let job = posted(&outside, &stage, WebhookFault::Duplicate { copies: 1 }).await;
    stage.work().await;
    stage.relay().await;
    stage.pass(SECOND * 45);
    let answered = async { (stage.hear().await, stage.hear().await) };
    let (failed, answered) = tokio::join!(stage.work(), answered);
    assert_eq!((failed, answered), (Vec::new(), (200, 200)));
    stage.until_quiet().await;
    close(&outside, stage, &job).await;
    outside.close().await;
}

#[tokio::test]
async fn a_missing_notice_costs_a_minute() {
    let outside = Outside::begin().await;
    let stage = WorkerApp::bria(&outside, "missing");
    let job = posted(&outside, &stage, WebhookFault::Dropped).await;
    stage.work().await;
    stage.until_quiet().await;
    let ended = stage.job(&job).await;
    assert!(ended.created_at.until(ended.finished_at.unwrap()) <= SECOND * 60);
    close(&outside, stage, &job).await;
    outside.close().await;
}
