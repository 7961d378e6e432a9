//! The Lambda authorizer: authenticates a bearer token.
//!
//! API Gateway calls it before every non-public route, and caches its answer for a minute per
//! token. It identifies the caller and denies `/api/v1/admin` to non-staff; whether a member is
//! suspended is not in the token and is checked by the functions that need it.

use clients::{
    Issuer,
    oidc::{Identity, TokenError},
};
use runtime::{Function, Presented, Worker};

pub const WORKER: Worker = Worker::new("edge-authorizer");

/// The function of this worker.
pub fn function() -> Function {
    Function::authorizer(WORKER, handle)
}

async fn handle(issuer: &Issuer, presented: Presented) -> Result<Identity, TokenError> {
    issuer.verify(&presented.token, presented.now).await
}
