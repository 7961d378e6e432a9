//! The relay: changes of the table become messages in the queue, at least once.

use clients::queue::JobMessage;
use domain::{account::AccountError, billing::top_up::TopUpSettings, pack::Pack};
use runtime::BatchResponse;
use sandbox::{
    faults::{AnswerFault, Order},
    route::Route,
};
use serde_json::{Value, json};
use testing::{Actor, cloud::Cloud, grants::acting_as};

use super::{
    outside::Outside,
    queue::Mood,
    stage::{SECOND, WorkerApp},
};
use crate::relay_outbox;

/// The stream's records of three members' new jobs.
async fn three_posted(stage: &WorkerApp<'_>) -> Value {
    for name in ["first", "second", "third"] {
        stage.post_by(&Actor::member(name), name).await;
    }
    stage.outbox()
}

/// The sequence numbers of a batch's records.
fn numbers(batch: &Value, places: &[usize]) -> Vec<String> {
    let number = |place: &usize| batch["Records"][place]["dynamodb"]["SequenceNumber"].as_str();
    places.iter().map(|place| number(place).unwrap().to_owned()).collect()
}

fn reported(response: BatchResponse) -> Vec<String> {
    response.batch_item_failures.into_iter().map(|failure| failure.item_identifier).collect()
}

/// The emulator's SQS accepts what the relay sends: a group on a standard queue, and a delay.
#[tokio::test]
async fn hints_reach_the_real_queue() {
    let outside = Outside::begin().await;
    let stage = WorkerApp::studio(&outside, "real");
    let batch = three_posted(&stage).await;
    let queue = Cloud::here().queue().await;
    let (worker, handle) = (&relay_outbox::WORKER, &relay_outbox::handle);
    let event = serde_json::from_value(batch.clone()).unwrap();
    let ambient = &stage.app.ambient;
    let deps = (queue.sender(), stage.top_ups.sender());
    let relayed = || runtime::dispatch_stream(worker, handle, &deps, ambient, event);
    let response = acting_as(worker.name, relayed).await;
    assert_eq!(reported(response), Vec::<String>::new());

    let received = queue.receive(3).await;
    let mut groups = Vec::new();
    for record in received["Records"].as_array().unwrap() {
        let hint = JobMessage::parse(record["body"].as_str().unwrap()).unwrap();
        assert_eq!(record["attributes"]["MessageGroupId"], hint.user_id.as_str());
        groups.push(hint.user_id.to_string());
    }
    groups.sort();
    assert_eq!(groups, ["user_first", "user_second", "user_third"]);
    queue.discard().await;
    stage.until_quiet().await;
    stage.close().await;
    outside.close().await;
}

/// Lambda retries a batch from the first reported change, so a message may be sent twice, and none
/// is lost.
#[tokio::test]
async fn a_queue_that_fails_is_reported() {
    let outside = Outside::begin().await;
    for (mood, failed) in [(Mood::Willing, &[][..]), (Mood::Choosy, &[1]), (Mood::Away, &[0, 1, 2])]
    {
        let stage = WorkerApp::studio(&outside, "failing");
        let batch = three_posted(&stage).await;
        stage.queue.is_now(mood);
        let response = stage.relay_batch(batch.clone()).await;
        assert_eq!(reported(response), numbers(&batch, failed), "{mood:?}");
        assert_eq!(stage.queue.waiting().len(), 3 - failed.len(), "{mood:?}");

        stage.queue.is_now(Mood::Willing);
        assert_eq!(reported(stage.relay_batch(batch).await), Vec::<String>::new());
        stage.until_quiet().await;
        stage.close().await;
    }
    outside.close().await;
}

