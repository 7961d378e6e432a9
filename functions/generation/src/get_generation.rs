//! `GET /api/v1/generations/{id}`: one generation with its input, and its image once finished.
//!
//! Access: its owner; for all other callers it does not exist (404).
//! Changes: nothing.

use clients::Images;
use domain::id::JobId;
use runtime::{Access, ApiError, Call, Connect, Endpoint, Function, PathId, Polled};
use serde::Deserialize;
use store::{JobAndInput, Store};

use crate::view::JobView;

pub const ENDPOINT: Endpoint =
    Endpoint::get("generation-get-generation", "/api/v1/generations/{id}", Access::Member);

#[derive(Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Request {
    id: PathId<JobId>,
}

/// The function of this endpoint.
pub fn function() -> Function {
    Function::http(ENDPOINT, handle)
}

#[derive(Connect)]
struct Deps {
    store: Store,
    images: Images,
}

async fn handle(
    Deps { store, images }: &Deps,
    call: Call<Request>,
) -> Result<Polled<JobView>, ApiError> {
    let id = call.body.id.get()?;
    call.log_job(id);
    let JobAndInput { job, input } = store.job_and_input(&call.member()?.user_id, id).await?;
    let retry_after_s = job.retry_after_s(call.now);
    let view = JobView::linked(job, &call.links, images, call.now).await?;
    Ok(Polled { body: view.with_input(input), retry_after_s })
}
