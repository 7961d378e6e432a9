//! `background-retry-webhooks`: every minute, queues deliveries of webhooks whose next attempt is
//! due, and those whose message is lost.
//!
//! Changes: the state of a delivery; the table's stream then makes it a message.
//! Retry: repeated, late or concurrent runs queue a delivery once.

use runtime::{Function, Metrics, Task, TaskError, Worker};
use store::{DELIVERY_SHARDS, Store};

pub const WORKER: Worker = Worker::new("background-retry-webhooks");

/// Most deliveries of a shard in one run, the longest due first; the rest follow a minute later.
const AT_ONCE: u16 = 100;

/// The function of this worker.
pub fn function() -> Function {
    Function::schedule(WORKER, handle)
}

async fn handle(store: &Store, task: Task) -> Result<(), TaskError> {
    let mut queued = 0;
    for shard in 0..DELIVERY_SHARDS {
        queued += store.queue_due_deliveries(shard, task.now, AT_ONCE).await?;
    }
    let queued = u64::try_from(queued).unwrap_or(u64::MAX);
    Metrics::new().count("WebhookRetries", queued).emit();
    Ok(())
}
