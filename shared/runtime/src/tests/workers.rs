//! Queues, streams and schedules: what is redelivered, and what is not.

use std::{cell::RefCell, time::Duration};

use domain::ErrorKind;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{NOW, No, context};
use crate::{
    Changes, InvocationContext, Task, TaskError, Worker, queue::dispatch_queue,
    stream::dispatch_stream, worker::dispatch_schedule,
};

const WORKER: Worker = Worker::new("background-shelve");

#[derive(Debug, Deserialize)]
struct Order {
    does: String,
}

/// Records what was done.
#[derive(Default)]
struct Done(RefCell<Vec<String>>);

async fn shelve(done: &Done, task: Task<Order>) -> Result<(), TaskError> {
    match task.body.does.as_str() {
        "retry" => return Err(No::new(ErrorKind::Unavailable).into()),
        "park" => return Err(No::new(ErrorKind::Invalid).into()),
        "panic" => panic!("on purpose"),
        "hang" => tokio::time::sleep(Duration::from_secs(3600)).await,
        _ => {}
    }
    let waited = task.sent_at.until(task.now);
    done.0.borrow_mut().push(format!("{} {} {waited:?}", task.body.does, task.attempt));
    Ok(())
}

fn message(id: usize, body: &str) -> Value {
    json!({
        "messageId": format!("m{id}"), "receiptHandle": "AQEB", "body": body,
        "attributes": {
            "ApproximateReceiveCount": "3", "SentTimestamp": "1795339797000",
            "SenderId": "AROA", "ApproximateFirstReceiveTimestamp": "1795339798000",
            "MessageGroupId": "user_1"
        },
        "messageAttributes": {}, "md5OfBody": "d41d", "eventSource": "aws:sqs",
        "eventSourceARN": "arn:aws:sqs:eu-west-1:123456789012:generation",
        "awsRegion": "eu-west-1"
    })
}

fn order(does: &str) -> String {
    json!({"does": does}).to_string()
}

async fn work(context: &InvocationContext, bodies: &[String]) -> (Vec<String>, Vec<String>) {
    let records: Vec<_> = bodies.iter().enumerate().map(|(id, body)| message(id, body)).collect();
    let event = serde_json::from_value(json!({"Records": records})).unwrap();
    let done = Done::default();
    let response = dispatch_queue(&WORKER, &shelve, &done, context, event).await;
    let response = serde_json::to_value(&response).unwrap();
    let failures = response["batchItemFailures"].as_array().unwrap();
    let id = |failure: &Value| failure["itemIdentifier"].as_str().unwrap().to_owned();
    (done.0.into_inner(), failures.iter().map(id).collect())
}

#[tokio::test]
async fn a_poison_message_fails_alone_among_nine_good_ones() {
    let mut bodies = vec![order("a"); 9];
    bodies.insert(4, "not json".to_owned());
    let (done, failed) = work(&context(), &bodies).await;
    assert_eq!(done, vec!["a 3 3s"; 9]);
    assert_eq!(failed, ["m4"]);
}

#[tokio::test]
async fn only_what_failed_comes_again() {
    let bodies = ["a", "retry", "park", "panic", "b"].map(order);
    let (done, failed) = work(&context(), &bodies).await;
    assert_eq!(done, ["a 3 3s", "b 3 3s"]);
    assert_eq!(failed, ["m1", "m2", "m3"]);
}

#[tokio::test(start_paused = true)]
async fn what_does_not_finish_in_time_does_not_take_the_others_along() {
    let context =
        InvocationContext { deadline: Some(NOW.plus(Duration::from_secs(60))), ..context() };
    let (done, failed) = work(&context, &["a", "hang", "b"].map(order)).await;
    assert_eq!((done.len(), failed), (2, vec!["m1".to_owned()]));
}

