//! `background-relay-outbox`: from the table's stream to the generation queue.
//!
//! The table is the outbox: whoever queues a job writes the job and nothing else. Each change that
//! leaves a job waiting, for a worker now or for a look later, becomes a hint in the queue, delayed
//! until it is due. A hint that is lost is repaired by the sweep; one too many changes nothing.

use clients::{GenerationQueue, queue::Hint};
use domain::Timestamp;
use runtime::{Change, Changes, TaskError, Worker};
use store::{StoreError, changed_job};

pub const WORKER: Worker = Worker::new("background-relay-outbox");

pub async fn handle(queue: &GenerationQueue, changes: Changes) -> Vec<Result<(), TaskError>> {
    let mut results = Vec::with_capacity(changes.items.len());
    let (mut hints, mut places) = (Vec::new(), Vec::new());
    for (place, change) in changes.items.iter().enumerate() {
        match hint(change, changes.now) {
            Ok(hint) => {
                results.push(Ok(()));
                places.extend(hint.is_some().then_some(place));
                hints.extend(hint);
            }
            Err(corrupt) => results.push(Err(corrupt.into())),
        }
    }
    for (place, sent) in places.into_iter().zip(queue.send(&hints).await) {
        results[place] = sent.map_err(TaskError::from);
    }
    results
}

/// The hint a change gives rise to, if its job waits for somebody.
fn hint(change: &Change, now: Timestamp) -> Result<Option<Hint>, StoreError> {
    let Some(job) = changed_job(&change.item.new_image.0)? else { return Ok(None) };
    let delay_s = job.look_in_s(now);
    Ok(delay_s.map(|delay_s| Hint { user_id: job.user_id, job_id: job.id, delay_s }))
}
