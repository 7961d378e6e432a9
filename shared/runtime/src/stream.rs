//! The shell around a table's stream: a handler gets the changes of a batch in order and returns
//! one result for each.
//!
//! The event source mapping must set `ReportBatchItemFailures`: Lambda then repeats the batch from
//! the first failed change, so a handler sees some changes twice. It also must bisect: a change that
//! never succeeds ends up in a batch of its own, and after the last attempt the whole record is
//! stored in the bucket of stream failures, which has an alarm (`stream-gave-up`). So no change is
//! passed over, and one that fails delays those behind it until then.

use aws_lambda_events::sqs::SqsBatchResponse;
use connect::Connect;
use domain::Timestamp;
use serde::Deserialize;
use serde_json::{Map, Number, Value, value::RawValue};
use tracing::{Instrument, warn};

use crate::{
    boot::{self, Events, Program, Served},
    context::InvocationContext,
    guard,
    telemetry::{self, Ended},
    worker::{TaskError, Worker},
};

/// A batch of changes from DynamoDB Streams; unknown fields are ignored. `aws_lambda_events` requires
/// fields that nothing here reads (region, event id, size), and one that is missing fails the batch.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct StreamEvent {
    #[serde(rename = "Records")]
    records: Vec<Change>,
}

/// One change of an item.
#[derive(Debug, Clone, Deserialize)]
pub struct Change {
    /// The kind of change.
    #[serde(rename = "eventName")]
    pub kind: ChangeKind,
    /// The item, before and after.
    #[serde(rename = "dynamodb")]
    pub item: ChangedItem,
}

/// The kind of change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ChangeKind {
    /// The item was inserted.
    Insert,
    /// The item was modified.
    Modify,
    /// The item was deleted.
    Remove,
}

/// An item before and after its change.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ChangedItem {
    /// Its key.
    #[serde(default)]
    pub keys: Image,
    /// The new image; empty after a deletion.
    #[serde(default)]
    pub new_image: Image,
    /// The old image; empty for an insertion.
    #[serde(default)]
    pub old_image: Image,
    sequence_number: String,
    /// Seconds since the Unix epoch.
    #[serde(default, rename = "ApproximateCreationDateTime")]
    changed_at: Option<Number>,
}

impl ChangedItem {
    /// When the item was changed, in whole seconds: the same however often the change is read.
    pub fn changed_at(&self) -> Option<Timestamp> {
        // A whole number is written as one or with `.0`.
        let seconds = self.changed_at.as_ref()?.to_string();
        let seconds = seconds.split('.').next()?.parse().ok()?;
        Some(Timestamp::from_secs(seconds))
    }
}

/// Attributes by name, in DynamoDB's notation (`{"S": "text"}`).
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(transparent)]
pub struct Image(pub Map<String, Value>);

impl Image {
    /// The attribute `name`, if it is a string.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name)?.get("S")?.as_str()
    }
}

/// The changes of a batch, in their order.
#[derive(Debug)]
pub struct Changes {
    /// The changes.
    pub items: Vec<Change>,
    /// When processing began.
    pub now: Timestamp,
}

/// A process that works through batches of a stream.
///
/// The handler returns one result for each change, in the order of the changes.
pub(crate) fn program<C, H>(worker: Worker, handle: H) -> Events
where
    C: Connect + 'static,
    H: AsyncFn(&C, Changes) -> Vec<Result<(), TaskError>> + 'static,
{
    let answer = async move |capabilities: &C, context: InvocationContext, event: Box<RawValue>| {
        let event = boot::read(&event)?;
        let answer = dispatch_stream(&worker, &handle, capabilities, &context, event).await;
        boot::written(&answer).map(Served::Done)
    };
    Program::new(worker.name, C::variables(), answer)
}

/// Works through one batch. The response to a stream has the form of the one to a queue.
pub(crate) async fn dispatch_stream<C, H>(
    worker: &Worker,
    handle: &H,
    capabilities: &C,
    context: &InvocationContext,
    event: StreamEvent,
) -> SqsBatchResponse
where
    H: AsyncFn(&C, Changes) -> Vec<Result<(), TaskError>>,
{
    let names: Vec<(String, Image)> = event
        .records
        .iter()
        .map(|change| (change.item.sequence_number.clone(), change.item.keys.clone()))
        .collect();
    let batch = telemetry::span(names.first().map_or("", |(number, _)| number));
    let ended = Ended::begin(worker.name, context);
    let changes = Changes { items: event.records, now: context.now() };
    let work = guard::within(context.time_left(), handle(capabilities, changes));
    let results = work.instrument(batch.clone()).await;
    let _in_span = batch.enter();
    let results = results.unwrap_or_else(|e| vec![Err(TaskError::Retry(e))]);
    let mut failed = SqsBatchResponse::default();
    for (index, (number, key)) in names.into_iter().enumerate() {
        match results.get(index) {
            Some(Ok(())) => continue,
            Some(Err(failure)) => log_failed_change(&number, &key, failure),
            // A change without a result was not processed.
            None => {}
        }
        failed.add_failure(number);
    }
    ended.log_work(context, if failed.batch_item_failures.is_empty() { "done" } else { "retry" });
    failed
}

fn log_failed_change(number: &str, key: &Image, failure: &TaskError) {
    let key: Vec<&str> = key.0.keys().filter_map(|name| key.text(name)).collect();
    let key = key.join(" ");
    let (code, error) = (failure.error().refusal().code(), failure.error().chain());
    warn!(
        change = number,
        key, code, error, "change failed, retried until it is stored as given up"
    );
}
