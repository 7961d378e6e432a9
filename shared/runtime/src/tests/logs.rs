//! The logs of a call: one short line on success, all causes on failure.

use domain::{
    ErrorKind,
    id::{JobId, UserId},
};
use expect_test::expect;
use serde_json::{Value, json};

use super::{NOW, No, context, dispatch, event, request};
use crate::{
    Access, ApiError, Call, Endpoint, InvocationContext, NoStore, Task, TaskError, Worker,
    queue::dispatch_queue, telemetry::Logged,
};

const GET: Endpoint = Endpoint::get("shelf-get-book", "/api/v1/books", Access::Member);
const WORKER: Worker = Worker::new("background-shelve");

fn job() -> JobId {
    JobId::new(NOW, 7)
}

/// What the handler returns.
pub(super) struct Outcome(Option<ErrorKind>);

async fn get_book(outcome: &Outcome, call: Call) -> Result<NoStore<Value>, ApiError> {
    call.log_job(&job());
    match outcome.0 {
        None => Ok(NoStore(json!({}))),
        Some(kind) => Err(No::new(kind).into()),
    }
}

async fn shelve(_: &(), task: Task<Value>) -> Result<(), TaskError> {
    task.log_job(&UserId::parse("user_1").unwrap(), &job());
    match task.body == json!("park") {
        true => Err(No::new(ErrorKind::Invalid).into()),
        false => Ok(()),
    }
}

/// The lines without their timestamps.
fn untimed(logged: &Logged) -> String {
    let untimed = |line: &String| {
        assert!(line.len() < 400, "{} bytes: {line}", line.len());
        let mut line: Value = serde_json::from_str(line).unwrap();
        line.as_object_mut().unwrap().remove("timestamp");
        format!("{line}\n")
    };
    logged.lines().iter().map(untimed).collect()
}

async fn logs_of_call(outcome: Option<ErrorKind>) -> String {
    let logged = Logged::begin();
    let context = InvocationContext { cold_start: true, ..context() };
    let request = event(request("GET", "/api/v1/books"));
    dispatch(&GET, &get_book, &Outcome(outcome), &context, request).await;
    untimed(&logged)
}

async fn logs_of_message(body: &str) -> String {
    let logged = Logged::begin();
    let message = json!({"messageId": "m1", "body": body});
    let event = serde_json::from_value(json!({"Records": [message]})).unwrap();
    dispatch_queue(&WORKER, &shelve, &(), &context(), event).await;
    untimed(&logged)
}

#[tokio::test]
async fn a_call_is_one_line() {
    expect![[r#"
        {"cold_start":true,"duration_ms":0,"endpoint":"shelf-get-book","level":"INFO","message":"request completed","network":"203.0.113.0/24","span":{"actor":"user_1","job_id":"gen_01M819EKE00000000000000007","name":"call","request_id":"c6af9ac6-7b61-11e6-9a41-93e8deadbeef"},"status":200}
    "#]].assert_eq(&logs_of_call(None).await);
    expect![[r#"
        {"code":"no","cold_start":true,"duration_ms":0,"endpoint":"shelf-get-book","level":"INFO","message":"request completed","network":"203.0.113.0/24","span":{"actor":"user_1","job_id":"gen_01M819EKE00000000000000007","name":"call","request_id":"c6af9ac6-7b61-11e6-9a41-93e8deadbeef"},"status":404}
    "#]].assert_eq(&logs_of_call(Some(ErrorKind::NotFound)).await);
}

#[tokio::test]
async fn a_fault_of_ours_is_logged_with_its_causes() {
    expect![[r#"
        {"code":"no","error":"The shelf says no.: password=hunter2","level":"ERROR","message":"request failed","span":{"actor":"user_1","job_id":"gen_01M819EKE00000000000000007","name":"call","request_id":"c6af9ac6-7b61-11e6-9a41-93e8deadbeef"}}
        {"code":"internal","cold_start":true,"duration_ms":0,"endpoint":"shelf-get-book","level":"INFO","message":"request completed","network":"203.0.113.0/24","span":{"actor":"user_1","job_id":"gen_01M819EKE00000000000000007","name":"call","request_id":"c6af9ac6-7b61-11e6-9a41-93e8deadbeef"},"status":500}
    "#]].assert_eq(&logs_of_call(Some(ErrorKind::Internal)).await);
    expect![[r#"
        {"code":"no","error":"The shelf says no.: password=hunter2","level":"WARN","message":"request failed","span":{"actor":"user_1","job_id":"gen_01M819EKE00000000000000007","name":"call","request_id":"c6af9ac6-7b61-11e6-9a41-93e8deadbeef"}}
        {"code":"no","cold_start":true,"duration_ms":0,"endpoint":"shelf-get-book","level":"INFO","message":"request completed","network":"203.0.113.0/24","span":{"actor":"user_1","job_id":"gen_01M819EKE00000000000000007","name":"call","request_id":"c6af9ac6-7b61-11e6-9a41-93e8deadbeef"},"status":503}
    "#]].assert_eq(&logs_of_call(Some(ErrorKind::Unavailable)).await);
}

#[tokio::test]
async fn a_message_is_one_line_and_a_parked_one_says_why() {
    expect![[r#"
        {"cold_start":false,"duration_ms":0,"endpoint":"background-shelve","level":"INFO","message":"task finished","outcome":"done","span":{"actor":"user_1","job_id":"gen_01M819EKE00000000000000007","name":"call","request_id":"m1"}}
    "#]].assert_eq(&logs_of_message("1").await);
    expect![[r#"
        {"code":"no","error":"The shelf says no.: password=hunter2","level":"ERROR","message":"task failed for good, parked","span":{"actor":"user_1","job_id":"gen_01M819EKE00000000000000007","name":"call","request_id":"m1"}}
        {"cold_start":false,"duration_ms":0,"endpoint":"background-shelve","level":"INFO","message":"task finished","outcome":"parked","span":{"actor":"user_1","job_id":"gen_01M819EKE00000000000000007","name":"call","request_id":"m1"}}
    "#]].assert_eq(&logs_of_message("\"park\"").await);
}
