//! Ends a job, and counts its metrics.

use clients::Images;
use domain::{
    account::AccountUpdate,
    generation::{ChargeState, Failure, Job},
};
use media::Picture;
use runtime::{Clock, Metrics, TaskError};
use store::{Settled, Store};

/// Stores the image and ends the job with it, in this order: a captured credit has a stored image.
/// An image of nothing but black is not stored: the job fails.
///
/// # Errors
/// When the image or the job cannot be written; both may be retried.
pub(crate) async fn succeed(
    (store, images): (&Store, &Images),
    job: &Job,
    picture: &Picture,
    clock: &Clock,
) -> Result<(), TaskError> {
    if picture.is_black {
        return fail(store, job, Failure::black(), clock).await;
    }
    let stored = images.store(&job.user_id, &job.id, picture).await?;
    let end = |job: Job, update: &mut AccountUpdate| job.succeed(update, stored.clone());
    count(&store.settle(job, clock.now(), end).await?);
    Ok(())
}

/// Ends the job without an image and releases its credit.
///
/// # Errors
/// When the job cannot be written; it may be retried.
pub(crate) async fn fail(
    store: &Store,
    job: &Job,
    failure: Failure,
    clock: &Clock,
) -> Result<(), TaskError> {
    let end = |job: Job, update: &mut AccountUpdate| job.fail(update, failure.clone());
    count(&store.settle(job, clock.now(), end).await?);
    Ok(())
}

fn count(settled: &Settled) {
    let Settled::Now(job) = settled else {
        tracing::info!("write conflict, another worker advanced the job");
        return;
    };
    let credits = u64::from(job.charge.credits);
    let moved = match job.charge.state {
        ChargeState::Captured => "CreditsCaptured",
        ChargeState::Released | ChargeState::Held => "CreditsReleased",
    };
    let took = u64::try_from(job.created_at.until(job.updated_at).as_millis()).unwrap_or(u64::MAX);
    Metrics::new()
        .dimension("Outcome", job.status.into_str())
        .count("JobsEnded", 1)
        .count(moved, credits)
        .millis("JobTime", took)
        .emit();
}
