//! `background-retry-webhooks`: every minute, queues deliveries of webhooks whose next attempt is
//! due, and those whose message is lost.
//!
//! Changes: the state of a delivery; the table's stream then makes it a message.
//! Retry: repeated, late or concurrent runs queue a delivery once. One that cannot be read or queued
//! is logged and counted, and the others are queued; after an interrupted run the next continues
//! (`walk`).

use domain::webhook::delivery::Delivery;
use runtime::{Function, Metrics, Task, TaskError, Worker};
use store::{DELIVERY_SHARDS, IndexPosition, Store, StoreError};

use crate::{
    run::Run,
    walk::{Walk, shards},
};

pub const WORKER: Worker = Worker::new("background-retry-webhooks");

/// Deliveries of a page, the longest due first.
const PAGE: u16 = 100;

/// The function of this worker.
pub fn function() -> Function {
    Function::schedule(WORKER, handle)
}

async fn handle(store: &Store, task: Task) -> Result<(), TaskError> {
    let (mut queued, mut run, now) = (0, Run::default(), task.now);
    let (mut walk, legs) =
        Walk::begin((store, &task), WORKER.name, shards(DELIVERY_SHARDS)).await?;
    for leg in &legs {
        let page = async |after: Option<&IndexPosition>| {
            store.due_deliveries(leg.shard(), now, (after, PAGE)).await
        };
        let queue = async |due: Vec<Delivery>| {
            for delivery in &due {
                let done = store.queue_delivery(delivery, now).await;
                queued += u64::from(run.take("delivery", &delivery.id, done).unwrap_or_default());
            }
            Ok::<(), StoreError>(())
        };
        walk.pages(leg, page, queue).await?;
    }
    Metrics::new().count("WebhookRetries", queued).emit();
    run.end_walk(walk).await
}
