//! `POST /api/v1/generations`: request an image.
//!
//! Access: any member who is not suspended; a listing only for its buyers and its creator.
//! Changes: in one transaction the account (a credit held, one more open job), the job, its input,
//! a ledger entry and the record of the key. The stream relays the job to the queue.
//! Retry: the same `Idempotency-Key` returns the same job in its current state.

use domain::{
    generation::{GenerationRequest, NewJob, Provider, create_job, drawn_seed},
    id::JobId,
};
use runtime::{Accepted, Access, ApiError, Call, Connect, Endpoint, Function};
use store::{Rate, SourceRef, Store};

use crate::view::JobView;

pub const ENDPOINT: Endpoint =
    Endpoint::post("generation-create-generation", "/api/v1/generations", Access::Member)
        .requires_key()
        .with_rate(Rate::a_minute(300));

/// The function of this endpoint.
pub fn function() -> Function {
    Function::http(ENDPOINT, handle)
}

#[derive(Connect)]
struct Deps {
    store: Store,
    provider: Provider,
}

async fn handle(
    Deps { store, provider }: &Deps,
    call: Call<GenerationRequest>,
) -> Result<Accepted<JobView>, ApiError> {
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
    let retry_after_s = job.retry_after_s(call.now).unwrap_or(1);
    let body = JobView::plain(job, &call.links);
    Ok(Accepted { location: body.location(), retry_after_s, body })
}
