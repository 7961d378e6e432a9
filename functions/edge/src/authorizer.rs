//! The Lambda authorizer: authenticates a bearer token or an API key.
//!
//! API Gateway calls it before every non-public route, and caches its answer for a minute per token
//! or key. It identifies the caller and denies `/api/v1/admin` to non-staff. Whether a member is
//! suspended is not in a token and is checked by the functions that need it; a key of a suspended
//! member does not work at all.

use clients::Issuer;
use domain::{account::api_key::KeySecret, plan::Plan};
use runtime::{AuthorizeError, Connect, Function, Member, Presented, Worker};
use store::Store;
use tracing::warn;

pub const WORKER: Worker = Worker::new("edge-authorizer");

/// The function of this worker.
pub fn function() -> Function {
    Function::authorizer(WORKER, handle)
}

#[derive(Connect)]
struct Deps {
    issuer: Issuer,
    store: Store,
}

async fn handle(
    Deps { issuer, store }: &Deps,
    Presented { token, now }: Presented,
) -> Result<Member, AuthorizeError> {
    if !token.starts_with(KeySecret::PREFIX) {
        let identity = issuer.verify(&token, now).await?;
        // The plan sets the rate of calls: without it the member has that of Free for a minute.
        let plan = store.plan_of(&identity.user_id).await.unwrap_or_else(|error| {
            warn!(?error, "plan not read, the caller has the rate of Free");
            Plan::Free
        });
        return Ok(Member::by_token(identity, plan));
    }
    let digest = KeySecret::parse(&token).ok_or(AuthorizeError::Key)?.digest();
    let found = store.key_access(&digest, now).await?;
    let (access, plan) = found.ok_or(AuthorizeError::Key)?;
    if access.records_use(now)
        && let Err(error) = store.record_key_use(&digest, now).await
    {
        warn!(?error, key_id = %access.key_id, "use of the key not recorded");
    }
    Ok(Member::by_key(&access, plan))
}
