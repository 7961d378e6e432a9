//! `DELETE /api/v1/generations/{id}`: delete a finished generation with its image and thumbnail.
//!
//! The files are deleted within a minute, and until then links that were handed out work. The
//! ledger keeps what it cost.
//!
//! Access: its owner, unless suspended. Another member's is not touched, and looks deleted.
//! Changes: in one transaction the job and its input are deleted and an erasure of the files is
//! requested, which `background-erase-data` carries out. An open generation is a 409: cancel it.
//! Retry: a repeat is a 204 too. The key that created the generation then leads to a 404.

use domain::id::JobId;
use runtime::{Access, ApiError, Call, Endpoint, Function, NoContent, PathId};
use serde::Deserialize;
use store::Store;

pub const ENDPOINT: Endpoint =
    Endpoint::delete("generation-delete-generation", "/api/v1/generations/{id}", Access::Member)
        .with_errors(&["generation_not_finished", "generation_not_found"]);

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

async fn handle(store: &Store, call: Call<Request>) -> Result<NoContent, ApiError> {
    let id = call.body.id.get()?;
    call.log_job(id);
    store.delete_job(&call.member()?.user_id, id, call.now).await?;
    Ok(NoContent)
}
