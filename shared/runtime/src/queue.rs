//! The shell around a queue's worker: messages are independent, and only those that failed are
//! redelivered (a partial batch response).
//!
//! The event source mapping must set `ReportBatchItemFailures`.

use std::collections::HashMap;

use connect::Connect;
use domain::{DomainError, ErrorKind, Timestamp};
use futures_util::{StreamExt, stream};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::value::RawValue;

use crate::{
    boot::{self, Events, Program, Served},
    context::InvocationContext,
    guard,
    metrics::Metrics,
    worker::{Task, TaskError, Worker, supervise},
};

/// A batch of messages from SQS; unknown fields are ignored.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct QueueEvent {
    #[serde(rename = "Records")]
    records: Vec<Message>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Message {
    message_id: String,
    #[serde(default)]
    body: String,
    #[serde(default)]
    attributes: HashMap<String, String>,
}

/// The failed items of a batch.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct BatchResponse {
    /// One entry per failed item.
    pub batch_item_failures: Vec<ItemFailure>,
}

/// An item that is redelivered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ItemFailure {
    /// A message id, or the sequence number of a change.
    pub item_identifier: String,
}

impl BatchResponse {
    pub(crate) fn of(failed: impl Iterator<Item = String>) -> BatchResponse {
        let batch_item_failures = failed.map(|item_identifier| ItemFailure { item_identifier });
        BatchResponse { batch_item_failures: batch_item_failures.collect() }
    }
}

/// A message that does not parse.
#[derive(Debug, thiserror::Error)]
#[error("the message does not match this queue's schema")]
struct Poison(#[source] serde_json::Error);

impl DomainError for Poison {
    fn kind(&self) -> ErrorKind {
        ErrorKind::Malformed
    }
    fn code(&self) -> &'static str {
        "poison_message"
    }
}

/// A process that works through batches of a queue.
pub(crate) fn program<C, M, H>(worker: Worker, handle: H) -> Events
where
    C: Connect + 'static,
    M: DeserializeOwned,
    H: AsyncFn(&C, Task<M>) -> Result<(), TaskError> + 'static,
{
    let answer = async move |capabilities: &C, ambient: InvocationContext, event: Box<RawValue>| {
        let event = boot::read(&event)?;
        let answer = dispatch_queue(&worker, &handle, capabilities, &ambient, event).await;
        boot::written(&answer).map(Served::Done)
    };
    Program::new(worker.name, C::variables(), answer)
}

/// Works through one batch.
///
/// A parked message is reported as failed too: the queue's redrive policy moves it to the
/// dead-letter queue.
pub async fn dispatch_queue<C, M, H>(
    worker: &Worker,
    handle: &H,
    capabilities: &C,
    ambient: &InvocationContext,
    event: QueueEvent,
) -> BatchResponse
where
    M: DeserializeOwned,
    H: AsyncFn(&C, Task<M>) -> Result<(), TaskError>,
{
    log_ages(worker, ambient, &event);
    let work = event.records.into_iter().map(async |message| {
        let work = async {
            let task = message.task(ambient)?;
            guard::within(ambient.time_left(), handle(capabilities, task)).await?
        };
        match supervise(worker, ambient, &message.message_id, work).await {
            Ok(()) => None,
            Err(_) => Some(message.message_id),
        }
    });
    let failed: Vec<_> = stream::iter(work).buffered(worker.concurrency.max(1)).collect().await;
    BatchResponse::of(failed.into_iter().flatten())
}

impl Message {
    fn task<M: DeserializeOwned>(&self, ambient: &InvocationContext) -> Result<Task<M>, Poison> {
        let body = serde_json::from_str(&self.body).map_err(Poison)?;
        let now = ambient.now();
        Ok(Task {
            body,
            now,
            sent_at: self.sent_at().unwrap_or(now),
            attempt: self.attribute("ApproximateReceiveCount").unwrap_or(1),
            entropy: ambient.entropy.clone(),
        })
    }

    fn sent_at(&self) -> Option<Timestamp> {
        self.attribute("SentTimestamp").map(Timestamp::from_millis)
    }

    fn attribute<T: std::str::FromStr>(&self, name: &str) -> Option<T> {
        self.attributes.get(name)?.parse().ok()
    }
}

/// Emits how long the messages waited, on their first delivery.
fn log_ages(worker: &Worker, ambient: &InvocationContext, event: &QueueEvent) {
    let now = ambient.now();
    let ages = event
        .records
        .iter()
        .filter_map(Message::sent_at)
        .map(|sent_at| u64::try_from(sent_at.until(now).as_millis()).unwrap_or(u64::MAX));
    let ages = ages.collect();
    Metrics::at(now).dimension("Worker", worker.name).millis_each("QueueAge", ages).emit();
}
