//! `DELETE /api/v1/me/keys/{id}`: delete an API key. It stops working within a minute.
//!
//! Access: its owner, suspended or not; for all other callers it does not exist (404). Never by an
//! API key.
//! Changes: in one transaction the key, what it leads to, and the account's count of them.
//! Retry: a repeat is a 404.

use domain::id::ApiKeyId;
use runtime::{Access, ApiError, Call, Endpoint, Function, NoContent, PathId};
use serde::Deserialize;
use store::Store;

pub const ENDPOINT: Endpoint =
    Endpoint::delete("account-delete-key", "/api/v1/me/keys/{id}", Access::Member)
        .for_suspended()
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

async fn handle(store: &Store, call: Call<Request>) -> Result<NoContent, ApiError> {
    let id = call.body.id.get()?;
    store.delete_api_key(&call.member()?.user_id, id, call.now).await?;
    Ok(NoContent)
}
