//! Bria's webhooks: duplicate, late, early, forged or missing, a job ends once and the same way.

use domain::generation::{Job, Status};
use sandbox::{
    faults::{Order, WebhookFault},
    route::Route,
};

use super::{
    bria_sandbox::BriaSandbox,
    worker_app::{SECOND, WorkerApp},
};

/// Posts a job whose webhook meets `fault`.
async fn posted(bria: &BriaSandbox, app: &WorkerApp<'_>, fault: WebhookFault) -> Job {
    bria.order(Order::next(fault.into()));
    let job = app.post("a red chair").await;
    app.relay().await;
    job
}

/// The job succeeded after one submit, and nothing changes it afterwards.
async fn close(bria: &BriaSandbox, app: WorkerApp<'_>, job: &Job) {
    assert_eq!(app.outcome(job).await, "succeeded");
    let ended = app.job(job).await;
    app.run_until_idle().await;
    assert_eq!(app.job(job).await, ended);
    assert_eq!(bria.calls(Route::GenerateLite, job.id.as_str()), 1);
    app.close().await;
}

#[tokio::test]
async fn a_duplicate_webhook_takes_effect_once() {
    let bria = BriaSandbox::start().await;
    let app = WorkerApp::bria(&bria, "doubled");
    let job = posted(&bria, &app, WebhookFault::Duplicate { copies: 4 }).await;
    app.process_batch().await;
    for _ in 0..3 {
        assert_eq!(app.deliver_webhook().await, 200);
    }
    app.step().await;
    let ended = app.job(&job).await;
    for _ in 0..2 {
        assert_eq!(app.deliver_webhook().await, 200, "after the end, too");
    }
    assert_eq!(app.job(&job).await, ended);
    close(&bria, app, &job).await;
    bria.close();
}

#[tokio::test]
async fn a_late_webhook_changes_nothing() {
    let bria = BriaSandbox::start().await;
    let app = WorkerApp::bria(&bria, "late");
    let job = posted(&bria, &app, WebhookFault::Late { delay_ms: 1 }).await;
    app.process_batch().await;
    app.relay().await;
    app.advance(SECOND * 45);
    app.step().await;
    let ended = app.job(&job).await;
    assert_eq!(ended.status, Status::Succeeded, "a poll came first");
    assert_eq!(app.deliver_webhook().await, 200);
    assert_eq!(app.job(&job).await, ended);
    close(&bria, app, &job).await;
    bria.close();
}

/// It arrives while the worker still waits for the answer to its submit.
#[tokio::test]
async fn an_early_webhook_names_the_request() {
    let bria = BriaSandbox::start().await;
    let app = WorkerApp::bria(&bria, "early");
    let job = posted(&bria, &app, WebhookFault::Early).await;
    app.while_delivering_webhooks(app.process_batch()).await;
    let named = app.job(&job).await;
    assert_eq!((named.status, named.lease_until), (Status::Submitted, None));
    assert_eq!(named.due_at, Some(app.now()), "the image can be fetched");
    assert!(named.request_id.is_some());
    app.step().await;
    close(&bria, app, &job).await;
    bria.close();
}

/// It reports a failure without Bria's signature.
#[tokio::test]
async fn a_forged_webhook_is_refused() {
    let bria = BriaSandbox::start().await;
    let app = WorkerApp::bria(&bria, "forged");
    let job = posted(&bria, &app, WebhookFault::Forged).await;
    app.process_batch().await;
    let before = app.job(&job).await;
    assert_eq!(app.deliver_webhook().await, 400);
    assert_eq!(app.job(&job).await, before);
    assert_eq!(app.deliver_webhook().await, 200, "the genuine one");
    app.step().await;
    close(&bria, app, &job).await;
    bria.close();
}

/// Two webhooks at once, while a worker polls: all of them meet write conflicts.
#[tokio::test]
async fn webhooks_and_a_poll_at_once_end_the_job_once() {
    let bria = BriaSandbox::start().await;
    let app = WorkerApp::bria(&bria, "at-once");
    let job = posted(&bria, &app, WebhookFault::Duplicate { copies: 1 }).await;
    app.process_batch().await;
    app.relay().await;
    app.advance(SECOND * 45);
    let answered = async { (app.deliver_webhook().await, app.deliver_webhook().await) };
    let (failed, answered) = tokio::join!(app.process_batch(), answered);
    assert_eq!((failed, answered), (Vec::new(), (200, 200)));
    app.run_until_idle().await;
    close(&bria, app, &job).await;
    bria.close();
}

#[tokio::test]
async fn a_missing_webhook_costs_a_minute() {
    let bria = BriaSandbox::start().await;
    let app = WorkerApp::bria(&bria, "missing");
    let job = posted(&bria, &app, WebhookFault::Dropped).await;
    app.process_batch().await;
    app.run_until_idle().await;
    let ended = app.job(&job).await;
    assert!(ended.created_at.until(ended.finished_at.unwrap()) <= SECOND * 60);
    close(&bria, app, &job).await;
    bria.close();
}
