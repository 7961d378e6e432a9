//! Sends requests to Stripe, until a response says what was done.
//!
//! One client reuses its connections for the whole process, because every request may be sent
//! twice: a POST without an idempotency key is never sent. So an attempt without a response is
//! retried under the same key, within [`RetryPolicy`], as <https://docs.stripe.com/error-low-level>
//! advises. Stripe's own advice, the header `Stripe-Should-Retry`, takes precedence.
//!
//! Requests below `/v1` are forms, those below `/v2` are JSON
//! (<https://docs.stripe.com/api-v2-overview>); the rest is the same.

mod answer;

use std::time::Duration;

use bytes::Bytes;
use connect::SecretDoubt;
use domain::billing::external::ConnectedAccountId;
use miniserde::Deserialize as Readable;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use stripe_client_core::{
    CustomizableStripeRequest, CustomizedStripeRequest, IdempotencyKey, RequestBuilder,
    RequestStrategy, StripeClient, StripeMethod, VERSION,
};
use tokio::time::{Instant, sleep};

use super::{StripeError, rate::RequestRate};
use crate::{
    http::{BaseUrl, CallError, Http, InvalidConfig, call, secret_header},
    secrets::Secret,
};
use answer::{Attempt, as_unknown, judge, request_id};

/// Stripe's largest page size.
pub const PAGE_SIZE: i64 = 100;

/// Largest response in bytes; a page of a hundred invoices has some 600 KB.
const ANSWER_BYTES_MAX: usize = 1024 * 1024;
/// Most pages of a v2 list that are read.
const PAGES_MAX: usize = 20;
const JSON: HeaderValue = HeaderValue::from_static("application/json");
const FORM: HeaderValue = HeaderValue::from_static("application/x-www-form-urlencoded");

/// Time limits and attempts of a request.
#[derive(Debug, Clone, Copy)]
pub(super) struct RetryPolicy {
    /// Most attempts.
    pub(super) attempts: u32,
    /// Timeout of one attempt.
    pub(super) attempt: Duration,
    /// Timeout of all attempts and pauses; an API Gateway integration has 29 s.
    pub(super) total: Duration,
    /// Pause before the second attempt; it doubles with each.
    pub(super) pause: Duration,
}

impl RetryPolicy {
    const USUAL: RetryPolicy = RetryPolicy {
        attempts: 3,
        attempt: Duration::from_secs(8),
        total: Duration::from_secs(20),
        pause: Duration::from_millis(250),
    };

    /// The backoff after the `nth` attempt: random, so that clients that failed together do not
    /// retry together, and at least as long as Stripe asks.
    fn pause_after(self, nth: u32, asked: Option<u32>) -> Duration {
        let most = self.pause.saturating_mul(2_u32.saturating_pow(nth));
        let drawn = most.mul_f64(0.5 + 0.5 * rand::random::<f64>());
        drawn.max(Duration::from_secs(asked.unwrap_or(0).into()))
    }
}

/// The connection to Stripe.
#[derive(Clone)]
pub(super) struct Transport {
    http: Http,
    base: BaseUrl,
    headers: HeaderMap,
    pace: RetryPolicy,
    rate: RequestRate,
    doubt: SecretDoubt,
}

/// A request to send.
struct Wire<'a> {
    method: StripeMethod,
    /// Includes the API prefix.
    path: String,
    query: Option<String>,
    /// With its content type.
    body: Option<(HeaderValue, String)>,
    /// The connected account the request is for, if not the platform.
    account: Option<&'a ConnectedAccountId>,
}

impl<'a> Wire<'a> {
    /// A v2 request.
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

/// Most keys tried for one request.
const KEYS_MAX: u32 = 20;

/// Why a request failed.
enum Failed {
    /// Stripe replayed the failure of an earlier attempt, and will for a day.
    Replayed(StripeError),
    Otherwise(StripeError),
}

impl Failed {
    fn into_error(self) -> StripeError {
        match self {
            Failed::Replayed(error) | Failed::Otherwise(error) => error,
        }
    }
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
        Ok(Transport {
            http,
            base: BaseUrl::parse(base)?,
            headers,
            pace,
            rate: RequestRate::default(),
            doubt: SecretDoubt::default(),
        })
    }

    /// The same, saying there that Stripe refused the key.
    pub(super) fn doubting(self, doubt: &SecretDoubt) -> Transport {
        Transport { doubt: doubt.clone(), ..self }
    }

    /// The same, at this rate.
    pub(super) fn at_rate(self, rate: &RequestRate) -> Transport {
        Transport { rate: rate.clone(), ..self }
    }

    /// Sends a request that changes nothing or is safe to repeat (GET, DELETE).
    pub(super) async fn ask<T: Readable>(
        &self,
        operation: &'static str,
        request: CustomizableStripeRequest<T>,
    ) -> Result<T, StripeError> {
        request.send(self).await.map_err(|error| error.during(operation))
    }

    /// Sends a request that must have one effect: it happens once under this key, however often it
    /// is sent.
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

