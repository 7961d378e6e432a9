//! `GET /api/v1/presets/{id}`: one preset.
//!
//! Access: its owner; for all other callers it does not exist (404).
//! Changes: nothing.

use domain::id::PresetId;
use runtime::{Access, ApiError, Call, Endpoint, Function, Json, PathId};
use serde::Deserialize;
use store::Store;

use crate::view::PresetView;

pub const ENDPOINT: Endpoint =
    Endpoint::get("generation-get-preset", "/api/v1/presets/{id}", Access::Member)
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

async fn handle(store: &Store, call: Call<Request>) -> Result<Json<PresetView>, ApiError> {
    let id = call.body.id.get()?;
    Ok(Json(store.preset(&call.member()?.user_id, id).await?.into()))
}
