//! `POST /webhooks/bria`: Bria reports that a request has changed.
//!
//! Access: requests signed with our current or previous API token.
//! Changes: the job becomes due now and records the provider's request id. The worker polls Bria
//! for the outcome, so duplicate, late and early webhooks have the same effect. A webhook for a
//! finished job changes nothing.

use clients::bria::webhook::verify;
use domain::generation::{Job, WebhookRef};
use runtime::{
    Access, ApiError, Call, Connect, Endpoint, Function, Metrics, NoStore, WebhookTokens,
};
use serde::{Deserialize, Serialize};
use store::{NotFound, Store, StoreError};

use crate::signatures::refused;

pub const ENDPOINT: Endpoint =
    Endpoint::post("edge-webhook-bria", "/webhooks/bria", Access::Signed)
        .ignores_key()
        .with_errors(&[
            "generation_not_found",
            "webhook_body_invalid",
            "webhook_header_invalid",
            "webhook_signature_invalid",
            "webhook_timestamp_invalid",
        ]);

/// Attempts on write conflicts before the answer makes Bria retry.
const TRIES_MAX: u32 = 5;

/// The webhook URL contains the job's own token.
#[derive(Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Request {
    /// Our name of the generation: its owner, its id and a secret.
    job: String,
}

#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Response {
    received: bool,
}

/// The function of this endpoint.
pub fn function() -> Function {
    Function::http(ENDPOINT, handle)
}

#[derive(Connect)]
struct Deps {
    store: Store,
    tokens: WebhookTokens,
}

async fn handle(
    Deps { store, tokens }: &Deps,
    call: Call<Request>,
) -> Result<NoStore<Response>, ApiError> {
    let raw = call.raw();
    let event = verify(&tokens.0, &raw.headers, &raw.body, call.now).inspect_err(|_| refused())?;
    let target = WebhookRef::parse(&call.body.job).ok_or(NotFound::Generation)?;
    call.log_job(&target.job_id);
    for _ in 0..TRIES_MAX {
        let job = store.job(&target.user_id, &target.job_id).await?;
        let request_id = event.request_id.as_str();
        if !is_about(&job, &target, request_id) {
            return Err(NotFound::Generation.into());
        }
        if job.status.is_final() {
            Metrics::new().count("LateNotices", 1).emit();
            return Ok(NoStore(Response { received: true }));
        }
        if store.advance(&job, &job.clone().signal(request_id, call.now)).await? {
            return Ok(NoStore(Response { received: true }));
        }
    }
    Err(StoreError::Busy.into())
}

/// Bria signs the body but not the URL: the job's token and, once known, its request id must match.
fn is_about(job: &Job, target: &WebhookRef, request_id: &str) -> bool {
    job.webhook_token == target.token
        && job.request_id.as_deref().is_none_or(|known| known == request_id)
}
