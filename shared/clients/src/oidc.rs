//! Authentication: verifies the tokens of any OpenID Connect issuer.
//!
//! The rules are those of RFC 8725 and OpenID Connect Core 3.1.3.7. The algorithm belongs to the
//! key and is never taken from the token, so neither `none` nor an HMAC over a public key is
//! accepted; a key comes only from the issuer's own set, never from the token's header; issuer and
//! audience are configured; and time is the caller's argument, with a minute of leeway.
//!
//! An issuer has either published keys or one shared secret (HS256), never both: so a secret
//! verifies no token of an issuer with published keys, and no published key is taken for a secret.
//! Parameters for known issuers, and a token of each: `infra/README.md`, `tests/providers.rs`.

mod error;
mod keys;
#[cfg(test)]
mod tests;

use std::time::Duration;

use connect::{Aws, Connect, Environment, InitError, chain};
use domain::{Timestamp, account::Role, id::UserId, time::DAY};
use jsonwebtoken::{Validation, decode, decode_header, errors::ErrorKind};
use serde::Deserialize;
use serde_json::{Map, Value};
use tracing::warn;

use crate::{
    http::{Http, InvalidConfig},
    secrets::{AuthSecret, Secret},
};
pub use error::TokenError;
use keys::{Key, KeySource};

const AUTH_ISSUER: &str = "AUTH_ISSUER";
/// Empty: tokens have no audience, and [`AUTH_PARTIES`] tells ours from those of others.
const AUTH_AUDIENCE: &str = "AUTH_AUDIENCE";
/// Empty: the URL is discovered from the issuer.
const AUTH_JWKS_URL: &str = "AUTH_JWKS_URL";
/// Comma-separated; empty means any.
const AUTH_PARTIES: &str = "AUTH_PARTIES";
const AUTH_ROLE_CLAIM: &str = "AUTH_ROLE_CLAIM";
/// The secret of an issuer that signs with HS256. Empty: the issuer publishes its keys.
const AUTH_SECRET_ARN: &str = "AUTH_SECRET_ARN";
/// `true`, if the issuer signs in verified addresses only, and its tokens do not say so.
const AUTH_EMAILS_VERIFIED: &str = "AUTH_EMAILS_VERIFIED";

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
    /// Must be (among) the `aud` of every accepted token. `None`: accepted tokens have no `aud`, and
    /// there are authorized parties.
    pub audience: Option<String>,
    /// What signs the tokens.
    pub keys: TrustedKeys,
    /// Accepted authorized parties (`azp`, `client_id`), such as an origin or a client id; any, if
    /// empty.
    pub authorized_parties: Vec<String>,
    /// JSON pointer to the claim of a staff role, such as `/app_metadata/role`. The claim is
    /// `"moderator"`, `"admin"`, or a list with one of them.
    pub role_claim: String,
    /// Whether an address is verified if the token does not say so.
    pub emails_verified: bool,
}

/// What an issuer signs its tokens with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TrustedKeys {
    /// Keys at the URL that the issuer's discovery document names.
    Discovered,
    /// Keys at this URL.
    Published(String),
    /// A secret that we share with the issuer (HS256).
    Shared(Secret),
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

/// A trusted issuer. It caches the issuer's keys: build one per process.
#[derive(Debug)]
pub struct Issuer {
    config: OidcConfig,
    keys: Keys,
}

#[derive(Debug)]
enum Keys {
    Published(KeySource),
    Shared(Key),
}

