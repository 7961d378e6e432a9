//! The relay: changes of the table become messages in the queue, at least once.

use clients::queue::JobMessage;
use domain::{account::AccountError, billing::top_up::TopUpSettings, pack::Pack};
use sandbox::{
    faults::{AnswerFault, Order},
    route::Route,
};
use serde_json::{Value, json};
use testing::{Actor, queue::Availability};

use super::{
    bria_sandbox::BriaSandbox,
    worker_app::{NO_FAILURES, SECOND, WorkerApp},
};

/// The stream's records of three members' new jobs.
async fn three_posted(app: &WorkerApp<'_>) -> Value {
    for name in ["first", "second", "third"] {
        app.post_by(&Actor::member(name), name).await;
    }
    let mut batch = app.changes();
    let is_job = |record: &Value| record["dynamodb"]["NewImage"]["status"]["S"] == "queued";
    batch["Records"].as_array_mut().unwrap().retain(is_job);
    batch
}

/// The sequence numbers of a batch's records.
fn numbers(batch: &Value, places: &[usize]) -> Vec<String> {
    let number = |place: &usize| batch["Records"][place]["dynamodb"]["SequenceNumber"].as_str();
    places.iter().map(|place| number(place).unwrap().to_owned()).collect()
}

/// Lambda retries a batch from the first reported change, so a message may be sent twice, and none
/// is lost.
#[tokio::test]
async fn a_queue_that_fails_is_reported() {
    for (availability, failed) in [
        (Availability::Available, &[][..]),
        (Availability::Partial, &[1]),
        (Availability::Unavailable, &[0, 1, 2]),
    ] {
        let app = WorkerApp::studio();
        let batch = three_posted(&app).await;
        app.queue.set_availability(availability);
        let failures = app.relay_batch(&batch).await;
        assert_eq!(failures, numbers(&batch, failed), "{availability:?}");
        assert_eq!(app.queue.messages().len(), 3 - failed.len(), "{availability:?}");

        app.queue.set_availability(Availability::Available);
        assert_eq!(app.relay_batch(&batch).await, NO_FAILURES);
        app.run_until_idle().await;
        app.close().await;
    }
}

#[tokio::test]
async fn a_stream_that_is_read_again_from_its_start_changes_nothing() {
    let bria = BriaSandbox::start().await;
    let app = WorkerApp::bria(&bria, "replayed");
    let job = app.post("a red chair").await;
    let mut stream: Vec<Value> = Vec::new();
    for _ in 0..3 {
        let batch = app.changes();
        app.relay_batch(&batch).await;
        stream.extend(batch["Records"].as_array().unwrap().clone());
        app.advance(SECOND * 60);
        app.process_batch().await;
    }
    assert_eq!(app.outcome(&job).await, "succeeded");
    app.run_until_idle().await;
    let (before, calls) = (app.engine.dump(), bria.received(&Default::default()));

    for _ in 0..3 {
        assert_eq!(app.relay_batch(&json!({"Records": stream})).await, NO_FAILURES);
    }
    assert!(3 <= app.queue.messages().len(), "there are messages");
    app.run_until_idle().await;
    assert_eq!(app.engine.dump(), before, "and nothing else");
    assert_eq!(bria.received(&Default::default()).matched, calls.matched);
    app.close().await;
    bria.close();
}

/// Other records of the table are ignored, should they pass the filter. A job that cannot be read
/// is reported, and ends in the failure queue; the records after it are sent all the same.
#[tokio::test]
async fn only_waiting_jobs_become_messages() {
    let app = WorkerApp::studio();
    let job = app.post("a red chair").await;
    let mut batch = app.engine.stream_batch();
    let records = batch["Records"].as_array_mut().unwrap();
    assert!(records.len() > 3, "account, ledger, job, input, record of the key");
    let waiting = |record: &&Value| record["dynamodb"]["NewImage"]["status"]["S"] == "queued";
    let mut broken = records.iter().find(waiting).unwrap().clone();
    broken["dynamodb"]["NewImage"]["version"] = json!({"S": "seven"});
    broken["dynamodb"]["SequenceNumber"] = json!("7");
    records.insert(0, broken);
    assert_eq!(app.relay_batch(&batch).await, ["7"]);
    let messages = app.queue.messages();
    let bodies: Vec<JobMessage> =
        messages.iter().map(|it| JobMessage::parse(&it.body).unwrap()).collect();
    assert_eq!(bodies, [JobMessage::now(job.user_id.clone(), job.id.clone())]);
    app.run_until_idle().await;
    app.close().await;
}

/// SQS delays a message by at most fifteen minutes; a longer wait is cut to that, and the worker
/// ignores a job that is not yet due.
#[tokio::test]
async fn a_message_is_delayed_until_its_job_is_due() {
    let bria = BriaSandbox::start().await;
    for (name, asked_for, delay) in [("a minute", 60, 60), ("an hour", 3600, 900)] {
        let app = WorkerApp::bria(&bria, name);
        let busy = AnswerFault::TooMany { retry_after_s: Some(asked_for) };
        bria.order(Order::next(busy.into()).on_route(Route::GenerateLite).on_marker(name));
        let job = app.post(name).await;
        app.step().await;
        app.relay().await;
        let message = app.queue.messages()[0].clone();
        assert_eq!(message.sent_at.until(message.visible_at), SECOND * delay, "{name}");
        app.run_until_idle().await;
        assert_eq!(app.outcome(&job).await, "succeeded", "{name}");
        app.close().await;
    }
    bria.close();
}

/// A due top-up is sent to the top-up queue, and to no other.
#[tokio::test]
async fn a_due_top_up_is_sent_to_the_queue_of_top_ups() {
    let app = WorkerApp::studio();
    let (member, now) = (&app.member.id, app.now());
    let watch = TopUpSettings::new(Pack::Small, 5, 1).unwrap();
    for spend in [0, 5, 1] {
        let changed = app.store.update_account(member, None, now, |update| {
            update.allow_top_up(Some(watch));
            let hold = update.start_job("gen", spend)?;
            update.capture_job("gen", &hold)?;
            Ok::<(), AccountError>(())
        });
        changed.await.unwrap();
        assert_eq!(app.relay().await, NO_FAILURES);
        let sent = usize::from(spend == 1);
        assert_eq!(app.top_up_queue().messages().len(), sent, "{spend} more spent");
    }
    let message = &app.top_up_queue().messages()[0];
    assert_eq!(message.body, json!({ "user_id": member }).to_string());
    assert_eq!(message.group, member.as_str());
    assert!(app.queue.messages().is_empty());
}
