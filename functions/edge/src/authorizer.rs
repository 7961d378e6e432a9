//! The Lambda authorizer: authenticates a bearer token.
//!
//! API Gateway calls it before every non-public route, and caches its answer for a minute per
//! token. It identifies the caller and denies `/api/v1/admin` to non-staff; whether a member is
//! suspended is not in the token and is checked by the functions that need it.

use std::process::ExitCode;

use clients::{
    Issuer,
    oidc::{Identity, TokenError},
};
use runtime::{Presented, Worker};

pub const WORKER: Worker = Worker::new("edge-authorizer");

/// Runs the function: the entry point of its binary.
pub fn serve() -> ExitCode {
    runtime::authorize(WORKER, handle)
}

pub async fn handle(issuer: &Issuer, presented: Presented) -> Result<Identity, TokenError> {
    issuer.verify(&presented.token, presented.now).await
}
