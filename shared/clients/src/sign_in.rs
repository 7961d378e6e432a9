//! Where and how people sign in: what a client of the API is told.

use connect::{Aws, Connect, Environment, InitError};
use serde::Serialize;

const AUTH_ISSUER: &str = "AUTH_ISSUER";
const AUTH_AUDIENCE: &str = "AUTH_AUDIENCE";
const AUTH_CLIENT_ID: &str = "AUTH_CLIENT_ID";
const AUTH_SCOPES: &str = "AUTH_SCOPES";

/// Where and how to sign in: an OpenID issuer with authorization code and PKCE.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct SignIn {
    /// The issuer; its `/.well-known/openid-configuration` names its endpoints.
    pub issuer: String,
    /// The `client_id` of our own frontend, a public client.
    pub client_id: String,
    /// The `aud` of access tokens, if they have one: some issuers want it in the request for a
    /// token.
    pub audience: Option<String>,
    /// The scopes to ask for.
    pub scopes: Vec<String>,
}

impl Connect for SignIn {
    fn variables() -> Vec<&'static str> {
        vec![AUTH_ISSUER, AUTH_AUDIENCE, AUTH_CLIENT_ID, AUTH_SCOPES]
    }
    async fn connect(env: &Environment, _: &Aws) -> Result<SignIn, InitError> {
        Ok(SignIn {
            issuer: env.text(AUTH_ISSUER)?.to_owned(),
            client_id: env.text(AUTH_CLIENT_ID)?.to_owned(),
            audience: env.optional(AUTH_AUDIENCE).map(str::to_owned),
            scopes: env.text(AUTH_SCOPES)?.split_whitespace().map(str::to_owned).collect(),
        })
    }
}
