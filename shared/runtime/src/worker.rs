//! A worker as data, its task and its errors; and the shell of a scheduled worker.

use std::{fmt, time::Duration};

use connect::{Clock, Connect};
use domain::{
    DomainError, Timestamp,
    id::{JobId, UserId},
};
use serde::Deserialize;
use serde_json::value::RawValue;
use store::{RunLease, Store};
use tracing::{Instrument, Span, error, info, warn};

use crate::{
    boot::{self, Events, Failed, Program, Served},
    context::InvocationContext,
    entropy::Entropy,
    error::{ApiError, meaning},
    guard,
    metrics::Metrics,
    telemetry::{self, Ended},
};

/// An asynchronous function: it processes messages, table changes or scheduled runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Worker {
    /// The name of the binary, the event and the log lines: `<domain>-<verb>-<noun>`.
    pub name: &'static str,
    /// How many messages of a batch are processed at once.
    pub concurrency: usize,
}

impl Worker {
    /// A worker that processes a whole batch of ten at once.
    pub const fn new(name: &'static str) -> Worker {
        Worker { name, concurrency: 10 }
    }

    /// The same worker with another concurrency.
    #[must_use]
    pub const fn with_concurrency(self, concurrency: usize) -> Worker {
        Worker { concurrency, ..self }
    }
}

/// One message of a queue, or one scheduled run.
#[derive(Debug)]
pub struct Task<M = ()> {
    /// The message body.
    pub body: M,
    /// When processing began.
    pub now: Timestamp,
    /// When it was sent, or the run was due.
    pub sent_at: Timestamp,
    /// Delivery count, this one included; 1 for a scheduled run.
    pub attempt: u32,
    /// Whether a person started the run: the event of a schedule says when it was due.
    pub is_by_hand: bool,
    /// When nothing more should be begun.
    pub(crate) ends_at: Option<Timestamp>,
    /// When what was begun must stop.
    pub(crate) stops_at: Option<Timestamp>,
    pub(crate) clock: Clock,
    pub(crate) entropy: Entropy,
}

impl<M> Task<M> {
    /// The clock, for work that takes long: `now` is when it began.
    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    /// 128 random bits.
    pub fn random(&self) -> u128 {
        self.entropy.next()
    }

    /// Whether the time is nearly up: nothing more should be begun.
    pub fn is_ending(&self) -> bool {
        self.ends_at.is_some_and(|ends_at| ends_at <= self.clock.now())
    }

    /// How long a piece of work that begins now may take; `None` in a test without a deadline.
    pub fn time_left(&self) -> Option<Duration> {
        Some(self.clock.now().until(self.stops_at?))
    }

    /// Records the actor and the job id in every following log line.
    pub fn log_job(&self, actor: &UserId, job: &JobId) {
        Span::current().record("actor", actor.as_str()).record("job_id", job.as_str());
    }
}

/// Why a message, a change or a run failed. Made from any [`DomainError`] by `?`: an error of a
/// transient kind is retried, any other is parked.
pub enum TaskError {
    /// Transient: it is redelivered.
    Retry(ApiError),
    /// Permanent: a message goes to the dead-letter queue, a change to the stream's failures.
    Park(ApiError),
}

impl TaskError {
    pub(crate) fn error(&self) -> &ApiError {
        match self {
            TaskError::Retry(error) | TaskError::Park(error) => error,
        }
    }

    pub(crate) fn outcome(&self) -> &'static str {
        match self {
            TaskError::Retry(_) => "retry",
            TaskError::Park(_) => "parked",
        }
    }
}

impl From<ApiError> for TaskError {
    fn from(error: ApiError) -> TaskError {
        match meaning(error.kind()).retryable {
            true => TaskError::Retry(error),
            false => TaskError::Park(error),
        }
    }
}

impl<R: DomainError> From<R> for TaskError {
    fn from(refusal: R) -> TaskError {
        ApiError::from(refusal).into()
    }
}

impl fmt::Debug for TaskError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {:?}", self.outcome(), self.error())
    }
}

