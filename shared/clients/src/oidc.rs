//! Authentication: verifies the tokens of any OpenID Connect issuer.
//!
//! The rules are those of RFC 8725 and OpenID Connect Core 3.1.3.7. The algorithm belongs to the
//! key and is never taken from the token, so neither `none` nor an HMAC over a public key is
//! accepted; a key comes only from the issuer's own set, never from the token's header; issuer and
//! audience are configured; and time is the caller's argument, with a minute of leeway.

mod error;
mod keys;
#[cfg(test)]
mod tests;

use std::time::Duration;

use connect::{Aws, Connect, Environment, InitError, chain};
use domain::{
    Timestamp,
    account::{EmailClaim, Role},
    id::UserId,
    time::DAY,
};
use jsonwebtoken::{Validation, decode, decode_header, errors::ErrorKind};
use serde::Deserialize;
use serde_json::{Map, Value};
use tracing::warn;

use crate::http::{Http, InvalidConfig};
pub use error::TokenError;
use keys::{Key, KeySource};

const AUTH_ISSUER: &str = "AUTH_ISSUER";
const AUTH_AUDIENCE: &str = "AUTH_AUDIENCE";
/// Empty: the URL is discovered from the issuer.
const AUTH_JWKS_URL: &str = "AUTH_JWKS_URL";
/// Comma-separated; empty means any.
const AUTH_PARTIES: &str = "AUTH_PARTIES";
const AUTH_ROLE_CLAIM: &str = "AUTH_ROLE_CLAIM";

/// Accepted clock difference between the issuer and us.
pub const LEEWAY: Duration = Duration::from_secs(60);

/// Longest lifetime of a token. It limits a stolen token to a day, however the issuer is
/// configured.
pub const LIFETIME_MAX: Duration = DAY;

/// Accepted token types (`typ`), in lower case: a plain JWT, or an access token (RFC 9068). Others
/// are signed with the same keys for other purposes, such as logout tokens (RFC 8725, 3.11).
const TYPES: [&str; 3] = ["jwt", "at+jwt", "application/at+jwt"];

/// Longest token; API Gateway accepts at most 10 KiB of headers.
const TOKEN_BYTES_MAX: usize = 8 * 1024;
/// Longest email and name passed on, in bytes.
const PROFILE_BYTES_MAX: usize = 254;

/// The accepted tokens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OidcConfig {
    /// The `iss` of every accepted token, exactly as the issuer spells it.
    pub issuer: String,
    /// Must be (among) the `aud` of every accepted token.
    pub audience: String,
    /// The URL of the keys; discovered from the issuer if `None`.
    pub jwks_url: Option<String>,
    /// Accepted authorized parties (`azp`), such as an origin or a client id; any, if empty.
    pub authorized_parties: Vec<String>,
    /// JSON pointer to the claim of a staff role, such as `/app_metadata/role`. The claim is
    /// `"moderator"`, `"admin"`, or a list with one of them.
    pub role_claim: String,
}

/// A caller's identity, from their token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// `sub`.
    pub user_id: UserId,
    /// `email`, if it is short and printable.
    pub email: Option<String>,
    /// `email_verified`: the issuer has verified the address.
    pub email_verified: bool,
    /// `name`, if it is short and printable.
    pub name: Option<String>,
    /// Their staff role, if any.
    pub role: Option<Role>,
}

impl Identity {
    /// The email address with its verification state.
    pub fn email_claim(&self) -> Option<EmailClaim<'_>> {
        let address = self.email.as_deref();
        Some(EmailClaim { address, is_verified: self.email_verified })
    }
}

/// A trusted issuer. It caches the issuer's keys: build one per process.
#[derive(Debug)]
pub struct Issuer {
    config: OidcConfig,
    keys: KeySource,
}

/// The keys are fetched at once; if that fails, the first token retries.
impl Connect for Issuer {
    fn variables() -> Vec<&'static str> {
        vec![AUTH_ISSUER, AUTH_AUDIENCE, AUTH_JWKS_URL, AUTH_PARTIES, AUTH_ROLE_CLAIM]
    }
    async fn connect(env: &Environment, aws: &Aws) -> Result<Issuer, InitError> {
        let config = OidcConfig {
            issuer: env.text(AUTH_ISSUER)?.to_owned(),
            audience: env.text(AUTH_AUDIENCE)?.to_owned(),
            jwks_url: env.optional(AUTH_JWKS_URL).map(str::to_owned),
            authorized_parties: env
                .optional(AUTH_PARTIES)
                .into_iter()
                .flat_map(|parties| parties.split(','))
                .map(|party| party.trim().to_owned())
                .collect(),
            role_claim: env.text(AUTH_ROLE_CLAIM)?.to_owned(),
        };
        let http = Http::connect(env, aws).await?;
        let issuer = Issuer::new(http, config).map_err(InitError::unusable(AUTH_ISSUER))?;
        if let Err(error) = issuer.load_keys(aws.now()).await {
            warn!(error = chain(&error), "token issuer unreachable, the first token retries");
        }
        Ok(issuer)
    }
}

impl Issuer {
    /// No call is made: the keys are fetched for the first token, or by [`Issuer::load_keys`].
    ///
    /// # Errors
    /// When the issuer or the URL of its keys is not an HTTP URL.
    pub fn new(http: Http, config: OidcConfig) -> Result<Issuer, InvalidConfig> {
        let keys = KeySource::new(http, &config.issuer, config.jwks_url.as_deref())?;
        Ok(Issuer { config, keys })
    }

