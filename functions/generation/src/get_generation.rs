//! `GET /api/v1/generations/{id}`: one generation with its input, and its image once finished.
//!
//! With `wait=N` (at most 20) the answer comes when it has ended, or after N seconds as it is then;
//! at once if it has ended already, or if too many requests wait. `Retry-After` says when to ask
//! again while it is open.
//!
//! Access: its owner; for all other callers it does not exist (404).
//! Changes: nothing.

use clients::ImageLinks;
use domain::{generation::waiting::WaitSeconds, id::JobId};
use runtime::{Access, ApiError, Call, Connect, Endpoint, Function, PathId, Polled};
use serde::Deserialize;
use store::Store;

use crate::{view::JobView, waiting::wait_for};

pub const ENDPOINT: Endpoint =
    Endpoint::get("generation-get-generation", "/api/v1/generations/{id}", Access::Member)
        .with_errors(&["generation_not_found"]);

#[derive(Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Request {
    id: PathId<JobId>,
    /// For how many seconds to wait for its end.
    #[serde(default)]
    wait: WaitSeconds,
}

/// The function of this endpoint.
pub fn function() -> Function {
    Function::http(ENDPOINT, handle)
}

#[derive(Connect)]
struct Deps {
    store: Store,
    images: ImageLinks,
}

async fn handle(
    Deps { store, images }: &Deps,
    call: Call<Request>,
) -> Result<Polled<JobView>, ApiError> {
    let id = call.body.id.get()?;
    call.log_job(id);
    let (user, wait) = (&call.member()?.user_id, call.body.wait);
    let mut found = store.job_and_input(user, id).await?;
    let is_open = !found.job.status.is_final();
    if is_open && wait.get() > 0 && wait_for(store, (user, id), wait, call.clock()).await? {
        found = store.job_and_input(user, id).await?;
    }
    let now = call.clock().now();
    let retry_after_s = found.job.retry_after_s(now);
    let body = JobView::whole(found, &call.links, images, now).await?;
    Ok(Polled { body, retry_after_s })
}
