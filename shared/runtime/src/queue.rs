//! The shell around a queue's worker: messages are independent, and only those that failed are
//! redelivered (a partial batch response).
//!
//! The event source mapping must set `ReportBatchItemFailures`.

use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent, SqsMessage};
use connect::Connect;
use domain::Timestamp;
use futures_util::{StreamExt, stream};
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use crate::{
    boot::{self, Events, Program, Served},
    context::InvocationContext,
    guard,
    metrics::Metrics,
    worker::{Task, TaskError, Worker, supervise},
};

/// A message that does not parse.
#[derive(Debug, thiserror::Error)]
#[error("the message does not match this queue's schema")]
struct Poison(#[source] serde_json::Error);

domain::domain_error!(Poison => Malformed, "poison_message");

/// A process that works through batches of a queue.
pub(crate) fn program<C, M, H>(worker: Worker, handle: H) -> Events
where
    C: Connect + 'static,
    M: DeserializeOwned,
    H: AsyncFn(&C, Task<M>) -> Result<(), TaskError> + 'static,
{
    let answer = async move |capabilities: &C, context: InvocationContext, event: Box<RawValue>| {
        let event = boot::read(&event)?;
        let answer = dispatch_queue(&worker, &handle, capabilities, &context, event).await;
        boot::written(&answer).map(Served::Done)
    };
    Program::new(worker.name, C::variables(), answer)
}

/// Works through one batch.
///
/// A parked message is reported as failed too: the queue's redrive policy moves it to the
/// dead-letter queue.
pub(crate) async fn dispatch_queue<C, M, H>(
    worker: &Worker,
    handle: &H,
    capabilities: &C,
    context: &InvocationContext,
    event: SqsEvent,
) -> SqsBatchResponse
where
    M: DeserializeOwned,
    H: AsyncFn(&C, Task<M>) -> Result<(), TaskError>,
{
    log_ages(worker, context, &event);
    let work = event.records.into_iter().map(async |message| {
        let work = async {
            let task = task(&message, context)?;
            guard::within(context.time_left(), handle(capabilities, task)).await?
        };
        let id = message.message_id.as_deref().unwrap_or_default();
        supervise(worker, context, id, work).await.err().map(|_| id.to_owned())
    });
    let failed: Vec<_> = stream::iter(work).buffered(worker.concurrency.max(1)).collect().await;
    let mut response = SqsBatchResponse::default();
    response.set_failures(failed.into_iter().flatten());
    response
}

fn task<M: DeserializeOwned>(
    message: &SqsMessage,
    context: &InvocationContext,
) -> Result<Task<M>, Poison> {
    let body = message.body.as_deref().unwrap_or_default();
    let body = serde_json::from_str(body).map_err(Poison)?;
    let now = context.now();
    Ok(Task {
        body,
        now,
        sent_at: sent_at(message).unwrap_or(now),
        attempt: attribute(message, "ApproximateReceiveCount").unwrap_or(1),
        is_by_hand: false,
        ends_at: context.ends_at(),
        stops_at: context.stops_at(),
        clock: context.clock.clone(),
        entropy: context.entropy.clone(),
    })
}

fn sent_at(message: &SqsMessage) -> Option<Timestamp> {
    attribute(message, "SentTimestamp").map(Timestamp::from_millis)
}

fn attribute<T: std::str::FromStr>(message: &SqsMessage, name: &str) -> Option<T> {
    message.attributes.get(name)?.parse().ok()
}

/// Emits how long the messages waited, on their first delivery.
fn log_ages(worker: &Worker, context: &InvocationContext, event: &SqsEvent) {
    let now = context.now();
    let ages = event
        .records
        .iter()
        .filter_map(sent_at)
        .map(|sent_at| u64::try_from(sent_at.until(now).as_millis()).unwrap_or(u64::MAX));
    let ages = ages.collect();
    Metrics::new().dimension("Worker", worker.name).millis_each("QueueAge", ages).emit();
}