/// A process that does scheduled runs. A failed run is reported as failed, and
/// EventBridge retries it twice.
pub(crate) fn program<C, H>(worker: Worker, handle: H) -> Events
where
    C: Connect + 'static,
    H: AsyncFn(&C, Task) -> Result<(), TaskError> + 'static,
{
    let answer = async move |capabilities: &C, context: InvocationContext, event: Box<RawValue>| {
        let event = boot::read(&event)?;
        let done = dispatch_schedule(&worker, &handle, capabilities, &context, event).await;
        done.map_err(|e| Failed(format!("{}: {}", worker.name, e.error().code())))?;
        boot::written(&()).map(Served::Done)
    };
    Program::new(worker.name, C::variables(), answer)
}

/// Does one scheduled run, unless another one of the same function is under way: EventBridge may
/// send an event twice, and a run may outlast the time between two. A run that dies holds its lease
/// until Lambda would have ended it.
///
/// # Errors
/// What the handler returned.
pub(crate) async fn dispatch_schedule<C, H>(
    worker: &Worker,
    handle: &H,
    capabilities: &C,
    context: &InvocationContext,
    event: ScheduleEvent,
) -> Result<(), TaskError>
where
    C: Connect,
    H: AsyncFn(&C, Task) -> Result<(), TaskError>,
{
    let now = context.now();
    let task = Task {
        body: (),
        now,
        sent_at: event.time.unwrap_or(now),
        attempt: 1,
        is_by_hand: event.time.is_none(),
        ends_at: context.ends_at(),
        stops_at: context.stops_at(),
        clock: context.clock.clone(),
        entropy: context.entropy.clone(),
    };
    let store = capabilities.table().and_then(|table| table.downcast_ref::<Store>());
    let work = async {
        // Without a deadline, which only a test lacks, a lease could not end.
        let (Some(store), Some(until)) = (store, context.deadline) else {
            return guard::within(context.time_left(), handle(capabilities, task)).await?;
        };
        let Some(lease) = store.lease_run(worker.name, (now, until)).await? else {
            info!("another run of this function is under way, this one does nothing");
            return Ok(());
        };
        let done = guard::within(context.time_left(), handle(capabilities, task)).await;
        release(store, &lease).await;
        done?
    };
    supervise(worker, context, &event.id, work).await
}

/// Ends the lease of a run. If that fails, it ends by itself.
async fn release(store: &Store, lease: &RunLease) {
    if let Err(error) = store.release_run(lease).await {
        warn!(%error, "lease of the run not released, it ends with the function's timeout");
    }
}

/// EventBridge's event of a schedule; unknown fields are ignored. `aws_lambda_events` requires a source
/// and a detail, which a run that is started by hand does not have.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct ScheduleEvent {
    id: String,
    time: Option<Timestamp>,
}

/// Runs one task in a span named `id` and logs its outcome.
pub(crate) async fn supervise(
    worker: &Worker,
    context: &InvocationContext,
    id: &str,
    work: impl Future<Output = Result<(), TaskError>>,
) -> Result<(), TaskError> {
    let (span, ended) = (telemetry::span(id), Ended::begin(worker.name, context));
    let done = work.instrument(span.clone()).await;
    let _in_span = span.enter();
    match &done {
        Ok(()) => ended.log_work(context, "done"),
        Err(failed) => {
            log_failure(worker, failed);
            ended.log_work(context, failed.outcome());
        }
    }
    done
}

/// Logs why a task failed; parked tasks are counted, because they need a person.
fn log_failure(worker: &Worker, failed: &TaskError) {
    let refusal = failed.error();
    let (code, error) = (refusal.refusal().code(), refusal.chain());
    match failed {
        TaskError::Retry(_) => warn!(code, error, "task failed, will be retried"),
        TaskError::Park(_) => {
            error!(code, error, "task failed for good, parked");
            Metrics::new().dimension("Worker", worker.name).count("Parked", 1).emit();
        }
    }
}
