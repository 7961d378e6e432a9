//! `background-erase-data`: every minute, deletes the files of deleted listings and generations, files
//! that no version refers to any more, images withdrawn from the public, and members who asked for
//! deletion.
//!
//! Changes: files in both buckets; for a member also the subscription at Stripe, cancelled at once,
//! their listings, jobs, inputs and presets, and the personal data of the account.
//! Retry: every step may run twice and may be interrupted. An erasure stays due until all of it is
//! done; one that fails is retried five minutes later and does not stop the others. After an
//! interrupted run the next continues behind it (`walk`).

use clients::{StoredFiles, Stripe, stored_files::Deleted};
use domain::{
    Timestamp,
    erasure::{Erasure, ErasureSubject},
    id::UserId,
};
use runtime::{Connect, Function, Metrics, Task, TaskError, Worker};
use settlement::Settlement;
use store::{IndexPosition, Store, StoreError};
use tracing::{error, info};

use crate::{run::Run, walk::Walk};

pub const WORKER: Worker = Worker::new("background-erase-data");

/// One erasure at a time: one may take all the time of a run.
const ONE: u16 = 1;

#[derive(Connect)]
struct Deps {
    store: Store,
    stored: StoredFiles,
    stripe: Stripe,
}

/// The function of this worker.
pub fn function() -> Function {
    Function::schedule(WORKER, handle)
}

async fn handle(deps: &Deps, task: Task) -> Result<(), TaskError> {
    let (store, mut counts, mut run) = (&deps.store, Counts::default(), Run::default());
    let (mut walk, legs) = Walk::begin((store, &task), WORKER.name, &["erasures"]).await?;
    for leg in &legs {
        let page =
            async |after: Option<&IndexPosition>| store.due_erasures(task.now, after, ONE).await;
        let erase = async |due: Vec<Erasure>| {
            for erasure in &due {
                // Dated when it begins: the search looks two minutes back, and a run takes longer.
                let after = attempt(deps, erasure, task.clock().now(), &mut counts).await;
                let followed = store.follow_erasure(erasure, after.as_ref()).await;
                run.take("erasure", &erasure.subject.name(), followed);
            }
            Ok::<(), StoreError>(())
        };
        walk.pages(leg, page, erase).await?;
    }
    Metrics::new().count("FilesErased", counts.files).count("ErasuresFailed", counts.failed).emit();
    run.end_walk(walk).await
}

#[derive(Debug, Default)]
struct Counts {
    files: u64,
    failed: u64,
}

/// Erases a subject. Returns the erasure that is still to be done, if any.
async fn attempt(
    deps: &Deps,
    erasure: &Erasure,
    now: Timestamp,
    counts: &mut Counts,
) -> Option<Erasure> {
    let subject = erasure.subject.name();
    match erase(deps, erasure, now).await {
        Ok(Deleted { files, more }) => {
            counts.files += files;
            info!(subject, files, "files of the subject deleted");
            match (more, files) {
                (false, _) => erasure.after_pass(now),
                // A member whose generations are still running must not block the others.
                (true, 0) => Some(erasure.postponed(now)),
                (true, _) => Some(erasure.clone()),
            }
        }
        Err(why) => {
            counts.failed += 1;
            error!(subject, error = ?why, "erasure failed, retrying in five minutes");
            Some(erasure.postponed(now))
        }
    }
}

/// Deletes all that exists of one subject now.
async fn erase(deps: &Deps, erasure: &Erasure, now: Timestamp) -> Result<Deleted, TaskError> {
    let Deps { store, stored, .. } = deps;
    match &erasure.subject {
        ErasureSubject::Listing { listing_id } => Ok(stored.delete_listing(listing_id).await?),
        ErasureSubject::ListingPictures { listing_id } => {
            Ok(stored.delete_pictures(listing_id).await?)
        }
        ErasureSubject::Generation { user_id, job_id } => {
            Ok(stored.delete_image(user_id, job_id).await?)
        }
        ErasureSubject::Upload { listing_id, upload_id } => {
            match store.uploads_in_use(listing_id).await?.contains(upload_id) {
                true => Ok(Deleted::default()),
                false => Ok(stored.delete_upload(listing_id, upload_id).await?),
            }
        }
        ErasureSubject::Member { user_id } => erase_member(deps, user_id, now).await,
    }
}

/// Ends the subscription, listings and jobs first and erases the account last, so that an
/// interrupted erasure is found as unfinished.
async fn erase_member(
    Deps { store, stored, stripe }: &Deps,
    user: &UserId,
    now: Timestamp,
) -> Result<Deleted, TaskError> {
    if let Ok(theirs) = store.billing(user).await?.live_subscription() {
        stripe.cancel_now(&theirs.id).await?;
        let settled = Settlement::new(store, stripe).subscription(user, &theirs.id, now).await;
        settled?;
    }
    if store.close_down(user, now).await? > 0 {
        return Ok(Deleted { files: 0, more: true });
    }
    let deleted = stored.delete_images(user).await?;
    if !deleted.more {
        store.erase_member(user, now).await?;
    }
    Ok(deleted)
}