#[tokio::test]
async fn a_refusal_that_may_pass_is_retried_and_any_other_is_parked() {
    use ErrorKind::*;
    for kind in [TooMany, Unavailable, Internal] {
        assert!(matches!(TaskError::from(No::new(kind)), TaskError::Retry(_)), "{kind:?}");
    }
    for kind in [Malformed, Forbidden, NotFound, Conflict, Invalid, PaymentRequired] {
        assert!(matches!(TaskError::from(No::new(kind)), TaskError::Park(_)), "{kind:?}");
    }
}

fn change(number: usize, status: &str) -> Value {
    json!({
        "eventID": "1", "eventName": "MODIFY", "eventVersion": "1.1", "awsRegion": "eu-west-1",
        "eventSource": "aws:dynamodb",
        "dynamodb": {
            "ApproximateCreationDateTime": 1_795_339_800, "SizeBytes": 59,
            "StreamViewType": "NEW_AND_OLD_IMAGES", "SequenceNumber": format!("10{number}"),
            "Keys": {"pk": {"S": "USER#user_1"}, "sk": {"S": "JOB#gen_1"}},
            "NewImage": {"status": {"S": status}, "due_at": {"N": "1795339801000"}}
        },
        "eventSourceARN": "arn:aws:dynamodb:eu-west-1:123456789012:table/app/stream/2026"
    })
}

async fn relay(_: &(), changes: Changes) -> Vec<Result<(), TaskError>> {
    let each = changes.items.iter().map(|change| match change.item.new_image.text("status") {
        Some("queued") => {
            assert_eq!(change.item.keys.text("sk"), Some("JOB#gen_1"));
            Ok(())
        }
        Some("retry") => Err(No::new(ErrorKind::Unavailable).into()),
        Some("panic") => panic!("on purpose"),
        Some(_) | None => Err(No::new(ErrorKind::Invalid).into()),
    });
    each.take(4).collect()
}

async fn relayed(statuses: &[&str]) -> Value {
    let records: Vec<_> =
        statuses.iter().enumerate().map(|(number, status)| change(number, status)).collect();
    let event = serde_json::from_value(json!({"Records": records})).unwrap();
    let response = dispatch_stream(&WORKER, &relay, &(), &context(), event).await;
    let response = serde_json::to_value(&response).unwrap();
    response["batchItemFailures"].clone()
}

#[tokio::test]
async fn every_change_that_fails_is_reported() {
    assert_eq!(relayed(&["queued", "queued"]).await, json!([]));
    let failures = relayed(&["queued", "retry", "hopeless", "queued"]).await;
    assert_eq!(failures, json!([{"itemIdentifier": "101"}, {"itemIdentifier": "102"}]));
}

#[tokio::test]
async fn a_change_without_a_result_is_repeated() {
    assert_eq!(relayed(&["queued"; 5]).await, json!([{"itemIdentifier": "104"}]));
    let all = json!([{"itemIdentifier": "100"}, {"itemIdentifier": "101"}]);
    assert_eq!(relayed(&["panic", "queued"]).await, all);
}

#[tokio::test]
async fn a_run_knows_when_it_was_due_and_fails_as_a_whole() {
    let event = || {
        serde_json::from_value(json!({
            "version": "0", "id": "89d1a02d", "detail-type": "Scheduled Event",
            "source": "aws.events", "account": "123456789012", "time": "2026-11-22T09:29:58Z",
            "region": "eu-west-1", "resources": ["arn:aws:events:eu-west-1:1:rule/sweep"],
            "detail": {}
        }))
        .unwrap()
    };
    let on_time = async |_: &(), run: Task| -> Result<(), TaskError> {
        assert_eq!(run.sent_at.until(run.now), Duration::from_secs(2));
        Ok(())
    };
    let fails = async |_: &(), _: Task| -> Result<(), TaskError> {
        Err(No::new(ErrorKind::Invalid).into())
    };
    assert!(dispatch_schedule(&WORKER, &on_time, &(), &context(), event()).await.is_ok());
    assert!(dispatch_schedule(&WORKER, &fails, &(), &context(), event()).await.is_err());
}
