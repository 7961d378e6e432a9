//! The issuer's public keys: discovery, selection and caching.
//!
//! Keys are fetched once, and again after an hour or when a token names an unknown one, but then at
//! most once a minute: a flood of forged tokens must not cause a flood of requests. While the
//! issuer is unreachable, the cached keys stay in use. A shared secret is no key of a set: it is read
//! from Secrets Manager, again every five minutes.

use std::time::Duration;

use domain::Timestamp;
use jsonwebtoken::{
    Algorithm, DecodingKey,
    jwk::{CommonParameters, Jwk, PublicKeyUse},
};
use reqwest::Url;
use serde::Deserialize;
use serde_json::Value;
use tokio::sync::Mutex;

use super::TokenError;
use crate::{
    http::{Http, InvalidConfig, call},
    secrets::Secret,
};

/// Minimum time between two fetches, while there are cached keys.
const REFETCH_PAUSE: Duration = Duration::from_secs(60);
/// After this the keys are fetched again, so that a withdrawn key is dropped.
const KEYS_LIFETIME: Duration = Duration::from_secs(3600);
const TIMEOUT: Duration = Duration::from_secs(5);
const DOCUMENT_BYTES_MAX: usize = 256 * 1024;
const KEYS_MAX: usize = 32;
const SECRET_BYTES_MIN: usize = 32;

/// A key and the only algorithm it is used with.
#[derive(Debug, Clone)]
pub(super) struct Key {
    pub(super) kid: Option<String>,
    pub(super) algorithm: Algorithm,
    pub(super) decoding: DecodingKey,
}

impl Key {
    /// A secret that we share with the issuer.
    ///
    /// # Errors
    /// When it is shorter than its hash (RFC 7518, section 3.2).
    pub(super) fn shared(secret: &Secret) -> Result<Key, InvalidConfig> {
        let bytes = secret.expose().as_bytes();
        if bytes.len() < SECRET_BYTES_MIN {
            return Err(InvalidConfig(format!("the secret has under {SECRET_BYTES_MIN} bytes")));
        }
        let decoding = DecodingKey::from_secret(bytes);
        Ok(Key { kid: None, algorithm: Algorithm::HS256, decoding })
    }
}

#[derive(Debug)]
pub(super) struct KeySource {
    http: Http,
    place: Place,
    known: Mutex<Known>,
}

#[derive(Debug)]
enum Place {
    Jwks(Url),
    Discovered { issuer: String, document: Url },
}

#[derive(Debug, Default)]
struct Known {
    keys: Vec<Key>,
    fetched_at: Option<Timestamp>,
    tried_at: Option<Timestamp>,
}

impl KeySource {
    pub(super) fn new(
        http: Http,
        issuer: &str,
        jwks_url: Option<&str>,
    ) -> Result<KeySource, InvalidConfig> {
        let place = match jwks_url {
            Some(url) => Place::Jwks(http_url(url)?),
            None => Place::Discovered {
                issuer: issuer.to_owned(),
                document: http_url(&format!(
                    "{}/.well-known/openid-configuration",
                    issuer.trim_end_matches('/')
                ))?,
            },
        };
        Ok(KeySource { http, place, known: Mutex::default() })
    }

    pub(super) async fn load(&self, now: Timestamp) -> Result<(), TokenError> {
        let mut known = self.known.lock().await;
        self.refresh(&mut known, now).await
    }

    /// The key that a token names, of the kind it is signed with: an issuer may have keys of two
    /// kinds under one name. A key is only used with its own algorithm. The lock is held while keys
    /// are fetched, so that many concurrent tokens cause one fetch.
    pub(super) async fn find(
        &self,
        kid: Option<&str>,
        algorithm: Algorithm,
        now: Timestamp,
    ) -> Result<Key, TokenError> {
        let mut known = self.known.lock().await;
        if known.wants_refresh(kid, now) {
            self.refresh(&mut known, now).await?;
        }
        let named = known.named(kid).ok_or(TokenError::UnknownKey)?;
        let fits = named.into_iter().find(|key| key.algorithm == algorithm);
        fits.cloned().ok_or(TokenError::Signature)
    }

    async fn refresh(&self, known: &mut Known, now: Timestamp) -> Result<(), TokenError> {
        known.tried_at = Some(now);
        match self.fetch().await {
            Ok(keys) => {
                known.keys = keys;
                known.fetched_at = Some(now);
                Ok(())
            }
            Err(detail) if known.keys.is_empty() => Err(TokenError::KeysUnavailable { detail }),
            Err(detail) => {
                tracing::warn!(detail, "issuer key refresh failed, using cached keys");
                Ok(())
            }
        }
    }

