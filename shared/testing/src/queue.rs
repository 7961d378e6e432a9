//! SQS in this process: queues that accept messages from the SDK, and a clock that the test moves.
//!
//! Delays, visibility and redrive are those of `infra/messaging.yaml`, so that hours pass in no
//! time. A queue whose URL ends in `.fifo` gives one message of a group at a time, in order, and
//! ignores one whose name it had within five minutes. An end-to-end test checks that the SQS of the
//! local stack accepts the same requests.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use domain::{Timestamp, generation::Job};
use runtime::Clock;
use serde_json::{Value, json};

use crate::wire::json_response;

/// Visibility timeout: how long a received message is hidden, unless it is deleted.
const VISIBILITY: Duration = Duration::from_secs(360);
/// How long a FIFO queue knows the name of a message.
const NAMES_KNOWN: Duration = Duration::from_secs(5 * 60);
/// Receives before a message becomes a dead letter.
const RECEIVES_MAX: u32 = 5;
/// Most messages of one receive.
const BATCH_MAX: usize = 10;

/// How a queue answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Availability {
    /// It accepts every message.
    Available,
    /// It accepts every second message of a request.
    Partial,
    /// Every request fails.
    Unavailable,
}

/// A message in a queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueuedMessage {
    /// Its id.
    pub id: String,
    /// Its body.
    pub body: String,
    /// Its message group.
    pub group: String,
    /// When it was sent.
    pub sent_at: Timestamp,
    /// When it can be received.
    pub visible_at: Timestamp,
    /// How often it was received.
    pub receive_count: u32,
}

/// The queues by URL. Clones share them.
#[derive(Debug, Clone)]
pub struct Queues(BTreeMap<&'static str, TestQueue>);

impl Queues {
    /// Empty queues with these URLs, which use `clock`.
    pub fn with_urls(urls: &[&'static str], clock: &Clock) -> Queues {
        let queue = |url: &&'static str| (*url, TestQueue::new(clock.clone(), is_fifo(url)));
        Queues(urls.iter().map(queue).collect())
    }

    /// The queue with this URL.
    ///
    /// # Panics
    /// If there is none.
    pub fn get(&self, url: &str) -> TestQueue {
        self.0[url].clone()
    }

    /// Answers one request of the wire protocol.
    pub(crate) fn serve(&self, request: &HttpRequest) -> HttpResponse {
        let operation = request.headers().get("x-amz-target");
        assert_eq!(operation, Some("AmazonSQS.SendMessageBatch"));
        let body = request.body().bytes().unwrap_or_default();
        let body: Value = serde_json::from_slice(body).expect("JSON");
        let queue = body["QueueUrl"].as_str().and_then(|url| self.0.get(url));
        let (status, answer) = match queue {
            Some(queue) => queue.send_batch(&body),
            None => (400, json!({"__type": "com.amazonaws.sqs#QueueDoesNotExist"})),
        };
        json_response(status, &answer)
    }
}

struct State {
    availability: Availability,
    /// The names of a FIFO queue's messages, and when they were sent; `None` if it is standard.
    names: Option<BTreeMap<String, Timestamp>>,
    count: u32,
    messages: Vec<QueuedMessage>,
    dead_letters: Vec<QueuedMessage>,
}

/// A queue and its dead letters. Clones share them.
#[derive(Clone)]
pub struct TestQueue {
    clock: Clock,
    state: Arc<Mutex<State>>,
}

impl fmt::Debug for TestQueue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TestQueue")
    }
}

impl TestQueue {
    fn new(clock: Clock, is_fifo: bool) -> TestQueue {
        let state = State {
            availability: Availability::Available,
            names: is_fifo.then(BTreeMap::new),
            count: 0,
            messages: Vec::new(),
            dead_letters: Vec::new(),
        };
        TestQueue { clock, state: Arc::new(Mutex::new(state)) }
    }

    /// Sets how it answers from now on.
    pub fn set_availability(&self, availability: Availability) {
        self.state().availability = availability;
    }

    /// Adds a message with any body.
    pub fn send(&self, body: impl Into<String>) {
        self.accept(body.into(), "unknown".to_owned(), 0);
    }

    /// Adds a message for `job`, `times` times.
    pub fn send_job(&self, job: &Job, times: u32) {
        for _ in 0..times {
            self.send(json!({"user_id": job.user_id, "job_id": job.id}).to_string());
        }
    }

    /// All messages, visible or hidden, the earliest first.
    pub fn messages(&self) -> Vec<QueuedMessage> {
        let mut messages = self.state().messages.clone();
        messages.sort_by_key(|message| message.visible_at);
        messages
    }

    /// Deletes all messages.
    pub fn purge(&self) {
        self.state().messages.clear();
    }

    /// Reverses the order of the messages.
    pub fn reverse(&self) {
        self.state().messages.reverse();
    }

