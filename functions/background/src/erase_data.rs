//! `background-erase-data`: every minute, deletes the files of deleted listings and generations, files
//! that no version refers to any more, images withdrawn from the public, and members who asked for
//! deletion.
//!
//! Changes: files in both buckets; for a member also the subscription at Stripe, cancelled at once,
//! their listings, jobs, inputs and presets, and the personal data of the account.
//! Retry: every step may run twice and may be interrupted. An erasure stays due until all of it is
//! done; one that fails is retried five minutes later and does not stop the others.

use clients::{StoredFiles, Stripe, stored_files::Deleted};
use domain::{
    Timestamp,
    erasure::{Erasure, ErasureSubject},
    id::UserId,
};
use runtime::{Connect, Function, Metrics, Task, TaskError, Worker};
use settlement::Settlement;
use store::Store;
use tracing::{error, info};

pub const WORKER: Worker = Worker::new("background-erase-data");

/// Most erasures in one run; the rest follow a minute later.
const AT_ONCE: u16 = 20;

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
    let store = &deps.store;
    let (mut files, mut failed) = (0, 0);
    for erasure in store.due_erasures(task.now, AT_ONCE).await? {
        let subject = erasure.subject.name();
        let after = match erase(deps, &erasure, task.now).await {
            Ok(Deleted { files: deleted, more }) => {
                files += deleted;
                info!(subject, files = deleted, "files of the subject deleted");
                match (more, deleted) {
                    (false, _) => erasure.after_pass(task.now),
                    // A member whose generations are still running must not block the others.
                    (true, 0) => Some(erasure.postponed(task.now)),
                    (true, _) => Some(erasure.clone()),
                }
            }
            Err(why) => {
                failed += 1;
                error!(subject, error = ?why, "erasure failed, retrying in five minutes");
                Some(erasure.postponed(task.now))
            }
        };
        store.follow_erasure(&erasure, after.as_ref()).await?;
    }
    Metrics::new().count("FilesErased", files).count("ErasuresFailed", failed).emit();
    Ok(())
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