/// The keys are fetched at once; if that fails, the first token retries.
impl Connect for Issuer {
    fn variables() -> Vec<&'static str> {
        vec![
            AUTH_ISSUER,
            AUTH_AUDIENCE,
            AUTH_JWKS_URL,
            AUTH_PARTIES,
            AUTH_ROLE_CLAIM,
            AUTH_SECRET_ARN,
            AUTH_EMAILS_VERIFIED,
        ]
    }
    async fn connect(env: &Environment, aws: &Aws) -> Result<Issuer, InitError> {
        let keys = match (env.optional(AUTH_SECRET_ARN), env.optional(AUTH_JWKS_URL)) {
            (Some(arn), None) => TrustedKeys::Shared(AuthSecret::read(aws, arn).await?),
            (None, Some(url)) => TrustedKeys::Published(url.to_owned()),
            (None, None) => TrustedKeys::Discovered,
            (Some(_), Some(_)) => {
                let both = InvalidConfig(format!("{AUTH_JWKS_URL} excludes a secret"));
                return Err(InitError::unusable(AUTH_SECRET_ARN)(both));
            }
        };
        let config = OidcConfig {
            issuer: env.text(AUTH_ISSUER)?.to_owned(),
            audience: env.optional(AUTH_AUDIENCE).map(str::to_owned),
            keys,
            authorized_parties: env
                .optional(AUTH_PARTIES)
                .into_iter()
                .flat_map(|parties| parties.split(','))
                .map(|party| party.trim().to_owned())
                .collect(),
            role_claim: env.text(AUTH_ROLE_CLAIM)?.to_owned(),
            emails_verified: env.optional(AUTH_EMAILS_VERIFIED) == Some("true"),
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
    /// When the issuer or the URL of its keys is not an HTTP URL, when the secret is too short, or
    /// when neither an audience nor a party tells our tokens from those of others.
    pub fn new(http: Http, config: OidcConfig) -> Result<Issuer, InvalidConfig> {
        if config.audience.is_none() && config.authorized_parties.is_empty() {
            let neither = format!("set {AUTH_AUDIENCE} or {AUTH_PARTIES}");
            return Err(InvalidConfig(neither));
        }
        let issuer = &config.issuer;
        let keys = match &config.keys {
            TrustedKeys::Discovered => Keys::Published(KeySource::new(http, issuer, None)?),
            TrustedKeys::Published(url) => {
                Keys::Published(KeySource::new(http, issuer, Some(url.as_str()))?)
            }
            TrustedKeys::Shared(secret) => Keys::Shared(Key::shared(secret)?),
        };
        Ok(Issuer { config, keys })
    }

    /// Fetches the keys ahead of the first token: during init, where processor time is cheap.
    ///
    /// # Errors
    /// [`TokenError::KeysUnavailable`].
    pub async fn load_keys(&self, now: Timestamp) -> Result<(), TokenError> {
        match &self.keys {
            Keys::Published(keys) => keys.load(now).await,
            Keys::Shared(_) => Ok(()),
        }
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
        let key = match &self.keys {
            Keys::Published(keys) => keys.find(header.kid.as_deref(), header.alg, now).await?,
            Keys::Shared(key) if key.algorithm == header.alg => key.clone(),
            Keys::Shared(_) => return Err(TokenError::Signature),
        };
        let claims = signed_claims(token, &key)?;
        self.check(&claims, now)?;
        self.identity(&claims)
    }

    fn check(&self, claims: &Claims, now: Timestamp) -> Result<(), TokenError> {
        if claims.iss != self.config.issuer {
            return Err(TokenError::Issuer);
        }
        let is_addressed_to_us = match (&self.config.audience, &claims.aud) {
            (Some(audience), Some(aud)) => aud.has(audience),
            (None, None) => true,
            // RFC 7519, 4.1.3: a token for an audience that is not ours, whoever it names.
            (Some(_), None) | (None, Some(_)) => false,
        };
        if !is_addressed_to_us {
            return Err(TokenError::Audience);
        }
        let parties = &self.config.authorized_parties;
        let mut named = [&claims.azp, &claims.client_id].into_iter().flatten().peekable();
        let is_named = named.peek().is_some();
        let is_ours = is_named && named.all(|party| parties.contains(party));
        if !parties.is_empty() && !is_ours {
            return Err(TokenError::Party);
        }
        // Clerk's state of a session whose member has not done all that signing in takes.
        if claims.rest.get("sts").is_some_and(|state| state == "pending") {
            return Err(TokenError::Pending);
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
            email_verified: match claims.rest.get("email_verified") {
                Some(claim) => is_true(claim),
                None => self.config.emails_verified,
            },
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
    aud: Option<Audience>,
    exp: f64,
    nbf: Option<f64>,
    iat: Option<f64>,
    azp: Option<String>,
    /// As `azp`, in access tokens (RFC 9068), such as Cognito's.
    client_id: Option<String>,
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
