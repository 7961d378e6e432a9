//! Sends events to the URLs of members: signed by Standard Webhooks, and only to public addresses.
//!
//! A URL is a member's, so it may try to reach what only we can reach. It is `https`, a name is
//! resolved once, the connection is made to an address that was checked, and a redirect is an
//! answer. An answer is read up to 16 KB and kept as a short excerpt.
//!
//! A local engine may allow loopback (`WEBHOOK_LOOPBACK`), so that the sandbox can receive events;
//! then a loopback URL may be `http`.

mod address;

use std::{
    error::Error,
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use base64::{Engine, engine::general_purpose::STANDARD};
use connect::{Aws, Connect, Environment, InitError};
use domain::{
    FieldError, Timestamp,
    error::InvalidFields,
    webhook::{
        delivery::{Attempt, AttemptError, Delivery, EXCERPT_CHARS_MAX},
        endpoint::{SigningSecret, Webhook},
    },
};
use hmac::Mac;
use reqwest::{
    Response, Url,
    dns::{Addrs, Name, Resolve, Resolving},
    header::{CONTENT_TYPE, HeaderValue},
};
use tokio::time::{Instant, timeout_at};

use crate::{
    http::{Http, InvalidConfig},
    signature::mac,
};
use address::Reach;

const WEBHOOK_LOOPBACK: &str = "WEBHOOK_LOOPBACK";

/// Timeout of a connection, with the name's resolution and TLS.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Timeout of a whole attempt.
const TIMEOUT: Duration = Duration::from_secs(15);
/// Most bytes of an answer that are read.
const ANSWER_BYTES_MAX: usize = 16 * 1024;
/// What a secret begins with, before its bytes in base64.
const SECRET_PREFIX: &str = "whsec_";

/// Decides which URLs a webhook may have.
#[derive(Debug, Clone, Copy)]
pub struct WebhookUrls(Reach);

/// Sends deliveries.
#[derive(Debug, Clone)]
pub struct WebhookSender {
    http: Http,
    urls: WebhookUrls,
    timeout: Duration,
}

impl Connect for WebhookUrls {
    fn variables() -> Vec<&'static str> {
        vec![WEBHOOK_LOOPBACK]
    }
    async fn connect(env: &Environment, _: &Aws) -> Result<WebhookUrls, InitError> {
        Ok(match env.parse(WEBHOOK_LOOPBACK)? {
            true => WebhookUrls::with_loopback(),
            false => WebhookUrls::public(),
        })
    }
}

impl Connect for WebhookSender {
    fn variables() -> Vec<&'static str> {
        WebhookUrls::variables()
    }
    async fn connect(env: &Environment, aws: &Aws) -> Result<WebhookSender, InitError> {
        let urls = WebhookUrls::connect(env, aws).await?;
        WebhookSender::new(urls).map_err(InitError::unavailable("the HTTP client"))
    }
}

impl WebhookUrls {
    /// Public addresses only.
    pub const fn public() -> WebhookUrls {
        WebhookUrls(Reach::Public)
    }

    /// Loopback too, for a local engine.
    pub const fn with_loopback() -> WebhookUrls {
        WebhookUrls(Reach::PublicAndLoopback)
    }

    /// Checks a URL as far as that is possible without resolving its name.
    ///
    /// # Errors
    /// The field `/url`.
    pub fn check(self, text: &str) -> Result<(), InvalidFields> {
        match self.parse(text) {
            Some(_) => Ok(()),
            None => Err(InvalidFields(vec![FieldError::new(
                "/url",
                "not_allowed",
                "an https URL of a public host, without a user, a password and a fragment",
            )])),
        }
    }

    /// The URL, if its form is allowed; a host that is an address is checked here, because a client
    /// does not resolve it.
    fn parse(self, text: &str) -> Option<Url> {
        let url = Url::parse(text).ok()?;
        let is_plain =
            url.username().is_empty() && url.password().is_none() && url.fragment().is_none();
        let host = url.host_str()?;
        let literal: Option<IpAddr> = host.trim_matches(['[', ']']).parse().ok();
        let is_loopback = host == "localhost" || literal.is_some_and(|ip| ip.is_loopback());
        let is_secure = match url.scheme() {
            "https" => true,
            "http" => is_loopback && self.0 == Reach::PublicAndLoopback,
            _ => false,
        };
        let is_reachable = literal.is_none_or(|ip| self.0.covers(ip))
            && (host != "localhost" || self.0 == Reach::PublicAndLoopback);
        (is_plain && is_secure && is_reachable).then_some(url)
    }
}

/// A new secret, made of 32 random bytes.
pub fn new_secret(random: [u128; 2]) -> SigningSecret {
    let bytes = random.map(u128::to_be_bytes).concat();
    SigningSecret::new(format!("{SECRET_PREFIX}{}", STANDARD.encode(bytes)))
}