    /// Sends a request that must have one effect and whose effect `find` finds. A failure that Stripe
    /// replays is over: if its request left nothing, it is sent again under the next key
    /// (`{key}:2`), so that a failure does not block further attempts for a day. The keys are used
    /// in their order and each is over before the next, so two callers make one effect.
    pub(super) async fn once<T: Readable, F>(
        &self,
        operation: &'static str,
        (request, key): (&RequestBuilder, &str),
        find: impl AsyncFn() -> Result<Option<F>, StripeError>,
        read: impl AsyncFn(T) -> Result<F, StripeError>,
    ) -> Result<F, StripeError> {
        for nth in 1.. {
            match Box::pin(self.try_send(&Wire::v1(request, None), Some(&nth_key(key, nth)))).await
            {
                Ok(body) => {
                    let made = parsed(&body).map_err(|error| error.during(operation))?;
                    return read(made).await;
                }
                Err(Failed::Replayed(error)) => {
                    if let Some(found) = find().await? {
                        return Ok(found);
                    }
                    if nth >= KEYS_MAX {
                        return Err(error.during(operation));
                    }
                }
                Err(Failed::Otherwise(error)) => return Err(error.during(operation)),
            }
        }
        Err(StripeError::unreached("no attempt was made").during(operation))
    }

    /// Sends a request that is safe to repeat: a page that was not shown yet, a change that sets a
    /// state, a refund of the rest. Where Stripe replays a stored failure, the next key is used
    /// (`{key}:2`), so that a failure does not block further attempts.
    pub(super) async fn make<T: Readable>(
        &self,
        operation: &'static str,
        request: &RequestBuilder,
        key: &str,
    ) -> Result<T, StripeError> {
        let mut nth = 1;
        let body = loop {
            match Box::pin(self.try_send(&Wire::v1(request, None), Some(&nth_key(key, nth)))).await
            {
                Ok(body) => break body,
                Err(Failed::Replayed(_)) if nth < KEYS_MAX => nth += 1,
                Err(failed) => return Err(failed.into_error().during(operation)),
            }
        };
        parsed(&body).map_err(|error| error.during(operation))
    }

    /// Like `ask` and `act`, for objects without a type in async-stripe.
    pub(super) async fn json<T: DeserializeOwned>(
        &self,
        operation: &'static str,
        request: &RequestBuilder,
        key: Option<&str>,
    ) -> Result<T, StripeError> {
        self.read(operation, &Wire::v1(request, None), key).await
    }

    /// Retrieves an object of a connected account.
    pub(super) async fn json_of<T: DeserializeOwned>(
        &self,
        operation: &'static str,
        account: &ConnectedAccountId,
        request: &RequestBuilder,
    ) -> Result<T, StripeError> {
        self.read(operation, &Wire::v1(request, Some(account)), None).await
    }

    /// Retrieves a v2 object with the named parts (`include`).
    pub(super) async fn ask_v2<T: DeserializeOwned>(
        &self,
        operation: &'static str,
        path: &str,
        parts: &[&str],
    ) -> Result<T, StripeError> {
        self.read(operation, &Wire::v2(path, included(parts, Vec::new())), None).await
    }

    /// All pages of a v2 list: at most [`PAGES_MAX`].
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
        let error = StripeError::unreached(format!("{path} has more pages than the limit"));
        Err(error.during(operation))
    }

    /// Sends a v2 request that has one effect under this key.
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

    /// Sends a request until there is a final response, and returns its body.
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
        self.rate.turn().await;
        let begun = Instant::now();
        let mut may_have_acted = false;
        for nth in 0.. {
            let left = self.pace.total.saturating_sub(begun.elapsed());
            let (error, asked) = match self.attempt(wire, key, left).await {
                Attempt::Done(body) => return Ok(body),
                Attempt::Replayed(error) => return Err(Failed::Replayed(error)),
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
            self.rate.turn().await;
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
                self.doubt.of_status(status);
                let id = request_id(&answer.headers);
                tracing::debug!(method = ?wire.method, path, status, stripe_request = id);
                judge(answer)
            }
            Err(error) => {
                tracing::debug!(method = ?wire.method, path, %error, "Stripe attempt failed");
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

/// The key of the nth attempt at a request.
fn nth_key(key: &str, nth: u32) -> String {
    if nth == 1 { key.to_owned() } else { format!("{key}:{nth}") }
}

/// A response in async-stripe's type.
fn parsed<T: Readable>(body: &[u8]) -> Result<T, StripeError> {
    let text = str::from_utf8(body).map_err(StripeError::unknown)?;
    miniserde::json::from_str(text).map_err(StripeError::unknown)
}

/// A v2 query: `given`, and the parts to include, indexed as v2 takes lists
/// (<https://docs.stripe.com/api-v2-overview>).
fn included(parts: &[&str], given: Vec<(String, String)>) -> Option<String> {
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.extend_pairs(given.iter().filter(|(name, _)| !name.starts_with("include")));
    for (index, part) in parts.iter().enumerate() {
        query.append_pair(&format!("include[{index}]"), part);
    }
    Some(query.finish()).filter(|query| !query.is_empty())
}

/// The query of the next page's URL. Host and path stay ours, whatever it says.
fn query_of(next_page_url: &str) -> Vec<(String, String)> {
    let query = next_page_url.split_once('?').map_or("", |(_, query)| query);
    form_urlencoded::parse(query.as_bytes()).into_owned().collect()
}

/// A fresh key for a request that is safe to repeat: it only groups the attempts of one request.
pub(super) fn fresh_key(action: &str) -> String {
    format!("{action}:{:032x}", rand::random::<u128>())
}
