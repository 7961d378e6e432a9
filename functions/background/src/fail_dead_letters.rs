//! `background-fail-dead-letters`: ends jobs whose hints failed again and again.
//!
//! What comes here was handed to the worker five times and failed each time. The job ends without an
//! image, its credit goes back, and its member can try again; a job that is over, or that somebody
//! is working on, is left alone. A message that never was a hint is logged and dropped.

use std::process::ExitCode;

use clients::queue::JobMessage;
use runtime::{Metrics, Task, TaskError, Worker};
use serde_json::Value;
use store::Store;

use crate::{lookup::find, settle::fail};

pub const WORKER: Worker = Worker::new("background-fail-dead-letters");

/// The whole of its process.
pub fn serve() -> ExitCode {
    runtime::queue(WORKER, handle)
}

pub async fn handle(store: &Store, task: Task<Value>) -> Result<(), TaskError> {
    Metrics::at(task.now).count("DeadLetters", 1).emit();
    let Ok(hint) = JobMessage::parse(&task.body.to_string()) else {
        tracing::error!("a message that is no hint was dropped");
        return Ok(());
    };
    task.log_job(&hint.user_id, &hint.job_id);
    let Some(found) = find(store, &hint).await? else { return Ok(()) };
    if found.job.lease_until.is_some_and(|until| task.now < until) {
        return Ok(());
    }
    match found.job.give_up() {
        Some(failure) => fail(store, &found.job, failure, task.now).await,
        None => Ok(()),
    }
}
