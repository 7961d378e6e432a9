//! A queue for tests: the real client writes to it, and the stage controls its clock.
//!
//! The SDK's HTTP client is replaced by one that stores the messages of `SendMessageBatch`. Delays,
//! visibility and redrive are those of `infra/messaging.yaml`, so that hours pass in no time. A
//! test in `relay` checks that the real SQS accepts what the client writes.

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use aws_sdk_sqs::config::{BehaviorVersion, Credentials, Region, retry::RetryConfig};
use aws_smithy_runtime_api::{
    client::{
        http::{
            HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings,
            SharedHttpConnector,
        },
        orchestrator::{HttpRequest, HttpResponse},
        runtime_components::RuntimeComponents,
    },
    http::StatusCode,
};
use aws_smithy_types::body::SdkBody;
use domain::{Timestamp, generation::Job};
use runtime::{BatchResponse, Clock, QueueEvent};
use serde_json::{Value, json};

/// Visibility timeout: how long a received message stays hidden, unless it is deleted.
const VISIBILITY: Duration = Duration::from_secs(360);
/// Receives before a message becomes a dead letter.
const RECEIVES_MAX: u32 = 5;
/// Most messages per receive.
const BATCH_MAX: usize = 10;

/// How the queue answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mood {
    /// It accepts every message.
    Willing,
    /// Every call fails.
    Away,
    /// It accepts every second message of a call.
    Choosy,
}

/// A message on the queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Message {
    pub(super) id: String,
    pub(super) body: String,
    pub(super) group: String,
    pub(super) sent_at: Timestamp,
    pub(super) visible_at: Timestamp,
    pub(super) received: u32,
}

struct State {
    mood: Mood,
    count: u32,
    waiting: Vec<Message>,
    dead: Vec<Message>,
}

/// The queue and its dead letters.
#[derive(Clone)]
pub(super) struct Queue {
    clock: Clock,
    state: Arc<Mutex<State>>,
}

impl fmt::Debug for Queue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Queue")
    }
}

impl Queue {
    /// An empty queue that uses `clock`.
    pub(super) fn new(clock: Clock) -> Queue {
        let state = State { mood: Mood::Willing, count: 0, waiting: Vec::new(), dead: Vec::new() };
        Queue { clock, state: Arc::new(Mutex::new(state)) }
    }

    /// The functions' client for it.
    pub(super) fn sender<M: clients::queue::Message>(&self) -> clients::queue::Queue<M> {
        let config = aws_sdk_sqs::Config::builder()
            .behavior_version(BehaviorVersion::v2026_01_12())
            .region(Region::new("us-east-1"))
            .credentials_provider(Credentials::for_tests())
            .retry_config(RetryConfig::disabled())
            .http_client(self.clone())
            .build();
        let url = "https://sqs.us-east-1.amazonaws.com/000000000000/generation";
        clients::queue::Queue::new(&aws_sdk_sqs::Client::from_conf(config), url)
    }

    /// Sets how it answers from now on.
    pub(super) fn is_now(&self, mood: Mood) {
        self.state().mood = mood;
    }

    /// Adds a foreign message.
    pub(super) fn put(&self, body: impl Into<String>) {
        self.accept(body.into(), "nobody".to_owned(), 0);
    }

    /// Adds a message for `job`, `times` times.
    pub(super) fn hint(&self, job: &Job, times: u32) {
        for _ in 0..times {
            self.put(json!({"user_id": job.user_id, "job_id": job.id}).to_string());
        }
    }

    /// All messages, visible or hidden, the earliest first.
    pub(super) fn waiting(&self) -> Vec<Message> {
        let mut waiting = self.state().waiting.clone();
        waiting.sort_by_key(|message| message.visible_at);
        waiting
    }

    /// Drops all messages.
    pub(super) fn lose_all(&self) {
        self.state().waiting.clear();
    }

    /// Reverses the order of the messages.
    pub(super) fn reverse(&self) {
        self.state().waiting.reverse();
    }

