//! How a request reaches Stripe, and what its answer says about what was done.
//!
//! One client keeps its connections for the whole process, because whatever is sent here may be
//! sent twice: a POST without an idempotency key is not sent at all. So an attempt that was not
//! answered is made again under the same key, within [`RetryPolicy`], as
//! <https://docs.stripe.com/error-low-level> advises. Stripe's own word on it, the header
//! `Stripe-Should-Retry`, goes before ours.
//!
//! What is below `/v1` takes forms, what is below `/v2` JSON
//! (<https://docs.stripe.com/api-v2-overview>); everything else about them is the same here.

use std::time::Duration;

use bytes::Bytes;
use domain::billing::external::ConnectedAccountId;
use miniserde::Deserialize as Readable;
use reqwest::{
    StatusCode,
    header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue},
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use stripe_client_core::{
    CustomizableStripeRequest, CustomizedStripeRequest, IdempotencyKey, RequestBuilder,
    RequestStrategy, StripeClient, StripeMethod, VERSION,
};
use tokio::time::{Instant, sleep};

use super::{StripeError, error::Detail};
use crate::{
    http::{Answer, BaseUrl, CallError, Http, InvalidConfig, call, secret_header},
    secrets::Secret,
};

/// Most bytes of an answer; a page of a hundred invoices has some 600 KB.
const ANSWER_BYTES_MAX: usize = 1024 * 1024;
/// Most pages of a list of v2 that are read.
const PAGES_MAX: usize = 20;
/// Longest message of Stripe's that goes into the log, in characters.
const MESSAGE_MAX: usize = 300;
const JSON: HeaderValue = HeaderValue::from_static("application/json");
const FORM: HeaderValue = HeaderValue::from_static("application/x-www-form-urlencoded");

/// How long a request may take, and how often it is tried.
#[derive(Debug, Clone, Copy)]
pub(super) struct RetryPolicy {
    /// Most attempts.
    pub(super) attempts: u32,
    /// Longest attempt.
    pub(super) attempt: Duration,
    /// Longest time of all attempts and the pauses between them; a gateway waits 29 s for us.
    pub(super) total: Duration,
    /// Before the second attempt; it doubles with each.
    pub(super) pause: Duration,
}

impl RetryPolicy {
    const USUAL: RetryPolicy = RetryPolicy {
        attempts: 3,
        attempt: Duration::from_secs(8),
        total: Duration::from_secs(20),
        pause: Duration::from_millis(250),
    };

    /// How long to wait after the `nth` attempt: at random, so that those who failed together do
    /// not come back together, and at least as long as Stripe asks.
    fn pause_after(self, nth: u32, asked: Option<u32>) -> Duration {
        let most = self.pause.saturating_mul(2_u32.saturating_pow(nth));
        let drawn = most.mul_f64(0.5 + 0.5 * rand::random::<f64>());
        drawn.max(Duration::from_secs(asked.unwrap_or(0).into()))
    }
}

/// The way to Stripe.
#[derive(Clone)]
pub(super) struct Transport {
    http: Http,
    base: BaseUrl,
    headers: HeaderMap,
    pace: RetryPolicy,
}

/// A request as it goes out.
struct Wire<'a> {
    method: StripeMethod,
    /// With the part of the API in front.
    path: String,
    query: Option<String>,
    /// With its type.
    body: Option<(HeaderValue, String)>,
    /// The connected account whose objects are meant, if not the platform's.
    account: Option<&'a ConnectedAccountId>,
}

impl<'a> Wire<'a> {
    /// Asks v2.
    fn v2(path: &str, query: Option<String>) -> Wire<'a> {
        let (method, path) = (StripeMethod::Get, format!("/v2{path}"));
        Wire { method, path, query, body: None, account: None }
    }

    fn v1(request: &RequestBuilder, account: Option<&'a ConnectedAccountId>) -> Wire<'a> {
        let form = request.body.clone().filter(|form| !form.is_empty());
        Wire {
            method: request.method,
            path: format!("/v1{}", request.path),
            query: request.query.clone().filter(|query| !query.is_empty()),
            body: form.map(|form| (FORM, form)),
            account,
        }
    }
}

/// Most keys under which one thing is made that does no harm twice.
const KEYS_MAX: u32 = 20;

/// Why a request did not bring what it should.
enum Failed {
    /// Stripe gave the failure of an earlier attempt again, and will for a day.
    Kept(StripeError),
    Otherwise(StripeError),
}

impl Failed {
    fn into_error(self) -> StripeError {
        match self {
            Failed::Kept(error) | Failed::Otherwise(error) => error,
        }
    }
}

/// What one attempt came to.
enum Attempt {
    Done(Bytes),
    /// Stripe gave this failure before, and keeps it under the key.
    Kept(StripeError),
    /// Another attempt would end the same way.
    Over(StripeError),
    /// Another attempt makes sense, after so many seconds if Stripe asked for them.
    Again(StripeError, Option<u32>),
}

