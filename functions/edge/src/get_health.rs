//! `GET /health`: whether functions run at all, for monitors and deploys.
//!
//! Access: anybody. Changes: nothing. It touches nothing on purpose: a table that is away must not
//! make a load balancer take everything away.

use std::process::ExitCode;

use runtime::{Access, ApiError, Call, Endpoint, NoStore};
use serde::{Deserialize, Serialize};

pub const ENDPOINT: Endpoint = Endpoint::get("edge-get-health", "/health", Access::Public);

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Request {}

#[derive(Debug, Serialize)]
pub struct Response {
    status: &'static str,
    version: &'static str,
}

/// The whole of its process.
pub fn serve() -> ExitCode {
    runtime::http(ENDPOINT, handle)
}

pub async fn handle((): &(), _call: Call<Request>) -> Result<NoStore<Response>, ApiError> {
    Ok(NoStore(Response { status: "ok", version: env!("CARGO_PKG_VERSION") }))
}