#[tokio::test]
async fn a_stream_that_is_read_from_its_start_again_does_no_harm() {
    let outside = Outside::begin().await;
    let stage = WorkerApp::bria(&outside, "replayed");
    let job = stage.post("a red chair").await;
    let mut stream: Vec<Value> = Vec::new();
    for _ in 0..3 {
        let batch = stage.outbox();
        stage.relay_batch(batch.clone()).await;
        stream.extend(batch["Records"].as_array().unwrap().clone());
        stage.pass(SECOND * 60);
        stage.work().await;
    }
    assert_eq!(stage.ending(&job).await, "succeeded");
    stage.until_quiet().await;
    let (before, calls) = (stage.app.engine.dump(), outside.sandbox.received(&Default::default()));

    for _ in 0..3 {
        let response = stage.relay_batch(json!({"Records": stream})).await;
        assert_eq!(reported(response), Vec::<String>::new());
    }
    assert!(3 <= stage.queue.waiting().len(), "there are messages");
    stage.until_quiet().await;
    assert_eq!(stage.app.engine.dump(), before, "and nothing else");
    assert_eq!(outside.sandbox.received(&Default::default()).matched, calls.matched);
    stage.close().await;
    outside.close().await;
}

/// Other records of the table are ignored, should they pass the filter. A job that cannot be read
/// is reported, and ends in the failure queue; the records after it are sent all the same.
#[tokio::test]
async fn only_jobs_that_wait_become_hints() {
    let outside = Outside::begin().await;
    let stage = WorkerApp::studio(&outside, "filtered");
    let job = stage.post("a red chair").await;
    let mut batch = stage.app.engine.stream_batch();
    let records = batch["Records"].as_array_mut().unwrap();
    assert!(records.len() > 3, "account, ledger, job, input, record of the key");
    let waiting = |record: &&Value| record["dynamodb"]["NewImage"]["status"]["S"] == "queued";
    let mut broken = records.iter().find(waiting).unwrap().clone();
    broken["dynamodb"]["NewImage"]["version"] = json!({"S": "seven"});
    broken["dynamodb"]["SequenceNumber"] = json!("7");
    records.insert(0, broken);
    assert_eq!(reported(stage.relay_batch(batch).await), ["7"]);
    let hints = stage.queue.waiting();
    let bodies: Vec<JobMessage> =
        hints.iter().map(|it| JobMessage::parse(&it.body).unwrap()).collect();
    assert_eq!(bodies, [JobMessage::now(job.user_id.clone(), job.id.clone())]);
    stage.until_quiet().await;
    stage.close().await;
    outside.close().await;
}

/// SQS delays a message by at most fifteen minutes; a longer wait is cut to that, and the worker
/// ignores a job that is not yet due.
#[tokio::test]
async fn a_hint_is_delayed_until_its_job_is_due() {
    let outside = Outside::begin().await;
    for (name, asked_for, delay) in [("a minute", 60, 60), ("an hour", 3600, 900)] {
        let stage = WorkerApp::bria(&outside, name);
        let busy = AnswerFault::TooMany { retry_after_s: Some(asked_for) };
        outside.order(Order::next(busy.into()).on_route(Route::GenerateLite).on_marker(name));
        let job = stage.post(name).await;
        stage.step().await;
        stage.relay().await;
        let hint = stage.queue.waiting()[0].clone();
        assert_eq!(hint.sent_at.until(hint.visible_at), SECOND * delay, "{name}");
        stage.until_quiet().await;
        assert_eq!(stage.ending(&job).await, "succeeded", "{name}");
        stage.close().await;
    }
    outside.close().await;
}

/// A due top-up is sent to the top-up queue, and to no other.
#[tokio::test]
async fn a_pack_that_is_due_is_told_to_the_queue_of_top_ups() {
    let outside = Outside::begin().await;
    let stage = WorkerApp::studio(&outside, "low");
    let (member, now) = (&stage.member.id, stage.app.now());
    let watch = TopUpSettings::new(Pack::Small, 5, 1).unwrap();
    for spend in [0, 5, 1] {
        let changed = stage.app.store.update_account(member, None, now, |draft| {
            draft.allow_top_up(Some(watch));
            let hold = draft.start_job("gen", spend)?;
            draft.capture_job("gen", &hold)?;
            Ok::<(), AccountError>(())
        });
        changed.await.unwrap();
        assert_eq!(reported(stage.relay().await), Vec::<String>::new());
        let sent = usize::from(spend == 1);
        assert_eq!(stage.top_ups.waiting().len(), sent, "{spend} more spent");
    }
    let message = &stage.top_ups.waiting()[0];
    assert_eq!(message.body, json!({ "user_id": member }).to_string());
    assert_eq!(message.group, member.as_str());
    assert!(stage.queue.waiting().is_empty());
    outside.close().await;
}