    /// Receives up to ten visible messages; each is hidden until it is deleted or its visibility
    /// timeout ends. One that was received too often becomes a dead letter instead.
    pub(super) fn receive(&self) -> Vec<Message> {
        let now = self.clock.now();
        let mut state = self.state();
        let (spent, waiting) = std::mem::take(&mut state.waiting)
            .into_iter()
            .partition(|it| it.visible_at <= now && it.received == RECEIVES_MAX);
        state.waiting = waiting;
        state.dead.extend::<Vec<Message>>(spent);
        let visible = state.waiting.iter_mut().filter(|it| it.visible_at <= now).take(BATCH_MAX);
        visible
            .map(|message| {
                message.received += 1;
                message.visible_at = now.plus(VISIBILITY);
                message.clone()
            })
            .collect()
    }

    /// Deletes the messages of a batch that did not fail.
    pub(super) fn delete_done(&self, batch: &[Message], response: &BatchResponse) {
        let failed = |id: &str| {
            response.batch_item_failures.iter().any(|failure| failure.item_identifier == id)
        };
        let done = |message: &Message| batch.iter().any(|it| it.id == message.id);
        self.state().waiting.retain(|message| !done(message) || failed(&message.id));
    }

    /// Takes the dead letters.
    pub(super) fn take_dead(&self) -> Vec<Message> {
        std::mem::take(&mut self.state().dead)
    }

    fn accept(&self, body: String, group: String, delay_s: u64) {
        let now = self.clock.now();
        let mut state = self.state();
        state.count += 1;
        let message = Message {
            id: format!("message-{}", state.count),
            body,
            group,
            sent_at: now,
            visible_at: now.plus(Duration::from_secs(delay_s)),
            received: 0,
        };
        state.waiting.push(message);
    }

    /// Answers one `SendMessageBatch`.
    fn answer(&self, body: &[u8]) -> (u16, Value) {
        let mood = self.state().mood;
        if mood == Mood::Away {
            return (503, json!({"__type": "com.amazonaws.sqs#ServiceUnavailable"}));
        }
        let request: Value = serde_json::from_slice(body).unwrap();
        let (mut taken, mut refused) = (Vec::new(), Vec::new());
        for (place, entry) in request["Entries"].as_array().unwrap().iter().enumerate() {
            let id = &entry["Id"];
            if mood == Mood::Choosy && place % 2 == 1 {
                refused.push(json!({"Id": id, "Code": "InternalError", "SenderFault": false}));
                continue;
            }
            let text = |name: &str| entry[name].as_str().unwrap().to_owned();
            let delay_s = entry["DelaySeconds"].as_u64().unwrap();
            assert!(delay_s <= 900, "SQS refuses a longer delay");
            self.accept(text("MessageBody"), text("MessageGroupId"), delay_s);
            taken.push(json!({"Id": id, "MessageId": id, "MD5OfMessageBody": ""}));
        }
        (200, json!({"Successful": taken, "Failed": refused}))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A batch as Lambda passes it, in the form of `events/background-run-generation.json`.
pub(super) fn event(batch: &[Message]) -> QueueEvent {
    let fixture = include_str!("../../../../events/background-run-generation.json");
    let fixture: Value = serde_json::from_str(fixture).unwrap();
    let records = batch.iter().map(|message| {
        let mut record = fixture["Records"][0].clone();
        record["messageId"] = json!(message.id);
        record["body"] = json!(message.body);
        let attributes = &mut record["attributes"];
        attributes["ApproximateReceiveCount"] = json!(message.received.to_string());
        attributes["SentTimestamp"] = json!(message.sent_at.as_millis().to_string());
        attributes["MessageGroupId"] = json!(message.group);
        record
    });
    serde_json::from_value(json!({"Records": records.collect::<Vec<_>>()})).unwrap()
}

impl HttpConnector for Queue {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let operation = request.headers().get("x-amz-target").map(str::to_owned);
        assert_eq!(operation.as_deref(), Some("AmazonSQS.SendMessageBatch"));
        let (status, answer) = self.answer(request.body().bytes().unwrap_or_default());
        let status = StatusCode::try_from(status).unwrap();
        HttpConnectorFuture::ready(Ok(HttpResponse::new(status, SdkBody::from(answer.to_string()))))
    }
}

impl HttpClient for Queue {
    fn http_connector(
        &self,
        _: &HttpConnectorSettings,
        _: &RuntimeComponents,
    ) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}
