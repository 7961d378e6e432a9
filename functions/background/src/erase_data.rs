//! `background-erase-data`: every minute, deletes the files of listings that no longer exist, pictures
//! that were taken away from the public, and members who asked for it.
//!
//! Changes: files in both buckets; of a member also the subscription at Stripe, which ends at once,
//! their listings, their jobs, inputs and presets, and who the account says they are.
//! Retry: every step may run twice and may be cut off anywhere. An erasure stays due until all of it
//! is done; one that fails is tried again five minutes later and does not stop the others.

use std::process::ExitCode;

use clients::{StoredFiles, Stripe, stored_files::Deleted};
use domain::{
    Timestamp,
    erasure::{Erasure, ErasureSubject},
    id::UserId,
};
use runtime::{Metrics, Task, TaskError, Worker};
use settlement::Settlement;
use store::Store;
use tracing::{error, info};

pub const WORKER: Worker = Worker::new("background-erase-data");

/// Most erasures in one run; the others follow a minute later.
const AT_ONCE: u16 = 20;

type Capabilities = (Store, StoredFiles, Stripe);

/// The whole of its process.
pub fn serve() -> ExitCode {
    runtime::schedule(WORKER, handle)
}

pub async fn handle(capabilities: &Capabilities, task: Task) -> Result<(), TaskError> {
    let (store, ..) = capabilities;
    let (mut files, mut failed) = (0, 0);
    for erasure in store.due_erasures(task.now, AT_ONCE).await? {
        let subject = erasure.subject.name();
        let after = match erase(capabilities, &erasure, task.now).await {
            Ok(Deleted { files: gone, more }) => {
                files += gone;
                info!(subject, files = gone, "erased");
                if more { Some(erasure.clone()) } else { erasure.after_pass(task.now) }
            }
            Err(why) => {
                failed += 1;
                error!(subject, error = ?why, "an erasure failed, it is tried again");
                Some(erasure.postponed(task.now))
            }
        };
        store.follow_erasure(&erasure, after.as_ref()).await?;
    }
    Metrics::at(task.now).count("FilesErased", files).count("ErasuresFailed", failed).emit();
    Ok(())
}

/// Deletes everything of one subject that is there now.
async fn erase(
    capabilities: &Capabilities,
    erasure: &Erasure,
    now: Timestamp,
) -> Result<Deleted, TaskError> {
    let (_, stored, _) = capabilities;
    match &erasure.subject {
        ErasureSubject::Listing { listing_id } => Ok(stored.delete_listing(listing_id).await?),
        ErasureSubject::ListingPictures { listing_id } => {
            Ok(stored.delete_pictures(listing_id).await?)
        }
        ErasureSubject::Member { user_id } => erase_member(capabilities, user_id, now).await,
    }
}

/// What could still be made or paid ends first; the account is erased last, so that an erasure that
/// was cut off is found as one that is not finished.
async fn erase_member(
    (store, stored, stripe): &Capabilities,
    user: &UserId,
    now: Timestamp,
) -> Result<Deleted, TaskError> {
    if let Ok(theirs) = store.billing(user).await?.live_subscription() {
        stripe.cancel_now(&theirs.id).await?;
        let settled = Settlement::new(store, stripe).subscription(user, &theirs.id, now).await;
        settled?;
    }
    if store.wind_up(user, now).await? > 0 {
        return Ok(Deleted { files: 0, more: true });
    }
    let deleted = stored.delete_images(user).await?;
    if !deleted.more {
        store.erase_member(user, now).await?;
    }
    Ok(deleted)
}
