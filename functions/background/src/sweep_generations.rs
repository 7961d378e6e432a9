//! `background-sweep-generations`: every minute, sends messages for overdue jobs.
//!
//! It repairs lost messages, workers that died with a lease, and providers that never answered. It
//! only sends messages; the worker decides. Repeated, late or concurrent runs send duplicate
//! messages, which have no effect.

use std::time::Duration;

use clients::{GenerationQueue, queue::JobMessage};
use futures_util::future::try_join_all;
use runtime::{Connect, Function, Metrics, Task, TaskError, Worker};
use store::{OPEN_SHARDS, Store};

pub const WORKER: Worker = Worker::new("background-sweep-generations");

/// How long a job may be overdue before its message counts as lost.
const GRACE: Duration = Duration::from_secs(20);
/// Most jobs of a shard in one run, the longest overdue first; the rest follow a minute later.
const JOBS_MAX: u16 = 500;

/// The function of this worker.
pub fn function() -> Function {
    Function::schedule(WORKER, handle)
}

#[derive(Connect)]
struct Deps {
    store: Store,
    queue: GenerationQueue,
}

async fn handle(Deps { store, queue }: &Deps, task: Task) -> Result<(), TaskError> {
    let due_by = task.now.minus(GRACE);
    let shards = (0..OPEN_SHARDS).map(|shard| store.due_jobs(shard, due_by, JOBS_MAX));
    let overdue = try_join_all(shards).await?;
    let messages: Vec<JobMessage> =
        overdue.into_iter().flatten().map(|(user, job)| JobMessage::now(user, job)).collect();
    let count = u64::try_from(messages.len()).unwrap_or(u64::MAX);
    Metrics::new().count("OverdueJobs", count).emit();
    // A job whose message was not sent is still overdue; the next run sends it.
    queue.send(&messages).await.into_iter().collect::<Result<(), _>>().map_err(TaskError::from)
}
