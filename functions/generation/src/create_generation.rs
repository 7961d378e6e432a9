//! `POST /api/v1/generations`: request an image.
//!
//! With `Prefer: wait=N` (RFC 7240; at most 20, and 20 without a number) the answer comes when it
//! has ended, or after N seconds as it is then: 201 with the finished generation, 202 while it is
//! open. `Preference-Applied` says that it waited; without it, too many requests wait, and the
//! answer is the 202 of a request that does not wait.
//!
//! Access: any member who is not suspended; a listing only for its buyers and its creator.
//! Changes: in one transaction the account (a credit held, one more open job), the job, its input,
//! a ledger entry and the record of the key. The stream relays the job to the queue.
//! Retry: the same `Idempotency-Key` returns the same job in its current state, or 404 once
//! it is deleted.

use clients::ImageLinks;
use domain::{
    generation::{
        GenerationRequest, Job, NewJob, Provider, create_job, drawn_seed,
        waiting::{WAIT_S_MAX, WaitSeconds},
    },
    id::JobId,
};
use runtime::{Access, ApiError, Awaited, Call, Connect, Endpoint, Function};
use store::{Rate, SourceRef, Store};

use crate::{view::JobView, waiting::wait_for};

pub const ENDPOINT: Endpoint =
    Endpoint::post("generation-create-generation", "/api/v1/generations", Access::Member)
        .requires_key()
        .with_rate(Rate::a_minute(300))
        .with_errors(&[
            "email_unverified",
            "generation_not_found",
            "insufficient_credits",
            "listing_not_licensed",
            "model_not_proven",
            "too_many_running",
            "version_not_found",
        ]);

/// The function of this endpoint.
pub fn function() -> Function {
    Function::http(ENDPOINT, handle)
}

#[derive(Connect)]
struct Deps {
    store: Store,
    provider: Provider,
    images: ImageLinks,
}

async fn handle(deps: &Deps, call: Call<GenerationRequest>) -> Result<Awaited<JobView>, ApiError> {
    let Deps { store, provider, .. } = deps;
    let request = &call.body;
    request.subject()?;
    let member = call.member()?;
    let new_job = NewJob {
        id: JobId::new(call.now, call.random()),
        provider: *provider,
        seed: drawn_seed(call.random()),
        webhook_token: format!("{:032x}", call.random()),
    };
    call.log_job(&new_job.id);
    let owner = (&member.user_id, member.email_claim());
    let (key, source) = (call.idempotency_key()?, SourceRef::of(request));
    let job = store
        .enqueue(owner, key, source, call.now, |account, source| {
            create_job(account, request, source, &new_job)
        })
        .await?;
    match call.preferred_wait(WAIT_S_MAX).map(WaitSeconds::at_most) {
        None => Ok(accepted(job, &call)),
        Some(wait) => awaited(deps, job, wait, &call).await,
    }
}

fn accepted(job: Job, call: &Call<GenerationRequest>) -> Awaited<JobView> {
    let retry_after_s = Some(job.retry_after_s(call.now).unwrap_or(1));
    let body = JobView::plain(job, &call.links);
    Awaited { location: body.location(), retry_after_s, waited_s: None, body }
}

/// The job after a wait. It exists, so whatever fails from here on is answered without the wait.
async fn awaited(
    Deps { store, images, .. }: &Deps,
    job: Job,
    wait: WaitSeconds,
    call: &Call<GenerationRequest>,
) -> Result<Awaited<JobView>, ApiError> {
    let named = (&job.user_id, &job.id);
    let waited = match job.status.is_final() {
        true => Ok(true),
        false => wait_for(store, named, wait, call.clock()).await,
    };
    if !waited.is_ok_and(|waited| waited) {
        return Ok(accepted(job, call));
    }
    let found = store.job_and_input(&job.user_id, &job.id).await?;
    let now = call.clock().now();
    let retry_after_s = found.job.retry_after_s(now);
    let body = JobView::whole(found, &call.links, images, now).await?;
    Ok(Awaited { location: body.location(), retry_after_s, waited_s: Some(wait.get()), body })
}
