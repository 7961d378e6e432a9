//! `background-fail-dead-letters`: fails jobs whose messages reached the dead-letter queue.
//!
//! The worker received such a message five times and failed each time. The job fails, its credit is
//! released, and the member can try again; a finished job, or one a worker has claimed, is not
//! changed. A message that names no job is logged and dropped.

use clients::queue::JobMessage;
use runtime::{Function, Metrics, Task, TaskError, Worker};
use serde_json::Value;
use store::Store;

use crate::{lookup::find, settle::fail};

pub const WORKER: Worker = Worker::new("background-fail-dead-letters");

/// The function of this worker.
pub fn function() -> Function {
    Function::queue(WORKER, handle)
}

async fn handle(store: &Store, task: Task<Value>) -> Result<(), TaskError> {
    Metrics::new().count("DeadLetters", 1).emit();
    let Ok(message) = JobMessage::parse(&task.body.to_string()) else {
        tracing::error!("dead letter is not a job message, dropped");
        return Ok(());
    };
    task.log_job(&message.user_id, &message.job_id);
    let Some(found) = find(store, &message).await? else { return Ok(()) };
    if found.job.lease_until.is_some_and(|until| task.now < until) {
        return Ok(());
    }
    match found.job.give_up() {
        Some(failure) => fail(store, &found.job, failure, task.clock()).await,
        None => Ok(()),
    }
}
