//! Tokens: valid ones, and each kind of invalid one that a verifier must refuse.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{
    keys::{KeysError, SigningAlgorithm, SigningKey},
    people::{Person, UnknownPerson},
    sessions::Consent,
};
use crate::clock;

/// Default audience of a token.
pub const AUDIENCE: &str = "prolight";
/// The console's client id; another word than the audience, so that no API takes an ID token.
pub const CLIENT_ID: &str = "prolight-console";
/// Default lifetime of a token.
pub const LIFETIME_S: u64 = 3_600;
/// Longest lifetime of a token: 30 days.
pub const LIFETIME_S_MAX: u64 = 30 * 86_400;

/// Why no token is issued.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// The body is not of the declared content type.
    #[error("the request is neither a form nor JSON with grant_type and username")]
    Unreadable,
    /// A parameter is missing or there twice.
    #[error("{0} is missing, or there twice")]
    Parameter(&'static str),
    /// An unknown grant.
    #[error("grant_type is authorization_code, refresh_token or password")]
    Grant,
    /// No such client.
    #[error("only {CLIENT_ID} is registered")]
    Client,
    /// The code or the refresh token is unknown, expired, used, or of another request.
    #[error("{0}")]
    Refused(&'static str),
    /// A refresh asks for more than was granted.
    #[error("the scope was not granted")]
    Scope,
    /// No such test person.
    #[error(transparent)]
    Person(#[from] UnknownPerson),
    /// The issuer has no key.
    #[error(transparent)]
    Keys(#[from] KeysError),
    /// Signing failed.
    #[error("cannot sign: {0}")]
    Signing(#[from] jsonwebtoken::errors::Error),
}

impl TokenError {
    /// The code of RFC 6749, section 5.2.
    pub fn code(&self) -> &'static str {
        match self {
            TokenError::Unreadable | TokenError::Parameter(_) => "invalid_request",
            TokenError::Grant => "unsupported_grant_type",
            TokenError::Client => "invalid_client",
            TokenError::Person(_) | TokenError::Refused(_) => "invalid_grant",
            TokenError::Scope => "invalid_scope",
            TokenError::Keys(_) | TokenError::Signing(_) => "server_error",
        }
    }
}

/// What is wrong with a forged token. Everything else about it is valid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Flaw {
    /// Expired an hour ago.
    Expired,
    /// Valid only in an hour.
    NotYetValid,
    /// For another audience.
    WrongAudience,
    /// From another issuer.
    WrongIssuer,
    /// No subject.
    NoSubject,
    /// Signed by a key that is not published, under its own id.
    UnknownKey,
    /// Signed by a key that is not published, under the id of one that is.
    StolenKeyId,
    /// `alg: none` and no signature.
    Unsigned,
    /// HS256 with the bytes of the published key as the secret.
    PublicKeyAsSecret,
    /// A valid signature over other claims: the payload says `user_admin` and has the role.
    Tampered,
}

/// An unsigned token.
#[derive(Debug, Clone)]
pub(crate) struct Draft {
    claims: Claims,
}

#[derive(Debug, Clone, Serialize)]
struct Claims {
    iss: String,
    aud: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    sub: Option<String>,
    email: String,
    email_verified: bool,
    name: String,
    iat: u64,
    nbf: u64,
    exp: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    app_metadata: Option<AppMetadata>,
    /// Only in ID tokens.
    #[serde(flatten)]
    signed_in: Option<SignedIn>,
}

/// The claims of an ID token about the sign-in (OpenID Connect Core, section 2).
#[derive(Debug, Clone, Serialize)]
struct SignedIn {
    auth_time: u64,
    sid: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    nonce: Option<String>,
}

#[derive(Debug, Clone, Serialize)]
struct AppMetadata {
    role: &'static str,
}

impl Draft {
    /// A token for `person`, valid from now on.
    pub(crate) fn new(issuer: &str, person: &Person, audience: &str, lifetime_s: u64) -> Draft {
        let now = clock::unix_time().as_secs();
        Draft {
            claims: Claims {
                iss: issuer.to_owned(),
                aud: audience.to_owned(),
                sub: Some(person.sub.clone()),
                email: person.email.clone(),
                email_verified: person.email_verified,
                name: person.name.clone(),
                iat: now,
                nbf: now,
                exp: now + lifetime_s,
                app_metadata: person.role.map(|role| AppMetadata { role }),
                signed_in: None,
            },
        }
    }

    /// The ID token of a sign-in. The console is its audience.
    pub(crate) fn identity(issuer: &str, consent: &Consent) -> Draft {
        let mut draft = Draft::new(issuer, &consent.person, CLIENT_ID, LIFETIME_S);
        draft.claims.signed_in = Some(SignedIn {
            auth_time: consent.signed_in_at,
            sid: consent.session.clone(),
            nonce: consent.nonce.clone(),
        });
        draft
    }

    /// The signed token.
    pub(crate) fn sign(&self, key: &SigningKey) -> Result<String, TokenError> {
        self.sign_as(key.id(), key)
    }

    /// The token with a flaw; `key` is the one that signs valid tokens.
    pub(crate) fn sign_with(mut self, flaw: Flaw, key: &SigningKey) -> Result<String, TokenError> {
        const HOUR_S: u64 = 3_600;
        let claims = &mut self.claims;
        match flaw {
            Flaw::Expired => {
                claims.iat -= 2 * HOUR_S;
                claims.nbf -= 2 * HOUR_S;
                claims.exp = claims.iat + HOUR_S;
            }
            Flaw::NotYetValid => {
                claims.nbf += HOUR_S;
                claims.exp += HOUR_S;
            }
            Flaw::WrongAudience => claims.aud = "somebody-else".to_owned(),
            Flaw::WrongIssuer => claims.iss = "https://issuer.example".to_owned(),
            Flaw::NoSubject => claims.sub = None,
            Flaw::UnknownKey => {
                return self.sign(&SigningKey::generate(SigningAlgorithm::ES256)?);
            }
            Flaw::StolenKeyId => {
                let other = SigningKey::generate(SigningAlgorithm::ES256)?;
                return self.sign_as(key.id(), &other);
            }
            Flaw::Unsigned => {
                let header = json!({ "alg": "none", "typ": "JWT", "kid": key.id() });
                return Ok(format!("{}.{}.", encoded(&header)?, encoded(&self.claims)?));
            }
            Flaw::PublicKeyAsSecret => {
                let secret = EncodingKey::from_secret(&key.public_point()?);
                let header = header(Algorithm::HS256, key.id());
                return Ok(jsonwebtoken::encode(&header, &self.claims, &secret)?);
            }
            Flaw::Tampered => return self.tampered(key),
        }
        self.sign(key)
    }

    fn tampered(mut self, key: &SigningKey) -> Result<String, TokenError> {
        let good = self.sign(key)?;
        self.claims.sub = Some("user_admin".to_owned());
        self.claims.app_metadata = Some(AppMetadata { role: "admin" });
        let header = good.split('.').next().unwrap_or_default();
        let signature = good.rsplit('.').next().unwrap_or_default();
        Ok([header, &encoded(&self.claims)?, signature].join("."))
    }

    fn sign_as(&self, id: Option<&str>, key: &SigningKey) -> Result<String, TokenError> {
        let header = header(key.algorithm.jwt(), id);
        Ok(jsonwebtoken::encode(&header, &self.claims, &key.private)?)
    }
}

fn header(algorithm: Algorithm, id: Option<&str>) -> Header {
    Header { kid: id.map(str::to_owned), ..Header::new(algorithm) }
}

fn encoded(part: &impl Serialize) -> Result<String, TokenError> {
    let json = serde_json::to_vec(part).map_err(jsonwebtoken::errors::Error::from)?;
    Ok(URL_SAFE_NO_PAD.encode(json))
}
