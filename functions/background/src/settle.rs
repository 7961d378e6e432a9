//! Ends a job, and counts its metrics.

use clients::Images;
use domain::{
    Timestamp,
    generation::{ChargeState, Failure, Job},
};
use media::Picture;
use runtime::{Metrics, TaskError};
use store::{Settled, Store};

/// Stores the image and ends the job with it, in this order: a captured credit has a stored image.
///
/// # Errors
/// When the image or the job cannot be written; both may be retried.
pub(crate) async fn succeed(
    (store, images): (&Store, &Images),
    job: &Job,
    picture: &Picture,
    now: Timestamp,
) -> Result<(), TaskError> {
    let stored = images.store(&job.user_id, &job.id, picture).await?;
    let settled = store.settle(job, now, |job, draft| job.succeed(draft, stored.clone())).await?;
    count(&settled, now);
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
    now: Timestamp,
) -> Result<(), TaskError> {
    let settled = store.settle(job, now, |job, draft| job.fail(draft, failure.clone())).await?;
    count(&settled, now);
    Ok(())
}

fn count(settled: &Settled, now: Timestamp) {
    let Settled::Now(job) = settled else {
        tracing::info!("write conflict, another worker advanced the job");
        return;
    };
    let credits = u64::from(job.charge.credits);
    let moved = match job.charge.state {
        ChargeState::Captured => "CreditsCaptured",
        ChargeState::Released | ChargeState::Held => "CreditsReleased",
    };
    let took = u64::try_from(job.created_at.until(now).as_millis()).unwrap_or(u64::MAX);
    Metrics::new()
        .dimension("Outcome", job.status.into_str())
        .count("JobsEnded", 1)
        .count(moved, credits)
        .millis("JobTime", took)
        .emit();
}
