//! `background-project-metrics`: from the table's stream to the numbers for staff.
//!
//! Each change may state facts: that a job is over, that a member came, that money moved. Those of a
//! batch are counted together, each once: a fact is written as counted in the transaction that adds
//! it to the sums. So a stream that is replayed, doubled, or out of order across its shards comes to
//! the same numbers, and a batch that fails is counted again without harm.

use std::process::ExitCode;

use runtime::{Changes, TaskError, Worker};
use store::{Store, stated_by};

pub const WORKER: Worker = Worker::new("background-project-metrics");

/// The whole of its process.
pub fn serve() -> ExitCode {
    runtime::stream(WORKER, handle)
}

pub async fn handle(store: &Store, changes: Changes) -> Vec<Result<(), TaskError>> {
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
            tracing::debug!(now = counted.now, before = counted.before, "counted");
            results
        }
        // Lambda repeats from the first that failed: what was counted is not counted again.
        Err(error) => vec![Err(error.into())],
    }
}
