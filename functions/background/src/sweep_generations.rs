//! `background-sweep-generations`: every minute, sends messages for overdue jobs.
//!
//! It repairs lost messages, workers that died with a lease, and providers that never answered. It
//! only sends messages; the worker decides. Repeated, late or concurrent runs send duplicate
//! messages, which have no effect. A run goes through all overdue jobs, and after an interrupted one
//! the next continues (`walk`): jobs that stay overdue hide no others.

use std::time::Duration;

use clients::{GenerationQueue, queue::JobMessage};
use domain::id::{JobId, UserId};
use runtime::{Connect, Function, Metrics, Task, TaskError, Worker};
use store::{IndexPosition, OPEN_SHARDS, Store, StoreError};

use crate::{
    run::Run,
    walk::{Walk, shards},
};

pub const WORKER: Worker = Worker::new("background-sweep-generations");

/// How long a job may be overdue before its message counts as lost.
const GRACE: Duration = Duration::from_secs(20);
/// Jobs of a page, the longest overdue first.
const PAGE: u16 = 500;

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
    let (mut count, mut run) = (0_usize, Run::default());
    let due_by = task.now.minus(GRACE);
    let (mut walk, legs) = Walk::begin((store, &task), WORKER.name, shards(OPEN_SHARDS)).await?;
    for leg in &legs {
        let page = async |after: Option<&IndexPosition>| {
            store.due_jobs(leg.shard(), due_by, (after, PAGE)).await
        };
        let send = async |overdue: Vec<(UserId, JobId)>| {
            count += overdue.len();
            let messages: Vec<JobMessage> =
                overdue.into_iter().map(|(user, job)| JobMessage::now(user, job)).collect();
            // A job whose message was not sent is still overdue; the next run sends it.
            let sent: Result<(), _> = queue.send(&messages).await.into_iter().collect();
            run.take("shard", &leg.list, sent);
            Ok::<(), StoreError>(())
        };
        walk.pages(leg, page, send).await?;
    }
    Metrics::new().count("OverdueJobs", u64::try_from(count).unwrap_or(u64::MAX)).emit();
    run.end_walk(walk).await
}
