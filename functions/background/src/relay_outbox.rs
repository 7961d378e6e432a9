//! `background-relay-outbox`: from the table's stream to the queues.
//!
//! The table is the outbox: whoever queues a job, or leaves a balance below what its member wants,
//! writes that and nothing else. Each change that leaves a job waiting, for a worker now or for a
//! look later, becomes a hint in the queue of generations, delayed until it is due; each that makes
//! a pack due, one in the queue of top-ups. A hint that is lost is repaired by the sweep or by the
//! nightly reconcile; one too many changes nothing.

use std::process::ExitCode;

use clients::{
    GenerationQueue, TopUpQueue,
    queue::{JobMessage, Message, NotSent, Queue, TopUpHint},
};
use domain::Timestamp;
use runtime::{Change, Changes, TaskError, Worker};
use store::{StoreError, changed_job, changed_top_up};

pub const WORKER: Worker = Worker::new("background-relay-outbox");

/// What a change gives rise to.
enum Waiting {
    Job(JobMessage),
    TopUp(TopUpHint),
    Nothing,
}

/// The whole of its process.
pub fn serve() -> ExitCode {
    runtime::stream(WORKER, handle)
}

pub async fn handle(
    (generations, top_ups): &(GenerationQueue, TopUpQueue),
    changes: Changes,
) -> Vec<Result<(), TaskError>> {
    let mut results = Vec::with_capacity(changes.items.len());
    let (mut jobs, mut packs) = (Outgoing::new(), Outgoing::new());
    for (place, change) in changes.items.iter().enumerate() {
        results.push(match waiting(change, changes.now) {
            Ok(Waiting::Job(hint)) => jobs.add(place, hint),
            Ok(Waiting::TopUp(hint)) => packs.add(place, hint),
            Ok(Waiting::Nothing) => Ok(()),
            Err(corrupt) => Err(corrupt.into()),
        });
    }
    let sent = [jobs.send(generations).await, packs.send(top_ups).await].concat();
    for (place, sent) in sent {
        results[place] = sent.map_err(TaskError::from);
    }
    results
}

/// Hints of one queue, and the changes they came of.
struct Outgoing<M> {
    places: Vec<usize>,
    hints: Vec<M>,
}

impl<M: Message> Outgoing<M> {
    fn new() -> Outgoing<M> {
        Outgoing { places: Vec::new(), hints: Vec::new() }
    }

    fn add(&mut self, place: usize, hint: M) -> Result<(), TaskError> {
        self.places.push(place);
        self.hints.push(hint);
        Ok(())
    }

    async fn send(self, queue: &Queue<M>) -> Vec<(usize, Result<(), NotSent>)> {
        self.places.into_iter().zip(queue.send(&self.hints).await).collect()
    }
}

fn waiting(change: &Change, now: Timestamp) -> Result<Waiting, StoreError> {
    let image = &change.item.new_image.0;
    if let Some(user_id) = changed_top_up(image)? {
        return Ok(Waiting::TopUp(TopUpHint { user_id }));
    }
    let Some(job) = changed_job(image)? else { return Ok(Waiting::Nothing) };
    Ok(job.look_in_s(now).map_or(Waiting::Nothing, |delay_s| {
        Waiting::Job(JobMessage { user_id: job.user_id, job_id: job.id, delay_s })
    }))
}
