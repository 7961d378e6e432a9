//! `POST /api/v1/me/keys`: create an API key, with which a program calls in the member's name.
//!
//! The answer shows the key, and nothing shows it again: send it as `Authorization: Bearer plk_...`.
//! It may do what its scopes say: `read` all that the member may read, `generate` images and
//! presets, `sell` listings; never pay, change the account, manage keys or act as staff. A member
//! has at most 20. It stops working when it expires, within a minute of its deletion, and while the
//! member is suspended.
//!
//! Access: any member who is not suspended; never by an API key.
//! Changes: in one transaction the key and the account's count of them.
//! Retry: a repeat creates another key: only a digest is stored, so no answer can be repeated.

use std::collections::BTreeSet;

use domain::{
    Timestamp,
    account::api_key::{ApiKey, KeySecret, Scope},
    id::ApiKeyId,
};
use runtime::{Access, ApiError, Call, Created, Endpoint, Function};
use serde::{Deserialize, Serialize};
use store::{Store, StoredKey};

use crate::view::KeyView;

pub const ENDPOINT: Endpoint =
    Endpoint::post("account-create-key", "/api/v1/me/keys", Access::Member)
        .ignores_key()
        .with_errors(&["too_many_api_keys"]);

#[derive(Debug, Clone, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// What the member calls it: one line of at most 80 characters.
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = domain::account::api_key::KEY_NAME_CHARS_MAX)))]
    name: String,
    /// What it may do: `read`, `generate`, `sell`; at least one.
    #[cfg_attr(feature = "schema", schemars(length(min = 1)))]
    scopes: BTreeSet<Scope>,
    /// When it stops working. Without it, only its deletion stops it.
    expires_at: Option<Timestamp>,
}

#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Response {
    #[serde(flatten)]
    key: KeyView,
    /// The key itself, shown only here.
    secret: String,
}

/// The function of this endpoint.
pub fn function() -> Function {
    Function::http(ENDPOINT, handle)
}

async fn handle(store: &Store, call: Call<Request>) -> Result<Created<Response>, ApiError> {
    let member = call.member()?;
    let Request { name, scopes, expires_at } = call.body.clone();
    let (id, secret) = (ApiKeyId::new(call.now, call.random()), KeySecret::new(call.random()));
    let names = (id, member.user_id.clone(), &secret);
    let key = ApiKey::issue(names, name, scopes, expires_at, call.now)?;
    store.create_api_key(&key, member.email_claim()).await?;
    let location = call.links.to(format_args!("/api/v1/me/keys/{}", key.id));
    let key = StoredKey { key, last_used_at: None }.into();
    Ok(Created { location, body: Response { key, secret: secret.expose().to_owned() } })
}
