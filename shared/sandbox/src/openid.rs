//! An OpenID issuer of test people: it issues a token for any `<name>@prolight.test`; `moderator`
//! and `admin` are staff. The address of a name that begins with `unverified` is not verified.
//!
//! Discovery and keys follow OpenID Connect Discovery 1.0 and RFC 7517. A browser signs in by the
//! authorization code flow with PKCE ([`authorize`]), refreshes and signs out ([`endpoints`]).
//! Programs use the token endpoint's password grant (RFC 6749), as a form or as JSON; the password
//! is ignored.

use std::{path::Path, sync::Mutex};

use jsonwebtoken::{Validation, decode, decode_header, jwk::JwkSet};
use serde::Deserialize;
use serde_json::Value;

mod authorize;
mod endpoints;
mod keys;
mod parameters;
mod people;
mod redirects;
mod sessions;
mod tokens;

pub(crate) use endpoints::router;

pub use keys::{KeysError, SigningAlgorithm};
pub use people::{MAIL_DOMAIN, UnknownPerson};
pub use tokens::{AUDIENCE, CLIENT_ID, Flaw, LIFETIME_S, LIFETIME_S_MAX, TokenError};

use crate::app_state::locked;
use keys::KeyRing;
use people::Person;
use redirects::Redirects;
use sessions::{Consent, Sessions};
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

/// Whether an expired token counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Expiry {
    Checked,
    /// For the hint of who signs out, which may be old (RP-Initiated Logout, section 2).
    Ignored,
}

/// State of the issuer.
#[derive(Debug)]
pub(crate) struct OpenId {
    ring: Mutex<KeyRing>,
    sessions: Mutex<Sessions>,
    redirects: Redirects,
}

impl OpenId {
    /// An issuer with the keys stored in `state`, or new ones. Browsers are sent to loopback and
    /// to `redirects`.
    pub(crate) fn open(state: Option<&Path>, redirects: &[String]) -> Result<OpenId, KeysError> {
        Ok(OpenId {
            ring: Mutex::new(KeyRing::open(state)?),
            sessions: Mutex::default(),
            redirects: Redirects::new(redirects),
        })
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

    /// The access token and the ID token of a sign-in.
    fn sign_in(&self, url: &str, consent: &Consent) -> Result<(String, String), TokenError> {
        let mut ring = locked(&self.ring);
        let key = ring.signing(SigningAlgorithm::ES256)?;
        let access = Draft::new(url, &consent.person, AUDIENCE, LIFETIME_S).sign(key)?;
        Ok((access, Draft::identity(url, consent).sign(key)?))
    }

    /// The claims of a token of ours for `audience`; `None` if it is anything else.
    fn verified(&self, url: &str, token: &str, audience: &str, expiry: Expiry) -> Option<Value> {
        let id = decode_header(token).ok()?.kid?;
        let (algorithm, key) = locked(&self.ring).find(&id)?.verifying().ok()?;
        let mut rules = Validation::new(algorithm);
        rules.set_audience(&[audience]);
        rules.set_issuer(&[url]);
        rules.validate_exp = expiry == Expiry::Checked;
        decode::<Value>(token, &key, &rules).ok().map(|good| good.claims)
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
