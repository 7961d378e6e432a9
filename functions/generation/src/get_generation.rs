//! `GET /api/v1/generations/{id}`: one generation with its input, and its image once finished.
//!
//! Access: its owner; for all other callers it does not exist (404).
//! Changes: nothing.

use std::process::ExitCode;

use clients::Images;
use domain::id::JobId;
use runtime::{Access, ApiError, Call, Endpoint, Polled};
use serde::Deserialize;
use store::{JobAndInput, NotFound, Store};

use crate::view::JobView;

pub const ENDPOINT: Endpoint =
    Endpoint::get("generation-get-generation", "/api/v1/generations/{id}", Access::Member);

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Request {
    id: String,
}

/// Runs the function: the entry point of its binary.
pub fn serve() -> ExitCode {
    runtime::http(ENDPOINT, handle)
}

pub async fn handle(
    (store, images): &(Store, Images),
    call: Call<Request>,
) -> Result<Polled<JobView>, ApiError> {
    let id = JobId::parse(&call.body.id).map_err(|_| NotFound::Generation)?;
    call.log_job(&id);
    let JobAndInput { job, input } = store.job_and_input(&call.member()?.user_id, &id).await?;
    let retry_after_s = job.retry_after_s(call.now);
    let view = JobView::linked(job, &call.links, images, call.now).await?;
    Ok(Polled { body: view.with_input(input), retry_after_s })
}