impl Transport {
    pub(super) fn new(
        http: Http,
        base: &str,
        api_key: &Secret,
    ) -> Result<Transport, InvalidConfig> {
        Transport::paced(http, base, api_key, RetryPolicy::USUAL)
    }

    pub(super) fn paced(
        http: Http,
        base: &str,
        api_key: &Secret,
        pace: RetryPolicy,
    ) -> Result<Transport, InvalidConfig> {
        let bearer = Secret::new(format!("Bearer {}", api_key.expose()));
        let version = HeaderValue::from_str(VERSION.as_str())
            .map_err(|_| InvalidConfig("the API version is no header".to_owned()))?;
        let mut headers = HeaderMap::new();
        headers.insert(AUTHORIZATION, secret_header(&bearer)?);
        headers.insert("stripe-version", version);
        Ok(Transport { http, base: BaseUrl::parse(base)?, headers, pace })
    }

    /// Sends what changes nothing, or may be repeated as it is (GET, DELETE).
    pub(super) async fn ask<T: Readable>(
        &self,
        operation: &'static str,
        request: CustomizableStripeRequest<T>,
    ) -> Result<T, StripeError> {
        request.send(self).await.map_err(|error| error.during(operation))
    }

    /// Sends what may be done once: it is done once under this key, however often it is sent.
    pub(super) async fn act<T: Readable>(
        &self,
        operation: &'static str,
        request: CustomizableStripeRequest<T>,
        key: &str,
    ) -> Result<T, StripeError> {
        let key = IdempotencyKey::new(key)
            .map_err(|error| StripeError::unreached(error).during(operation))?;
        let request = request.request_strategy(RequestStrategy::Idempotent(key));
        request.send(self).await.map_err(|error| error.during(operation))
    }

    /// Sends what does no harm when it is done twice: a page of which nobody is told, a wish that sets a
    /// state, a refund of all that is left. Where Stripe gives a kept failure again, the next key is used (`{key}:2`). So a failure does not
    /// keep anybody from trying again.
    pub(super) async fn make<T: Readable>(
        &self,
        operation: &'static str,
        request: &RequestBuilder,
        key: &str,
    ) -> Result<T, StripeError> {
        let mut nth = 1;
        let body = loop {
            let key = if nth == 1 { key.to_owned() } else { format!("{key}:{nth}") };
            match Box::pin(self.try_send(&Wire::v1(request, None), Some(&key))).await {
                Ok(body) => break body,
                Err(Failed::Kept(_)) if nth < KEYS_MAX => nth += 1,
                Err(failed) => return Err(failed.into_error().during(operation)),
            }
        };
        let text = str::from_utf8(&body).map_err(StripeError::unknown);
        text.and_then(|text| miniserde::json::from_str(text).map_err(StripeError::unknown))
            .map_err(|error| error.during(operation))
    }

    /// As `ask` and `act`, for what async-stripe has no type of.
    pub(super) async fn json<T: DeserializeOwned>(
        &self,
        operation: &'static str,
        request: &RequestBuilder,
        key: Option<&str>,
    ) -> Result<T, StripeError> {
        self.read(operation, &Wire::v1(request, None), key).await
    }

    /// Asks about an object of a connected account.
    pub(super) async fn json_of<T: DeserializeOwned>(
        &self,
        operation: &'static str,
        account: &ConnectedAccountId,
        request: &RequestBuilder,
    ) -> Result<T, StripeError> {
        self.read(operation, &Wire::v1(request, Some(account)), None).await
    }

    /// Asks about an object of v2, with those of its parts that are named (`include`).
    pub(super) async fn ask_v2<T: DeserializeOwned>(
        &self,
        operation: &'static str,
        path: &str,
        parts: &[&str],
    ) -> Result<T, StripeError> {
        self.read(operation, &Wire::v2(path, included(parts, Vec::new())), None).await
    }

    /// A list of v2, all of its pages: at most [`PAGES_MAX`].
    pub(super) async fn list_v2<T: DeserializeOwned>(
        &self,
        operation: &'static str,
        path: &str,
        parts: &[&str],
    ) -> Result<Vec<T>, StripeError> {
        // Read from: v2 list
        #[derive(Deserialize)]
        struct Page<T> {
            data: Vec<T>,
            next_page_url: Option<String>,
        }
        let (mut items, mut query) = (Vec::new(), included(parts, Vec::new()));
        for _ in 0..PAGES_MAX {
            let page: Page<T> = self.read(operation, &Wire::v2(path, query), None).await?;
            items.extend(page.data);
            let Some(next) = page.next_page_url else { return Ok(items) };
            query = included(parts, query_of(&next));
        }
        let error = StripeError::unreached(format!("{path} has more pages than are read"));
        Err(error.during(operation))
    }

