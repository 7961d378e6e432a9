//! An OpenID issuer of test people: it issues a token for any `<name>@prolight.test`; `moderator`
//! and `admin` are staff. The address of a name that begins with `unverified` is not verified.
//!
//! Discovery and keys follow OpenID Connect Discovery 1.0 and RFC 7517; the token endpoint
//! implements RFC 6749's password grant, as a form or as JSON, and ignores the password.

use std::{path::Path, sync::Arc, sync::Mutex};

use axum::{
    Form, Json, Router,
    extract::{FromRequest, Request, State},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use jsonwebtoken::jwk::JwkSet;
use serde::Deserialize;
use serde_json::{Value, json};

mod keys;
mod people;
mod tokens;

pub use keys::{KeysError, SigningAlgorithm};
pub use people::{MAIL_DOMAIN, UnknownPerson};
pub use tokens::{AUDIENCE, Flaw, LIFETIME_S, LIFETIME_S_MAX, TokenError};

use crate::app_state::{AppState, locked};
use keys::KeyRing;
use people::Person;
use tokens::Draft;

/// Parameters of a token request.
#[derive(Debug, Clone, Deserialize)]
pub struct TokenRequest {
    /// The grant; only `password` is supported.
    #[serde(default)]
    pub grant_type: String,
    /// The e-mail address.
    #[serde(default)]
    pub username: String,
    /// Seconds until it expires: [`LIFETIME_S`] by default, at most [`LIFETIME_S_MAX`].
    pub expires_in: Option<u64>,
    /// Audience, [`AUDIENCE`] by default.
    pub audience: Option<String>,
    /// Signing algorithm, ES256 by default.
    pub algorithm: Option<SigningAlgorithm>,
}

impl TokenRequest {
    /// The request for an ordinary token.
    pub fn for_person(email: &str) -> TokenRequest {
        TokenRequest {
            grant_type: "password".to_owned(),
            username: email.to_owned(),
            expires_in: None,
            audience: None,
            algorithm: None,
        }
    }

    fn lifetime_s(&self) -> u64 {
        self.expires_in.unwrap_or(LIFETIME_S).min(LIFETIME_S_MAX)
    }
}

/// State of the issuer: its keys.
#[derive(Debug)]
pub(crate) struct OpenId {
    ring: Mutex<KeyRing>,
}

impl OpenId {
    /// An issuer with the keys stored in `state`, or new ones.
    pub(crate) fn open(state: Option<&Path>) -> Result<OpenId, KeysError> {
        Ok(OpenId { ring: Mutex::new(KeyRing::open(state)?) })
    }

    /// A valid token from the issuer at `url`.
    pub(crate) fn issue(&self, url: &str, request: &TokenRequest) -> Result<String, TokenError> {
        if request.grant_type != "password" {
            return Err(TokenError::Grant);
        }
        let person = Person::parse(&request.username)?;
        let audience = request.audience.as_deref().unwrap_or(AUDIENCE);
        let draft = Draft::new(url, &person, audience, request.lifetime_s());
        let algorithm = request.algorithm.unwrap_or(SigningAlgorithm::ES256);
        draft.sign(locked(&self.ring).signing(algorithm)?)
    }

    /// An invalid token.
    pub(crate) fn forge(&self, url: &str, email: &str, flaw: Flaw) -> Result<String, TokenError> {
        let draft = Draft::new(url, &Person::parse(email)?, AUDIENCE, LIFETIME_S);
        draft.sign_with(flaw, locked(&self.ring).signing(SigningAlgorithm::ES256)?)
    }

    /// Signs with new keys from now on.
    pub(crate) fn rotate(&self) -> Result<(), KeysError> {
        locked(&self.ring).rotate()
    }

    /// Stops publishing the keys that no longer sign.
    pub(crate) fn retire(&self) -> Result<(), KeysError> {
        locked(&self.ring).retire()
    }

    /// The ids of the published keys.
    pub(crate) fn key_ids(&self) -> Vec<String> {
        locked(&self.ring).key_ids()
    }

    fn published(&self) -> JwkSet {
        locked(&self.ring).published()
    }
}

pub(crate) fn router() -> Router<Arc<AppState>> {
    Router::new()
        .route("/.well-known/openid-configuration", get(discover))
        .route("/jwks.json", get(publish_keys))
        .route("/token", post(issue_token))
}

async fn discover(State(world): State<Arc<AppState>>) -> Json<Value> {
    let url = &world.url;
    Json(json!({
        "issuer": url,
        "jwks_uri": format!("{url}/jwks.json"),
        "token_endpoint": format!("{url}/token"),
        "token_endpoint_auth_methods_supported": ["none"],
        "grant_types_supported": ["password"],
        "response_types_supported": ["token"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["ES256", "RS256", "EdDSA"],
        "claims_supported": [
            "iss", "aud", "sub", "email", "email_verified", "name", "iat", "nbf", "exp",
            "app_metadata",
        ],
    }))
}

async fn publish_keys(State(world): State<Arc<AppState>>) -> Json<JwkSet> {
    Json(world.openid.published())
}

async fn issue_token(State(world): State<Arc<AppState>>, request: Request) -> Response {
    let is_json = request
        .headers()
        .get(header::CONTENT_TYPE)
        .is_some_and(|kind| kind.as_bytes().starts_with(b"application/json"));
    let asked = if is_json {
        Json::<TokenRequest>::from_request(request, &()).await.map(|Json(a)| a).ok()
    } else {
        Form::<TokenRequest>::from_request(request, &()).await.map(|Form(a)| a).ok()
    };
    let issued = asked.ok_or(TokenError::Unreadable).and_then(|asked| {
        let token = world.openid.issue(&world.url, &asked)?;
        Ok(json!({
            "access_token": token,
            "token_type": "Bearer",
            "expires_in": asked.lifetime_s(),
        }))
    });
    match issued {
        Ok(body) => ([(header::CACHE_CONTROL, "no-store")], Json(body)).into_response(),
        Err(refused) => refused.into_response(),
    }
}

impl IntoResponse for TokenError {
    /// RFC 6749, section 5.2.
    fn into_response(self) -> Response {
        let body = json!({ "error": self.code(), "error_description": self.to_string() });
        let status = match self {
            TokenError::Keys(_) | TokenError::Signing(_) => StatusCode::INTERNAL_SERVER_ERROR,
            TokenError::Unreadable | TokenError::Grant | TokenError::Person(_) => {
                StatusCode::BAD_REQUEST
            }
        };
        (status, Json(body)).into_response()
    }
}
