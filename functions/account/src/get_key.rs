//! `GET /api/v1/me/keys/{id}`: one of the member's API keys, without the key itself.
//!
//! Access: its owner, suspended or not; for all other callers it does not exist (404). Never by an
//! API key.
//! Changes: nothing.

use domain::id::ApiKeyId;
use runtime::{Access, ApiError, Call, Endpoint, Function, Json, PathId};
use serde::Deserialize;
use store::Store;

use crate::view::KeyView;

pub const ENDPOINT: Endpoint =
    Endpoint::get("account-get-key", "/api/v1/me/keys/{id}", Access::Member)
        .never_by_api_key()
        .with_errors(&["api_key_not_found"]);

#[derive(Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Request {
    id: PathId<ApiKeyId>,
}

/// The function of this endpoint.
pub fn function() -> Function {
    Function::http(ENDPOINT, handle)
}

async fn handle(store: &Store, call: Call<Request>) -> Result<Json<KeyView>, ApiError> {
    let key = store.api_key(&call.member()?.user_id, call.body.id.get()?).await?;
    Ok(Json(key.into()))
}