    /// Sends to v2 what is done once under this key.
    pub(super) async fn act_v2<T: DeserializeOwned>(
        &self,
        operation: &'static str,
        path: &str,
        body: &impl Serialize,
        key: &str,
    ) -> Result<T, StripeError> {
        let body = serde_json::to_string(body)
            .map_err(|error| StripeError::unreached(error).during(operation))?;
        let wire = Wire {
            method: StripeMethod::Post,
            path: format!("/v2{path}"),
            query: None,
            body: Some((JSON, body)),
            account: None,
        };
        self.read(operation, &wire, Some(key)).await
    }

    async fn read<T: DeserializeOwned>(
        &self,
        operation: &'static str,
        wire: &Wire<'_>,
        key: Option<&str>,
    ) -> Result<T, StripeError> {
        let answer = self.send(wire, key).await;
        answer
            .and_then(|body| serde_json::from_slice(&body).map_err(StripeError::unknown))
            .map_err(|error| error.during(operation))
    }

    /// Sends a request until it is answered for good, and returns the answer's body.
    pub(super) async fn exchange(
        &self,
        request: &RequestBuilder,
        key: Option<&str>,
    ) -> Result<Bytes, StripeError> {
        self.send(&Wire::v1(request, None), key).await
    }

    async fn send(&self, wire: &Wire<'_>, key: Option<&str>) -> Result<Bytes, StripeError> {
        Box::pin(self.try_send(wire, key)).await.map_err(Failed::into_error)
    }

    async fn try_send(&self, wire: &Wire<'_>, key: Option<&str>) -> Result<Bytes, Failed> {
        let unsent = |why| Failed::Otherwise(StripeError::unreached(why));
        if matches!(wire.method, StripeMethod::Post) && key.is_none() {
            return Err(unsent("a POST without an idempotency key is not sent"));
        }
        let begun = Instant::now();
        let mut may_have_acted = false;
        for nth in 0.. {
            let left = self.pace.total.saturating_sub(begun.elapsed());
            let (error, asked) = match self.attempt(wire, key, left).await {
                Attempt::Done(body) => return Ok(body),
                Attempt::Kept(error) => return Err(Failed::Kept(error)),
                Attempt::Over(error) => return Err(Failed::Otherwise(error)),
                Attempt::Again(error, asked) => (error, asked),
            };
            may_have_acted |= matches!(error, StripeError::Unknown { .. });
            let pause = self.pace.pause_after(nth, asked);
            let left = self.pace.total.saturating_sub(begun.elapsed());
            if nth + 1 >= self.pace.attempts || pause >= left {
                let error = if may_have_acted { as_unknown(error) } else { error };
                return Err(Failed::Otherwise(error));
            }
            sleep(pause).await;
        }
        Err(unsent("no attempt was made"))
    }

    async fn attempt(&self, wire: &Wire<'_>, key: Option<&str>, left: Duration) -> Attempt {
        let path = &wire.path;
        let sent = match self.prepared(wire, key) {
            Ok(prepared) => call(prepared, left.min(self.pace.attempt), ANSWER_BYTES_MAX).await,
            Err(error) => return Attempt::Over(StripeError::unreached(error)),
        };
        match sent {
            Ok(answer) => {
                let status = answer.status.as_u16();
                let id = request_id(&answer.headers);
                tracing::debug!(method = ?wire.method, path, status, stripe_request = id);
                judge(answer)
            }
            Err(error) => {
                tracing::debug!(method = ?wire.method, path, %error, "Stripe did not answer");
                match error {
                    CallError::NotSent(_) => Attempt::Again(StripeError::unreached(error), None),
                    CallError::Broken(_) => Attempt::Again(StripeError::unknown(error), None),
                    CallError::TooLarge(_) => Attempt::Over(StripeError::unknown(error)),
                }
            }
        }
    }

    fn prepared(
        &self,
        wire: &Wire<'_>,
        key: Option<&str>,
    ) -> Result<reqwest::RequestBuilder, CallError> {
        let mut url = self.base.at(&wire.path)?;
        url.set_query(wire.query.as_deref());
        let mut prepared = match wire.method {
            StripeMethod::Get => self.http.get(url),
            StripeMethod::Post => self.http.post(url),
            StripeMethod::Delete => self.http.delete(url),
        };
        prepared = prepared.headers(self.headers.clone());
        if let Some(key) = key {
            prepared = prepared.header("idempotency-key", key);
        }
        if let Some(account) = wire.account {
            prepared = prepared.header("stripe-account", account.as_str());
        }
        if let Some((kind, body)) = &wire.body {
            prepared = prepared.header(CONTENT_TYPE, kind).body(body.clone());
        }
        Ok(prepared)
    }
}