    /// Receives up to ten visible messages; each is hidden until it is deleted or its visibility
    /// timeout ends. One that was received too often becomes a dead letter instead.
    pub fn receive(&self) -> Vec<QueuedMessage> {
        let now = self.clock.now();
        let mut state = self.state();
        let (dead, alive): (Vec<_>, Vec<_>) = std::mem::take(&mut state.messages)
            .into_iter()
            .partition(|it| it.visible_at <= now && it.receive_count == RECEIVES_MAX);
        state.messages = alive;
        state.dead_letters.extend(dead);
        let (is_fifo, mut groups) = (state.names.is_some(), BTreeSet::new());
        // Of a FIFO queue the first of each group, and none while it is hidden.
        let first = |it: &&mut QueuedMessage| !is_fifo || groups.insert(it.group.clone());
        let visible = state.messages.iter_mut().filter(first);
        let visible = visible.filter(|it| it.visible_at <= now).take(BATCH_MAX);
        visible
            .map(|message| {
                message.receive_count += 1;
                message.visible_at = now.plus(VISIBILITY);
                message.clone()
            })
            .collect()
    }

    /// Deletes the messages of a batch that did not fail.
    pub fn delete_processed(&self, batch: &[QueuedMessage], failed: &[String]) {
        let is_processed = |message: &QueuedMessage| {
            batch.iter().any(|it| it.id == message.id) && !failed.contains(&message.id)
        };
        self.state().messages.retain(|message| !is_processed(message));
    }

    /// Takes the dead letters.
    pub fn take_dead_letters(&self) -> Vec<QueuedMessage> {
        std::mem::take(&mut self.state().dead_letters)
    }

    fn accept(&self, body: String, group: String, delay_s: u64) {
        let now = self.clock.now();
        let mut state = self.state();
        state.count += 1;
        let message = QueuedMessage {
            id: format!("message-{}", state.count),
            body,
            group,
            sent_at: now,
            visible_at: now.plus(Duration::from_secs(delay_s)),
            receive_count: 0,
        };
        state.messages.push(message);
    }

    /// Answers one `SendMessageBatch`.
    fn send_batch(&self, request: &Value) -> (u16, Value) {
        let availability = self.state().availability;
        if availability == Availability::Unavailable {
            return (503, json!({"__type": "com.amazonaws.sqs#ServiceUnavailable"}));
        }
        let (mut accepted, mut refused) = (Vec::new(), Vec::new());
        for (place, entry) in request["Entries"].as_array().expect("entries").iter().enumerate() {
            let id = &entry["Id"];
            if availability == Availability::Partial && place % 2 == 1 {
                refused.push(json!({"Id": id, "Code": "InternalError", "SenderFault": false}));
                continue;
            }
            let text = |name: &str| entry[name].as_str().expect("a text").to_owned();
            let delay_s = entry["DelaySeconds"].as_u64();
            assert!(delay_s.is_none_or(|it| it <= 900), "SQS refuses a longer delay");
            if self.is_new(entry["MessageDeduplicationId"].as_str(), delay_s) {
                self.accept(text("MessageBody"), text("MessageGroupId"), delay_s.unwrap_or(0));
            }
            accepted.push(json!({"Id": id, "MessageId": id, "MD5OfMessageBody": ""}));
        }
        (200, json!({"Successful": accepted, "Failed": refused}))
    }

    /// Whether a message is none that a FIFO queue has had.
    fn is_new(&self, name: Option<&str>, delay_s: Option<u64>) -> bool {
        let (now, mut state) = (self.clock.now(), self.state());
        let Some(names) = &mut state.names else {
            assert_eq!(name, None, "a standard queue refuses a name");
            return true;
        };
        assert_eq!(delay_s, None, "a FIFO queue refuses the delay of a message");
        names.retain(|_, sent_at| now < sent_at.plus(NAMES_KNOWN));
        names.insert(name.expect("a name").to_owned(), now).is_none()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn is_fifo(url: &str) -> bool {
    url.ends_with(".fifo")
}

/// A batch as Lambda passes it, in the form of `events/background-run-generation.json`.
pub fn batch_event(batch: &[QueuedMessage]) -> Value {
    let fixture = include_str!("../../../events/background-run-generation.json");
    let fixture: Value = serde_json::from_str(fixture).expect("JSON");
    let records = batch.iter().map(|message| {
        let mut record = fixture["Records"][0].clone();
        record["messageId"] = json!(message.id);
        record["body"] = json!(message.body);
        let attributes = &mut record["attributes"];
        attributes["ApproximateReceiveCount"] = json!(message.receive_count.to_string());
        attributes["SentTimestamp"] = json!(message.sent_at.as_millis().to_string());
        attributes["MessageGroupId"] = json!(message.group);
        record
    });
    json!({"Records": records.collect::<Vec<_>>()})
}

/// Whether the event source of the relay passes a record of the stream on.
pub fn is_relayed(record: &Value) -> bool {
    let image = &record["dynamodb"]["NewImage"];
    let text = |name: &str| image[name]["S"].as_str().unwrap_or_default();
    let is_job = ["queued", "submitted", "succeeded", "failed", "cancelled"];
    let is_news = ["ACCOUNT", "BILLING", "FLAGS", "LISTING"].contains(&text("sk"))
        || ["PAYOUT#", "SALE#"].iter().any(|prefix| text("sk").starts_with(prefix));
    let is_delivery = text("delivery_state") == "queued";
    record["eventName"] != "REMOVE" && (is_job.contains(&text("status")) || is_news || is_delivery)
}

/// The failed items of a batch: message ids, or sequence numbers of the stream.
pub fn failed_items(response: &Value) -> Vec<String> {
    let failures = response["batchItemFailures"].as_array().expect("a list of failures");
    let id = |failure: &Value| failure["itemIdentifier"].as_str().expect("an id").to_owned();
    failures.iter().map(id).collect()
}
