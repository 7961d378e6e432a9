//! `GET /health`: whether functions run, for monitors and deployments.
//!
//! Access: anybody. Changes: nothing. It has no dependencies on purpose: an unavailable table must
//! not make a load balancer remove the whole API.

use runtime::{Access, ApiError, Call, Endpoint, Function, NoStore};
use serde::{Deserialize, Serialize};

pub const ENDPOINT: Endpoint = Endpoint::get("edge-get-health", "/health", Access::Public);

#[derive(Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Request {}

#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Response {
    status: &'static str,
    version: &'static str,
}

/// The function of this endpoint.
pub fn function() -> Function {
    Function::http(ENDPOINT, handle)
}

async fn handle((): &(), _call: Call<Request>) -> Result<NoStore<Response>, ApiError> {
    Ok(NoStore(Response { status: "ok", version: env!("CARGO_PKG_VERSION") }))
}