impl StripeClient for Transport {
    type Err = StripeError;

    fn execute(
        &self,
        request: CustomizedStripeRequest,
    ) -> impl Future<Output = Result<Bytes, StripeError>> + Send {
        let (request, overrides) = request.into_pieces();
        let key = overrides.request_strategy.and_then(|strategy| strategy.get_key());
        async move { self.exchange(&request, key.as_ref().map(IdempotencyKey::as_str)).await }
    }
}

/// A query of v2: what is `given`, and which parts are wanted, under an index as v2 takes lists
/// (<https://docs.stripe.com/api-v2-overview>).
fn included(parts: &[&str], given: Vec<(String, String)>) -> Option<String> {
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.extend_pairs(given.iter().filter(|(name, _)| !name.starts_with("include")));
    for (index, part) in parts.iter().enumerate() {
        query.append_pair(&format!("include[{index}]"), part);
    }
    Some(query.finish()).filter(|query| !query.is_empty())
}

/// The query of the next page's address. Its host and path are ours, whatever it says.
fn query_of(next_page_url: &str) -> Vec<(String, String)> {
    let query = next_page_url.split_once('?').map_or("", |(_, query)| query);
    form_urlencoded::parse(query.as_bytes()).into_owned().collect()
}

/// A key for what may be done again: it only keeps the attempts of one request together.
pub(super) fn fresh_key(action: &str) -> String {
    format!("{action}:{:032x}", rand::random::<u128>())
}

/// What an answer says: done, never, or not yet.
fn judge(answer: Answer) -> Attempt {
    if answer.status.is_success() {
        return Attempt::Done(Bytes::from(answer.body));
    }
    let should_retry = answer.headers.get("stripe-should-retry").map(HeaderValue::as_bytes);
    let is_replayed = answer.headers.get("idempotent-replayed").is_some_and(|it| it == "true");
    let again = match should_retry {
        Some(b"true") => true,
        Some(b"false") => false,
        Some(_) | None => is_transient(answer.status),
    };
    match again {
        true => Attempt::Again(error_of(&answer), answer.retry_after_s),
        false if is_replayed && answer.status.is_server_error() => Attempt::Kept(error_of(&answer)),
        false => Attempt::Over(error_of(&answer)),
    }
}

fn is_transient(status: StatusCode) -> bool {
    status.is_server_error() || matches!(status.as_u16(), 409 | 424 | 429)
}

/// The one place that decides what an error answer means. A 408 or a 409 may stand for a request
/// that is still being worked on; a redirect is none of Stripe's.
fn error_of(answer: &Answer) -> StripeError {
    let status = answer.status.as_u16();
    let said = Said::read(answer);
    match status {
        // v2 has another word for it.
        404 if matches!(said.code.as_deref(), Some("resource_missing" | "not_found")) => {
            StripeError::Missing
        }
        429 => StripeError::unreached(format!("turned away with 429: {}", said.message)),
        408 | 409 | 424 => StripeError::unknown(format!("{status}: {}", said.message)),
        400..=499 => StripeError::Refused {
            status,
            code: said.code,
            param: said.param,
            message: Detail(said.message),
        },
        _ => StripeError::unknown(format!("status {status}: {}", said.message)),
    }
}

/// An attempt before this one may have been carried out, whatever became of this one.
fn as_unknown(error: StripeError) -> StripeError {
    match error {
        StripeError::Unreached { detail } => {
            StripeError::unknown(format!("{detail}, after an attempt without an answer"))
        }
        StripeError::Refused { .. } | StripeError::Missing | StripeError::Unknown { .. } => error,
    }
}

/// What Stripe said about an error: <https://docs.stripe.com/api/errors>.
struct Said {
    code: Option<String>,
    param: Option<String>,
    /// With Stripe's name of the request, by which its support finds it.
    message: String,
}

impl Said {
    fn read(answer: &Answer) -> Said {
        // Read from: refusal
        #[derive(Deserialize)]
        struct Body {
            error: Error,
        }
        #[derive(Default, Deserialize)]
        struct Error {
            #[serde(rename = "type")]
            kind: Option<String>,
            code: Option<String>,
            param: Option<String>,
            message: Option<String>,
        }
        let body: Result<Body, _> = serde_json::from_slice(&answer.body);
        let error = body.map(|body| body.error).unwrap_or_default();
        let text: String = error.message.unwrap_or_default().chars().take(MESSAGE_MAX).collect();
        let message = match request_id(&answer.headers) {
            Some(id) => format!("{text} (request {id})"),
            None => text,
        };
        Said { code: error.code.or(error.kind), param: error.param, message }
    }
}

fn request_id(headers: &HeaderMap) -> Option<&str> {
    headers.get("request-id").and_then(|id| id.to_str().ok())
}