/// The value of `webhook-signature`: one signature for each secret. A secret that is no secret
/// signs nothing.
fn signatures(secrets: &[&SigningSecret], id: &str, timestamp: &str, body: &str) -> String {
    let sign = |secret: &&SigningSecret| {
        let key = STANDARD.decode(secret.expose().strip_prefix(SECRET_PREFIX)?).ok()?;
        let parts = [id.as_bytes(), b".", timestamp.as_bytes(), b".", body.as_bytes()];
        let code = mac(&key, &parts)?.finalize().into_bytes();
        Some(format!("v1,{}", STANDARD.encode(code)))
    };
    secrets.iter().filter_map(sign).collect::<Vec<_>>().join(" ")
}

impl WebhookSender {
    /// # Errors
    /// When the machine has no usable root certificates.
    pub fn new(urls: WebhookUrls) -> Result<WebhookSender, InvalidConfig> {
        let http = Http::resolving(Arc::new(CheckedNames(urls.0)), CONNECT_TIMEOUT)?;
        Ok(WebhookSender { http, urls, timeout: TIMEOUT })
    }

    /// Sends a delivery once, in at most 15 seconds. There is always an attempt to record: what
    /// went wrong is in it.
    pub async fn send(&self, delivery: &Delivery, webhook: &Webhook, now: Timestamp) -> Attempt {
        let began = Instant::now();
        let answered = self.answer(delivery, webhook, now, began + self.timeout).await;
        let duration_ms = u32::try_from(began.elapsed().as_millis()).unwrap_or(u32::MAX);
        let (response_status, response_excerpt, error) = match answered {
            Ok((status, excerpt)) => (Some(status), excerpt, None),
            Err(error) => (None, None, Some(error)),
        };
        Attempt { at: now, duration_ms, response_status, response_excerpt, error }
    }

    async fn answer(
        &self,
        delivery: &Delivery,
        webhook: &Webhook,
        now: Timestamp,
        deadline: Instant,
    ) -> Result<(u16, Option<String>), AttemptError> {
        let url = self.urls.parse(&webhook.url).ok_or(AttemptError::AddressNotAllowed)?;
        let (id, timestamp) = (delivery.id.as_str(), now.as_secs().to_string());
        let signature = signatures(&webhook.secrets(now), id, &timestamp, &delivery.body);
        let request = self
            .http
            .post(url)
            .header(CONTENT_TYPE, HeaderValue::from_static("application/json"))
            .header("webhook-id", id)
            .header("webhook-timestamp", timestamp)
            .header("webhook-signature", signature)
            .body(delivery.body.clone());
        let sent = timeout_at(deadline, request.send()).await;
        let response = sent.map_err(|_| AttemptError::TimedOut)?.map_err(|error| why(&error))?;
        Ok((response.status().as_u16(), excerpt(response, deadline).await))
    }
}

/// Why a request has no answer.
fn why(error: &reqwest::Error) -> AttemptError {
    let mut cause = error.source();
    while let Some(known) = cause {
        if known.is::<NotPublic>() {
            return AttemptError::AddressNotAllowed;
        }
        cause = known.source();
    }
    if error.is_timeout() {
        AttemptError::TimedOut
    } else if error.is_connect() {
        AttemptError::ConnectionFailed
    } else {
        AttemptError::ConnectionLost
    }
}

/// The beginning of an answer as text. What comes too late or breaks off is left out: the status
/// has decided.
async fn excerpt(mut response: Response, deadline: Instant) -> Option<String> {
    let mut bytes = Vec::new();
    while bytes.len() < ANSWER_BYTES_MAX {
        let Ok(Ok(Some(chunk))) = timeout_at(deadline, response.chunk()).await else { break };
        bytes.extend_from_slice(&chunk);
    }
    bytes.truncate(ANSWER_BYTES_MAX);
    let text = String::from_utf8_lossy(&bytes);
    let shown = |c: char| if c.is_control() { ' ' } else { c };
    let text: String = text.trim().chars().take(EXCERPT_CHARS_MAX).map(shown).collect();
    Some(text).filter(|text| !text.is_empty())
}

/// A name of a member's leads to an address that only we can reach.
#[derive(Debug, thiserror::Error)]
#[error("the name has an address that is not public")]
struct NotPublic;

/// Resolves a name once. All of its addresses must be allowed: the connection is then made to one
/// of these, whatever the name resolves to a moment later.
#[derive(Debug)]
struct CheckedNames(Reach);

impl Resolve for CheckedNames {
    fn resolve(&self, name: Name) -> Resolving {
        let reach = self.0;
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let found: Vec<SocketAddr> = found.collect();
            if !found.iter().all(|address| reach.covers(address.ip())) {
                return Err(NotPublic.into());
            }
            let found: Addrs = Box::new(found.into_iter());
            Ok(found)
        })
    }
}

#[cfg(test)]
mod tests;
