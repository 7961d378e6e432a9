//! `background-sweep-generations`: every minute, hints for jobs nobody has looked at in time.
//!
//! It repairs whatever fell through: a hint that was lost, a worker that died with a lease, a
//! provider that says nothing. It only sends hints; the worker decides. Running twice, late or at
//! once with itself sends a hint too many and does no harm.

use std::{process::ExitCode, time::Duration};

use clients::{GenerationQueue, queue::JobMessage};
use futures_util::future::try_join_all;
use runtime::{Metrics, Task, TaskError, Worker};
use store::{OPEN_SHARDS, Store};

pub const WORKER: Worker = Worker::new("background-sweep-generations");

/// How long a job may be overdue before its hint counts as lost.
const GRACE: Duration = Duration::from_secs(20);
/// Most jobs of a shard in one run; the longest overdue come first, the rest a minute later.
const JOBS_MAX: u16 = 500;

/// The whole of its process.
pub fn serve() -> ExitCode {
    runtime::schedule(WORKER, handle)
}

pub async fn handle(
    (store, queue): &(Store, GenerationQueue),
    task: Task,
) -> Result<(), TaskError> {
    let due_by = task.now.minus(GRACE);
    let shards = (0..OPEN_SHARDS).map(|shard| store.due_jobs(shard, due_by, JOBS_MAX));
    let overdue = try_join_all(shards).await?;
    let hints: Vec<JobMessage> =
        overdue.into_iter().flatten().map(|(user, job)| JobMessage::now(user, job)).collect();
    let count = u64::try_from(hints.len()).unwrap_or(u64::MAX);
    Metrics::at(task.now).count("OverdueJobs", count).emit();
    // Those that were not sent are overdue still and come with the next run.
    queue.send(&hints).await.into_iter().collect::<Result<(), _>>().map_err(TaskError::from)
}
