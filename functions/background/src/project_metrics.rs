//! `background-project-metrics`: projects the table's stream into the metrics for staff.
//!
//! A change may contain facts: a job ended, a member signed up, money moved. The facts of a batch
//! are counted together, each once: the transaction that adds a fact to the totals also marks it as
//! counted. So a stream that is replayed, duplicated, or out of order across shards gives the same
//! metrics, and a failed batch is safely counted again.

use runtime::{Changes, Function, TaskError, Worker};
use store::{Store, stated_by};

pub const WORKER: Worker = Worker::new("background-project-metrics");

/// The function of this worker.
pub fn function() -> Function {
    Function::stream(WORKER, handle)
}

async fn handle(store: &Store, changes: Changes) -> Vec<Result<(), TaskError>> {
    let mut facts = Vec::new();
    let mut results: Vec<Result<(), TaskError>> = Vec::with_capacity(changes.items.len());
    for change in &changes.items {
        results.push(match stated_by(&change.item.new_image.0) {
            Ok(stated) => {
                facts.extend(stated);
                Ok(())
            }
            Err(corrupt) => Err(corrupt.into()),
        });
    }
    match store.count(&facts).await {
        Ok(counted) => {
            tracing::debug!(now = counted.now, before = counted.before, "facts counted");
            results
        }
        // Lambda retries from the first failure: facts already counted are not counted again.
        Err(error) => vec![Err(error.into())],
    }
}