    /// Fetches the keys ahead of the first token: during init, where processor time is cheap.
    ///
    /// # Errors
    /// [`TokenError::KeysUnavailable`].
    pub async fn load_keys(&self, now: Timestamp) -> Result<(), TokenError> {
        self.keys.load(now).await
    }

    /// Verifies a token, without its `Bearer ` prefix, at the time `now`.
    ///
    /// # Errors
    /// See [`TokenError`].
    pub async fn verify(&self, token: &str, now: Timestamp) -> Result<Identity, TokenError> {
        if token.len() > TOKEN_BYTES_MAX {
            return Err(TokenError::Malformed);
        }
        let header = decode_header(token).map_err(|_| TokenError::Malformed)?;
        let typ = header.typ.as_deref().map(str::to_ascii_lowercase);
        let is_for_us = typ.is_none_or(|typ| TYPES.contains(&typ.as_str()));
        if header.crit.is_some() || !is_for_us {
            return Err(TokenError::Malformed);
        }
        let key = self.keys.find(header.kid.as_deref(), header.alg, now).await?;
        let claims = signed_claims(token, &key)?;
        self.check(&claims, now)?;
        self.identity(&claims)
    }

    fn check(&self, claims: &Claims, now: Timestamp) -> Result<(), TokenError> {
        if claims.iss != self.config.issuer {
            return Err(TokenError::Issuer);
        }
        if !claims.aud.has(&self.config.audience) {
            return Err(TokenError::Audience);
        }
        let parties = &self.config.authorized_parties;
        let party = claims.azp.as_ref();
        if !parties.is_empty() && party.is_none_or(|party| !parties.contains(party)) {
            return Err(TokenError::Party);
        }
        let begins = claims.iat.map_or(now, numeric_date).min(now);
        if numeric_date(claims.exp) > begins.plus(LIFETIME_MAX).plus(LEEWAY) {
            return Err(TokenError::TooLong);
        }
        if numeric_date(claims.exp).plus(LEEWAY) <= now {
            return Err(TokenError::Expired);
        }
        if claims.nbf.is_some_and(|nbf| numeric_date(nbf) > now.plus(LEEWAY)) {
            return Err(TokenError::NotYetValid);
        }
        Ok(())
    }

    fn identity(&self, claims: &Claims) -> Result<Identity, TokenError> {
        Ok(Identity {
            user_id: UserId::parse(&claims.sub).map_err(|_| TokenError::Subject)?,
            email: printable(claims.rest.get("email")),
            email_verified: claims.rest.get("email_verified").is_some_and(is_true),
            name: printable(claims.rest.get("name")),
            role: self.role(&claims.rest),
        })
    }

    fn role(&self, claims: &Map<String, Value>) -> Option<Role> {
        let mut parts = self.config.role_claim.strip_prefix('/')?.splitn(2, '/');
        let first = parts.next()?.replace("~1", "/").replace("~0", "~");
        let claim = match (claims.get(&first)?, parts.next()) {
            (inner, Some(rest)) => inner.pointer(&format!("/{rest}"))?,
            (claim, None) => claim,
        };
        let names: Vec<&str> = match claim {
            Value::String(name) => vec![name],
            Value::Array(names) => names.iter().filter_map(Value::as_str).collect(),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => vec![],
        };
        match (names.contains(&"admin"), names.contains(&"moderator")) {
            (true, _) => Some(Role::Admin),
            (false, true) => Some(Role::Moderator),
            (false, false) => None,
        }
    }
}

#[derive(Debug, Deserialize)]
struct Claims {
    iss: String,
    sub: String,
    aud: Audience,
    exp: f64,
    nbf: Option<f64>,
    iat: Option<f64>,
    azp: Option<String>,
    #[serde(flatten)]
    rest: Map<String, Value>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Many(Vec<String>),
}

impl Audience {
    fn has(&self, audience: &str) -> bool {
        match self {
            Audience::One(one) => one == audience,
            Audience::Many(many) => many.iter().any(|one| one == audience),
        }
    }
}

/// The claims of a token that `key` signed with its own algorithm. Only the signature is checked:
/// [`Issuer::check`] checks the claims, because that needs the time.
fn signed_claims(token: &str, key: &Key) -> Result<Claims, TokenError> {
    let mut validation = Validation::new(key.algorithm);
    validation.required_spec_claims.clear();
    validation.validate_exp = false;
    validation.validate_aud = false;
    let decoded = decode::<Claims>(token, &key.decoding, &validation);
    decoded.map(|token| token.claims).map_err(|error| {
        let forged = matches!(
            error.kind(),
            ErrorKind::InvalidSignature | ErrorKind::InvalidAlgorithm | ErrorKind::InvalidKeyFormat
        );
        if forged { TokenError::Signature } else { TokenError::Malformed }
    })
}

/// Seconds since the epoch, perhaps with a fraction (RFC 7519, section 2). It saturates.
fn numeric_date(seconds: f64) -> Timestamp {
    Timestamp::from_millis((seconds * 1000.0) as i64)
}

/// A boolean (OpenID Connect Core 1.0, section 5.1), or the string that Cognito sends.
fn is_true(claim: &Value) -> bool {
    *claim == Value::Bool(true) || claim.as_str() == Some("true")
}

fn printable(claim: Option<&Value>) -> Option<String> {
    let text = claim?.as_str()?.trim();
    let plain = domain::text::is_line(text);
    (plain && text.len() <= PROFILE_BYTES_MAX).then(|| text.to_owned())
}
