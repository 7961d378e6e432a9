//! A worker as data, what it is handed and how it fails; and the shell of a scheduled one.

use std::{fmt, process::ExitCode};

use domain::{
    DomainError, Timestamp,
    id::{JobId, UserId},
};
use serde::Deserialize;
use serde_json::value::RawValue;
use tracing::{Instrument, Span, error, warn};

use crate::{
    boot::{self, Failed, Program, Served},
    connect::Connect,
    context::{Entropy, InvocationContext},
    error::{ApiError, meaning},
    guard,
    metrics::Metrics,
    telemetry::{self, Ended},
};

/// A function nobody waits for: it is handed messages, changes, or the time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Worker {
    /// The name of the binary, of the event and of every log line: `<domain>-<verb>-<noun>`.
    pub name: &'static str,
    /// How many messages of a batch are in hand at once.
    pub concurrency: usize,
}

impl Worker {
    /// A worker that has a whole batch of ten in hand at once.
    pub const fn new(name: &'static str) -> Worker {
        Worker { name, concurrency: 10 }
    }

    /// The same worker with so many messages in hand at once.
    #[must_use]
    pub const fn with_concurrency(self, concurrency: usize) -> Worker {
        Worker { concurrency, ..self }
    }
}

/// One message of a queue, or one scheduled run.
#[derive(Debug)]
pub struct Task<M = ()> {
    /// What the message says.
    pub body: M,
    /// When the work on it began.
    pub now: Timestamp,
    /// When it was sent, or the run was due.
    pub sent_at: Timestamp,
    /// How many times it has been handed out, this time included; 1 for a scheduled run.
    pub attempt: u32,
    pub(crate) entropy: Entropy,
}

impl<M> Task<M> {
    /// 128 random bits.
    pub fn random(&self) -> u128 {
        self.entropy.next()
    }

    /// Names whom and which job this is about in every following log line.
    pub fn log_job(&self, actor: &UserId, job: &JobId) {
        Span::current().record("actor", actor.as_str()).record("job_id", job.as_str());
    }
}

/// Why a message, a change or a run was not dealt with. Made from any [`DomainError`] by `?`: one
/// whose kind may pass with time is retried, any other is parked.
pub enum TaskError {
    /// It may work later: it comes again.
    Retry(ApiError),
    /// It never will. A message goes on to the dead-letter queue, a change is passed over.
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

/// Serves a schedule until Lambda ends the process. A run that fails is reported as failed, and
/// EventBridge repeats it twice.
pub fn schedule<C, H>(worker: Worker, handle: H) -> ExitCode
where
    C: Connect + 'static,
    H: AsyncFn(&C, Task) -> Result<(), TaskError> + 'static,
{
    let answer = async move |capabilities: &C, ambient: InvocationContext, event: Box<RawValue>| {
        let event = boot::read(&event)?;
        let done = dispatch_schedule(&worker, &handle, capabilities, &ambient, event).await;
        done.map_err(|e| Failed(format!("{}: {}", worker.name, e.error().code())))?;
        boot::written(&()).map(Served::Done)
    };
    boot::serve_events(Program::new(worker.name, C::variables(), answer))
}

/// Does one scheduled run: what [`schedule`] does with each, and what a test calls.
///
/// # Errors
/// What the handler returned.
pub async fn dispatch_schedule<C, H>(
    worker: &Worker,
    handle: &H,
    capabilities: &C,
    ambient: &InvocationContext,
    event: ScheduleEvent,
) -> Result<(), TaskError>
where
    H: AsyncFn(&C, Task) -> Result<(), TaskError>,
{
    let task = Task {
        body: (),
        now: ambient.now(),
        sent_at: event.time.unwrap_or(ambient.now()),
        attempt: 1,
        entropy: ambient.entropy.clone(),
    };
    let work = async { guard::within(ambient.time_left(), handle(capabilities, task)).await? };
    supervise(worker, ambient, &event.id, work).await
}

/// EventBridge's event of a schedule, as far as it is read.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct ScheduleEvent {
    id: String,
    time: Option<Timestamp>,
}

/// Runs one piece of work in a span named `id` and logs how it ended.
pub(crate) async fn supervise(
    worker: &Worker,
    ambient: &InvocationContext,
    id: &str,
    work: impl Future<Output = Result<(), TaskError>>,
) -> Result<(), TaskError> {
    let (span, ended) = (telemetry::span(id), Ended::begin(worker.name, ambient));
    let done = work.instrument(span.clone()).await;
    let _in_span = span.enter();
    match &done {
        Ok(()) => ended.log_work(ambient, "done"),
        Err(failed) => {
            log_failure(worker, ambient, failed);
            ended.log_work(ambient, failed.outcome());
        }
    }
    done
}

/// Logs why something was not dealt with; what is parked is counted, because a person has to look.
pub(crate) fn log_failure(worker: &Worker, ambient: &InvocationContext, failed: &TaskError) {
    let refusal = failed.error();
    let (code, error) = (refusal.refusal().code(), refusal.chain());
    match failed {
        TaskError::Retry(_) => warn!(code, error, "will be retried"),
        TaskError::Park(_) => {
            error!(code, error, "parked");
            Metrics::at(ambient.now()).dimension("Worker", worker.name).count("Parked", 1).emit();
        }
    }
}
