//! The Lambda authorizer: from a bearer token to who calls.
//!
//! API Gateway asks it before every route that is not public, and keeps its answer for a minute per
//! token. It says who somebody is and keeps non-staff away from `/api/v1/admin`; whether somebody
//! is suspended is not in a token and is asked where it matters.

use std::process::ExitCode;

use clients::{
    Issuer,
    oidc::{Identity, TokenError},
};
use runtime::{Presented, Worker};

pub const WORKER: Worker = Worker::new("edge-authorizer");

/// The whole of its process.
pub fn serve() -> ExitCode {
    runtime::authorize(WORKER, handle)
}

pub async fn handle(issuer: &Issuer, presented: Presented) -> Result<Identity, TokenError> {
    issuer.verify(&presented.token, presented.now).await
}