    async fn fetch(&self) -> Result<Vec<Key>, String> {
        let url = match &self.place {
            Place::Jwks(url) => url.clone(),
            Place::Discovered { issuer, document } => {
                let found: Discovery = self.get(document.clone()).await?;
                jwks_url(&found, issuer)?
            }
        };
        let set: KeySet = self.get(url).await?;
        let keys: Vec<Key> = set.keys.into_iter().take(KEYS_MAX).filter_map(usable).collect();
        if keys.is_empty() { Err("no usable key in the set".to_owned()) } else { Ok(keys) }
    }

    async fn get<T: for<'de> Deserialize<'de>>(&self, url: Url) -> Result<T, String> {
        let answer = call(self.http.get(url), TIMEOUT, DOCUMENT_BYTES_MAX)
            .await
            .map_err(|error| error.to_string())?;
        match answer.status.as_u16() {
            200 => serde_json::from_slice(&answer.body).map_err(|error| error.to_string()),
            status => Err(format!("the issuer answered {status}")),
        }
    }
}

impl Known {
    fn wants_refresh(&self, kid: Option<&str>, now: Timestamp) -> bool {
        let older_than =
            |time: Option<Timestamp>, age| time.is_none_or(|time| time.until(now) >= age);
        if self.keys.is_empty() {
            return true;
        }
        let wanted = self.named(kid).is_none() || older_than(self.fetched_at, KEYS_LIFETIME);
        wanted && older_than(self.tried_at, REFETCH_PAUSE)
    }

    /// By key id; a token without one can only mean the only key.
    fn named(&self, kid: Option<&str>) -> Option<Vec<&Key>> {
        let named: Vec<&Key> = match kid {
            Some(_) => self.keys.iter().filter(|key| key.kid.as_deref() == kid).collect(),
            None if self.keys.len() == 1 => self.keys.iter().collect(),
            None => Vec::new(),
        };
        (!named.is_empty()).then_some(named)
    }
}

/// The issuer's discovery document, as far as we read it (OpenID Connect Discovery 1.0).
#[derive(Debug, Deserialize)]
struct Discovery {
    issuer: String,
    jwks_uri: String,
}

/// Discovery 4.3: the document must name the issuer it was fetched from. The keys of an `https`
/// issuer must be served over `https`.
fn jwks_url(found: &Discovery, issuer: &str) -> Result<Url, String> {
    if found.issuer != issuer {
        return Err(format!("the discovery document names the issuer {}", found.issuer));
    }
    let url = http_url(&found.jwks_uri).map_err(|error| error.to_string())?;
    match issuer.starts_with("https:") && url.scheme() != "https" {
        true => Err("the keys of an https issuer must be served over https".to_owned()),
        false => Ok(url),
    }
}

fn http_url(text: &str) -> Result<Url, InvalidConfig> {
    Url::parse(text)
        .ok()
        .filter(|url| matches!(url.scheme(), "https" | "http"))
        .ok_or_else(|| InvalidConfig(format!("not an HTTP URL: {text}")))
}

/// Each key is parsed separately: one we do not support must not cost us the others.
#[derive(Debug, Deserialize)]
struct KeySet {
    keys: Vec<Value>,
}

/// The key, if it verifies signatures with one of the three algorithms we accept (RFC 7517, 7518,
/// 8037).
fn usable(value: Value) -> Option<Key> {
    let algorithm = match (value["kty"].as_str()?, value["crv"].as_str()) {
        ("RSA", _) => Algorithm::RS256,
        ("EC", Some("P-256")) => Algorithm::ES256,
        ("OKP", Some("Ed25519")) => Algorithm::EdDSA,
        _ => return None,
    };
    let names_curve = algorithm == Algorithm::EdDSA && value["alg"] == "Ed25519";
    let jwk: Jwk = serde_json::from_value(value).ok()?;
    let decoding = DecodingKey::from_jwk(&jwk).ok()?;
    let CommonParameters { public_key_use, key_algorithm, key_id, .. } = jwk.common;
    let signs = public_key_use.is_none_or(|purpose| purpose == PublicKeyUse::Signature);
    let agrees = key_algorithm.is_none_or(|alg| alg == algorithm.into() || names_curve);
    (signs && agrees).then_some(Key { kid: key_id, algorithm, decoding })
}
