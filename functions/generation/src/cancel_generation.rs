//! `POST /api/v1/generations/{id}/cancel`: cancel a generation before it starts.
//!
//! Access: its owner, at most 120 times an hour; for all other callers it does not exist (404).
//! Changes: in one transaction the job, the account (its credit released) and a ledger entry. Once
//! submitted to the provider it cannot be stopped: the 409 says what will be charged.
//! Retry: the same `Idempotency-Key` returns the cancelled job; without one, a repeat is a 409.

use domain::id::JobId;
use runtime::{Access, ApiError, Call, Endpoint, Function, Json, PathId};
use serde::Deserialize;
use store::{Rate, Store};

use crate::view::JobView;

pub const ENDPOINT: Endpoint = Endpoint::post(
    "generation-cancel-generation",
    "/api/v1/generations/{id}/cancel",
    Access::Member,
)
// A cancelled generation keeps its place among the calls of the provider, of which an hour has
// 3,600: `background::turns`.
.with_rate(Rate::an_hour(120))
.with_errors(&["generation_already_submitted", "generation_finished", "generation_not_found"]);

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

async fn handle(store: &Store, call: Call<Request>) -> Result<Json<JobView>, ApiError> {
    let id = call.body.id.get()?;
    call.log_job(id);
    let user = &call.member()?.user_id;
    let job = store.cancel(user, id, call.idempotency(), call.now).await?;
    Ok(Json(JobView::plain(job, &call.links)))
}
