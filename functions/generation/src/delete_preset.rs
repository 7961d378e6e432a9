//! `DELETE /api/v1/presets/{id}`: delete a preset.
//!
//! Access: its owner, unless suspended; for all other callers it does not exist (404).
//! Changes: in one transaction the preset and the account's count of them. Generations made
//! with it have their own copy.
//! Retry: a repeat is a 404.

use domain::id::PresetId;
use runtime::{Access, ApiError, Call, Endpoint, Function, NoContent, PathId};
use serde::Deserialize;
use store::Store;

pub const ENDPOINT: Endpoint =
    Endpoint::delete("generation-delete-preset", "/api/v1/presets/{id}", Access::Member)
        .with_errors(&["preset_not_found"]);

#[derive(Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Request {
    id: PathId<PresetId>,
}

/// The function of this endpoint.
pub fn function() -> Function {
    Function::http(ENDPOINT, handle)
}

async fn handle(store: &Store, call: Call<Request>) -> Result<NoContent, ApiError> {
    let id = call.body.id.get()?;
    store.delete_preset(&call.member()?.user_id, id, call.now).await?;
    Ok(NoContent)
}
