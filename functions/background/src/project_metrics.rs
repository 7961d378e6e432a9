//! `background-project-metrics`: projects the table's stream into the metrics for staff.
//!
//! A change may contain facts: a job ended, a member signed up, money moved. The facts of a batch
//! are counted together, each once: the transaction that adds a fact to the totals also marks it as
//! counted. So a stream that is replayed, duplicated, or out of order across shards gives the same
//! metrics, and a failed batch is safely counted again. If the facts of a batch cannot be counted
//! together, those of each change are counted by themselves, so that only the bad one fails.

use domain::{DomainError, ErrorKind, metrics::Fact};
use runtime::{Changes, Function, TaskError, Worker};
use store::{Store, StoreError, stated_by};

pub const WORKER: Worker = Worker::new("background-project-metrics");

/// The function of this worker.
pub fn function() -> Function {
    Function::stream(WORKER, handle)
}

async fn handle(store: &Store, changes: Changes) -> Vec<Result<(), TaskError>> {
    let stated: Vec<Result<Vec<Fact>, StoreError>> =
        changes.items.iter().map(|change| stated_by(&change.item.new_image.0)).collect();
    let facts: Vec<Fact> = stated.iter().flatten().flatten().cloned().collect();
    let failure = match store.count(&facts).await {
        Ok(counted) => {
            tracing::debug!(now = counted.now, before = counted.before, "facts counted");
            return stated.into_iter().map(|stated| Ok(stated.map(drop)?)).collect();
        }
        Err(failure) => failure,
    };
    // Lambda retries from the first failure: facts already counted are not counted again.
    if failure.kind() == ErrorKind::Unavailable {
        return vec![Err(failure.into())];
    }
    let mut results = Vec::with_capacity(stated.len());
    for stated in stated {
        results.push(count_alone(store, stated).await.map_err(TaskError::from));
    }
    results
}

async fn count_alone(
    store: &Store,
    stated: Result<Vec<Fact>, StoreError>,
) -> Result<(), StoreError> {
    store.count(&stated?).await.map(drop)
}
