//! `POST /webhooks/bria`: Bria says that something happened to a request.
//!
//! Access: whoever signs with our API token, the present one or the one before.
//! Changes: the job is due now and knows the provider's name for it. What happened is asked of Bria
//! by the worker, so a notice is only ever a hint: duplicates, late and early ones are all the same.
//! A notice for a job that is over changes nothing.

use std::process::ExitCode;

use clients::bria::webhook::verify;
use domain::generation::{Job, WebhookRef};
use runtime::{Access, ApiError, Call, Endpoint, Metrics, NoStore, WebhookTokens};
use serde::{Deserialize, Serialize};
use store::{NotFound, Store, StoreError};

use crate::refused;

pub const ENDPOINT: Endpoint =
    Endpoint::post("edge-webhook-bria", "/webhooks/bria", Access::Signed).ignores_key();

/// How often the job may move under our hands before Bria is told to come again.
const TRIES_MAX: u32 = 5;

/// The URL is made with the job's own token in it.
#[derive(Debug, Deserialize)]
pub struct Request {
    job: String,
}

#[derive(Debug, Serialize)]
pub struct Response {
    received: bool,
}

/// The whole of its process.
pub fn serve() -> ExitCode {
    runtime::http(ENDPOINT, handle)
}

pub async fn handle(
    (store, tokens): &(Store, WebhookTokens),
    call: Call<Request>,
) -> Result<NoStore<Response>, ApiError> {
    let raw = call.raw();
    let notice =
        verify(&tokens.0, &raw.headers, &raw.body, call.now).inspect_err(|_| refused(call.now))?;
    let target = WebhookRef::parse(&call.body.job).ok_or(NotFound::Generation)?;
    call.log_job(&target.job_id);
    for _ in 0..TRIES_MAX {
        let job = store.job(&target.user_id, &target.job_id).await?;
        let request_id = notice.request_id.as_str();
        if !is_about(&job, &target, request_id) {
            return Err(NotFound::Generation.into());
        }
        if job.status.is_final() {
            Metrics::at(call.now).count("LateNotices", 1).emit();
            return Ok(NoStore(Response { received: true }));
        }
        if store.advance(&job, &job.clone().signal(request_id, call.now)).await? {
            return Ok(NoStore(Response { received: true }));
        }
    }
    Err(StoreError::Busy.into())
}

/// Bria signs the notice but not the URL: the job's token and, once known, its request must agree.
fn is_about(job: &Job, target: &WebhookRef, request_id: &str) -> bool {
    job.webhook_token == target.token
        && job.request_id.as_deref().is_none_or(|known| known == request_id)
}
