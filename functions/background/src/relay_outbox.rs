//! `background-relay-outbox`: relays the table's stream to the queues.
//!
//! The table is the outbox: a function that queues a job, makes a top-up due or submits a listing
//! writes only the table. Each change that leaves a job waiting, for a worker now or for a poll
//! later, becomes a message in the generation queue, delayed until it is due; each that makes a pack
//! due, one in the top-up queue; each that leaves a submitted listing to be prepared, one in the
//! queue of pictures. A lost message is repaired by the sweep, by the nightly reconciliation, or by
//! the creator, who may submit again; a duplicate has no effect.

use clients::{
    GenerationQueue, PreparationQueue, TopUpQueue,
    queue::{JobMessage, Message, NotSent, PreparationMessage, Queue, TopUpMessage},
};
use domain::Timestamp;
use runtime::{Change, Changes, Connect, Function, TaskError, Worker};
use store::{StoreError, changed_job, changed_submission, changed_top_up};

pub const WORKER: Worker = Worker::new("background-relay-outbox");

/// The message that a change requires.
enum Waiting {
    Job(JobMessage),
    TopUp(TopUpMessage),
    Preparation(PreparationMessage),
    Nothing,
}

/// The function of this worker.
pub fn function() -> Function {
    Function::stream(WORKER, handle)
}

#[derive(Connect)]
struct Deps {
    generations: GenerationQueue,
    top_ups: TopUpQueue,
    preparations: PreparationQueue,
}

async fn handle(
    Deps { generations, top_ups, preparations }: &Deps,
    changes: Changes,
) -> Vec<Result<(), TaskError>> {
    let mut results = Vec::with_capacity(changes.items.len());
    let (mut jobs, mut packs, mut listings) = (Outgoing::new(), Outgoing::new(), Outgoing::new());
    for (place, change) in changes.items.iter().enumerate() {
        results.push(match waiting(change, changes.now) {
            Ok(Waiting::Job(message)) => jobs.add(place, message),
            Ok(Waiting::TopUp(message)) => packs.add(place, message),
            Ok(Waiting::Preparation(message)) => listings.add(place, message),
            Ok(Waiting::Nothing) => Ok(()),
            Err(corrupt) => Err(corrupt.into()),
        });
    }
    let sent = [
        jobs.send(generations).await,
        packs.send(top_ups).await,
        listings.send(preparations).await,
    ];
    for (place, sent) in sent.concat() {
        results[place] = sent.map_err(TaskError::from);
    }
    results
}

/// Messages for one queue, and the changes they come from.
struct Outgoing<M> {
    places: Vec<usize>,
    messages: Vec<M>,
}

impl<M: Message> Outgoing<M> {
    fn new() -> Outgoing<M> {
        Outgoing { places: Vec::new(), messages: Vec::new() }
    }

    fn add(&mut self, place: usize, message: M) -> Result<(), TaskError> {
        self.places.push(place);
        self.messages.push(message);
        Ok(())
    }

    async fn send(self, queue: &Queue<M>) -> Vec<(usize, Result<(), NotSent>)> {
        self.places.into_iter().zip(queue.send(&self.messages).await).collect()
    }
}

fn waiting(change: &Change, now: Timestamp) -> Result<Waiting, StoreError> {
    let image = &change.item.new_image.0;
    if let Some(user_id) = changed_top_up(image)? {
        return Ok(Waiting::TopUp(TopUpMessage { user_id }));
    }
    if let Some((creator_id, listing_id, version)) = changed_submission(image)? {
        let message = PreparationMessage { creator_id, listing_id, version };
        return Ok(Waiting::Preparation(message));
    }
    let Some(job) = changed_job(image)? else { return Ok(Waiting::Nothing) };
    Ok(job.look_in_s(now).map_or(Waiting::Nothing, |delay_s| {
        Waiting::Job(JobMessage { user_id: job.user_id, job_id: job.id, delay_s })
    }))
}
