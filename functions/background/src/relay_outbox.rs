//! `background-relay-outbox`: relays the table's stream to the queues, and events to webhooks.
//!
//! The table is the outbox: a function that queues a job, makes a top-up due, submits a listing or
//! queues a delivery writes only the table. Each change that leaves a job waiting, for a worker now
//! or for a poll later, becomes a message in the generation queue, delayed until it is due; each
//! that makes a pack due, one in the top-up queue; each that leaves a submitted listing to be
//! prepared, one in the queue of pictures; each that queues a delivery, one in the queue of
//! webhooks. A change that states an event becomes a delivery for each webhook that wants it;
//! without any, it costs one read. A lost message is repaired by the sweep, by the nightly
//! reconciliation, by `background-retry-webhooks`, or by the creator, who may submit again; a
//! duplicate has no effect.

use clients::{
    DeliveryQueue, GenerationQueue, PreparationQueue, TopUpQueue,
    queue::{
        DeliveryMessage, JobMessage, Message, NotSent, PreparationMessage, Queue, TopUpMessage,
    },
};
use domain::{Timestamp, webhook::announcement::Announcement};
use runtime::{Change, Changes, Connect, Function, TaskError, Worker};
use store::{
    Store, StoreError, announced_by, changed_job, changed_submission, changed_top_up,
    queued_delivery,
};

pub const WORKER: Worker = Worker::new("background-relay-outbox");

/// The message that a change requires.
enum Waiting {
    Job(JobMessage),
    TopUp(TopUpMessage),
    Preparation(PreparationMessage),
    Delivery(DeliveryMessage),
    Nothing,
}

/// The function of this worker.
pub fn function() -> Function {
    Function::stream(WORKER, handle)
}

#[derive(Connect)]
struct Deps {
    store: Store,
    generations: GenerationQueue,
    top_ups: TopUpQueue,
    preparations: PreparationQueue,
    deliveries: DeliveryQueue,
}

async fn handle(deps: &Deps, changes: Changes) -> Vec<Result<(), TaskError>> {
    let mut results = Vec::with_capacity(changes.items.len());
    let (mut jobs, mut packs) = (Outgoing::new(), Outgoing::new());
    let (mut listings, mut hooks) = (Outgoing::new(), Outgoing::new());
    for (place, change) in changes.items.iter().enumerate() {
        results.push(match waiting(change, changes.now) {
            Ok(Waiting::Job(message)) => jobs.add(place, message),
            Ok(Waiting::TopUp(message)) => packs.add(place, message),
            Ok(Waiting::Preparation(message)) => listings.add(place, message),
            Ok(Waiting::Delivery(message)) => hooks.add(place, message),
            Ok(Waiting::Nothing) => Ok(()),
            Err(corrupt) => Err(corrupt.into()),
        });
    }
    let sent = [
        jobs.send(&deps.generations).await,
        packs.send(&deps.top_ups).await,
        listings.send(&deps.preparations).await,
        hooks.send(&deps.deliveries).await,
    ];
    for (place, sent) in sent.concat() {
        results[place] = sent.map_err(TaskError::from);
    }
    // Last: whatever becomes of webhooks, the messages are sent.
    for (change, result) in changes.items.iter().zip(&mut results) {
        if let Err(error) = announce(&deps.store, change, changes.now).await {
            *result = Err(error.into());
        }
    }
    results
}

/// Makes deliveries of the event that a change states.
async fn announce(store: &Store, change: &Change, now: Timestamp) -> Result<(), StoreError> {
    match announcement(change, now)? {
        Some(announcement) => store.announce(&announcement, now).await,
        None => Ok(()),
    }
}

fn announcement(change: &Change, now: Timestamp) -> Result<Option<Announcement>, StoreError> {
    let item = &change.item;
    announced_by(&item.old_image.0, &item.new_image.0, item.changed_at().unwrap_or(now))
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
    if let Some((delivery, queued_at)) = queued_delivery(image)? {
        let store::DeliveryRef { user_id, webhook_id, event_id } = delivery;
        let message = DeliveryMessage { user_id, webhook_id, event_id, queued_at };
        return Ok(Waiting::Delivery(message));
    }
    let Some(job) = changed_job(image)? else { return Ok(Waiting::Nothing) };
    Ok(job.look_in_s(now).map_or(Waiting::Nothing, |delay_s| {
        Waiting::Job(JobMessage { user_id: job.user_id, job_id: job.id, delay_s })
    }))
}
