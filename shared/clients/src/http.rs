//! The HTTP client of a process, and the rules of every call through it.
//!
//! * No redirects: a redirect could carry a token to another host.
//! * No connection reuse: a function is frozen between invocations, so a pooled connection may be
//!   dead by the next one, and a POST written to a dead connection has an unknown outcome. The
//!   exception is [`Http::pooled`], for a service where a retry is safe.
//! * No implicit retries: only the caller knows whether a second request is safe.
//! * No proxy from the environment, a total timeout per call, and a size limit on each body.

use std::{error::Error as _, sync::Arc, time::Duration};

use connect::{Aws, Connect, Environment, InitError};
use reqwest::{
    Client, ClientBuilder, RequestBuilder, Response, StatusCode, Url,
    dns::Resolve,
    header::{HeaderMap, HeaderValue, RETRY_AFTER},
    redirect, retry,
};

use crate::secrets::Secret;

/// Timeout of a connection, TLS included.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// Longest accepted `Retry-After`; longer ones are cut to this.
const RETRY_AFTER_S_MAX: u32 = 3600;
/// Idle timeout of a pooled connection: shorter than load balancers usually keep theirs.
const IDLE_TIMEOUT: Duration = Duration::from_secs(30);
/// Most idle connections to one host; a function answers one request at a time.
const IDLE_MAX: usize = 4;
const USER_AGENT: &str = concat!("prolight/", env!("CARGO_PKG_VERSION"));

/// The HTTP client. Cheap to clone; build one and hand it to every client of this crate.
#[derive(Debug, Clone)]
pub struct Http(Client);

/// An invalid client configuration. The text never contains a secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidConfig(pub String);

impl Connect for Http {
    fn variables() -> Vec<&'static str> {
        Vec::new()
    }
    async fn connect(_: &Environment, aws: &Aws) -> Result<Http, InitError> {
        aws.try_shared(Http::new).map_err(InitError::unavailable("the HTTP client"))
    }
}

impl Http {
    /// # Errors
    /// When the machine has no usable root certificates.
    pub fn new() -> Result<Http, InvalidConfig> {
        Http::build(Client::builder().pool_max_idle_per_host(0), CONNECT_TIMEOUT)
    }

    /// A client that connects only to what `resolver` returns, with a connection for each call.
    ///
    /// # Errors
    /// As [`Http::new`].
    pub(crate) fn resolving(
        resolver: Arc<impl Resolve + 'static>,
        connect_timeout: Duration,
    ) -> Result<Http, InvalidConfig> {
        let pool = Client::builder().pool_max_idle_per_host(0).dns_resolver(resolver);
        Http::build(pool, connect_timeout)
    }

    /// A client that reuses its connections, which saves three round trips a call. Only for a
    /// service whose every request can be repeated: a GET or DELETE, or a POST with an idempotency
    /// key. A connection that died while the function was frozen then costs a retry.
    ///
    /// # Errors
    /// As [`Http::new`].
    pub fn pooled() -> Result<Http, InvalidConfig> {
        let pool = Client::builder().pool_idle_timeout(IDLE_TIMEOUT);
        Http::build(pool.pool_max_idle_per_host(IDLE_MAX), CONNECT_TIMEOUT)
    }

    /// The process's client of [`Http::pooled`]: its connections outlive a secret.
    pub(crate) fn pooled_of(aws: &Aws) -> Result<Http, InvalidConfig> {
        #[derive(Clone)]
        struct Pooled(Http);
        aws.try_shared(|| Http::pooled().map(Pooled)).map(|Pooled(http)| http)
    }

    pub(crate) fn get(&self, url: Url) -> RequestBuilder {
        self.0.get(url)
    }

    pub(crate) fn post(&self, url: Url) -> RequestBuilder {
        self.0.post(url)
    }

    pub(crate) fn delete(&self, url: Url) -> RequestBuilder {
        self.0.delete(url)
    }

    fn build(pool: ClientBuilder, connect_timeout: Duration) -> Result<Http, InvalidConfig> {
        pool.user_agent(USER_AGENT)
            .connect_timeout(connect_timeout)
            .redirect(redirect::Policy::none())
            .retry(retry::never())
            .no_proxy()
            .build()
            .map(Http)
            .map_err(|error| InvalidConfig(format!("no HTTP client: {}", explain(error))))
    }
}

/// A complete response within the size limit of the call.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    /// `Retry-After` in seconds; a date is ignored.
    pub(crate) retry_after_s: Option<u32>,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

/// Why there is no response.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum CallError {
    /// No connection was made, so nothing was sent.
    #[error("not sent: {0}")]
    NotSent(String),
    /// The request may have arrived: it timed out or the connection broke.
    #[error("no answer: {0}")]
    Broken(String),
    /// There was a response, larger than the call allows.
    #[error("the answer is larger than {0} bytes")]
    TooLarge(usize),
}

/// Sends `request` and reads the whole response, within `timeout` and `bytes_max`.
pub(crate) async fn call(
    request: RequestBuilder,
    timeout: Duration,
    bytes_max: usize,
) -> Result<Answer, CallError> {
    let response = request.timeout(timeout).send().await.map_err(|error| {
        match error.is_connect() || error.is_builder() {
            true => CallError::NotSent(explain(error)),
            false => CallError::Broken(explain(error)),
        }
    })?;
    let status = response.status();
    let headers = response.headers().clone();
    let retry_after_s = retry_after_s(&headers);
    let body = read_at_most(response, bytes_max).await?;
    Ok(Answer { status, retry_after_s, headers, body })
}

/// Reads a body, and stops once it is larger than `bytes_max`.
pub(crate) async fn read_at_most(
    mut response: Response,
    bytes_max: usize,
) -> Result<Vec<u8>, CallError> {
    let announced = response.content_length().map(usize::try_from);
    if announced.is_some_and(|length| length.is_ok_and(|n| n > bytes_max) || length.is_err()) {
        return Err(CallError::TooLarge(bytes_max));
    }
    let mut body = Vec::new();
    while let Some(chunk) =
        response.chunk().await.map_err(|error| CallError::Broken(explain(error)))?
    {
        if body.len() + chunk.len() > bytes_max {
            return Err(CallError::TooLarge(bytes_max));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// The base URL of a service: `http` or `https`, without a trailing slash.
#[derive(Debug, Clone)]
pub(crate) struct BaseUrl(String);

impl BaseUrl {
    pub(crate) fn parse(text: &str) -> Result<BaseUrl, InvalidConfig> {
        let refused = || InvalidConfig(format!("not a base URL: {text}"));
        let url = Url::parse(text).map_err(|_| refused())?;
        let plain = url.query().is_none() && url.fragment().is_none() && url.username().is_empty();
        match plain && matches!(url.scheme(), "https" | "http") {
            true => Ok(BaseUrl(text.trim_end_matches('/').to_owned())),
            false => Err(refused()),
        }
    }

    /// The URL at `path`, which begins with a slash and needs no escaping.
    pub(crate) fn at(&self, path: &str) -> Result<Url, CallError> {
        Url::parse(&format!("{}{path}", self.0))
            .map_err(|error| CallError::NotSent(format!("{path}: {error}")))
    }
}

/// A secret as a header value, marked sensitive so that it is never printed.
pub(crate) fn secret_header(secret: &Secret) -> Result<HeaderValue, InvalidConfig> {
    let mut value = HeaderValue::from_str(secret.expose())
        .map_err(|_| InvalidConfig("a secret is not a valid header value".to_owned()))?;
    value.set_sensitive(true);
    Ok(value)
}

fn retry_after_s(headers: &HeaderMap) -> Option<u32> {
    let seconds: u32 = headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    Some(seconds.min(RETRY_AFTER_S_MAX))
}

/// The causes in one line, without the URL: a URL can be a capability.
fn explain(error: reqwest::Error) -> String {
    let error = error.without_url();
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use axum::{Router, http::header, response::Redirect, routing::get};

    use super::*;
    use crate::loopback;

    const SECOND: Duration = Duration::from_secs(1);

    async fn ask(base: &str, path: &str, bytes_max: usize) -> Result<Answer, CallError> {
        let url = BaseUrl::parse(base).unwrap().at(path).unwrap();
        call(Http::new().unwrap().get(url), SECOND, bytes_max).await
    }

    #[tokio::test]
    async fn a_body_is_read_up_to_its_limit() {
        let base = loopback::serve(Router::new().route("/ten", get(|| async { "0123456789" })));
        let base = base.await;
        assert_eq!(ask(&base, "/ten", 10).await.unwrap().body, b"0123456789");
        assert_eq!(ask(&base, "/ten", 9).await.unwrap_err(), CallError::TooLarge(9));
    }

    #[tokio::test]
    async fn a_redirect_is_an_answer_and_not_an_order() {
        let routes = Router::new().route("/", get(|| async { Redirect::temporary("/elsewhere") }));
        let base = loopback::serve(routes).await;
        assert_eq!(ask(&base, "/", 100).await.unwrap().status, StatusCode::TEMPORARY_REDIRECT);
    }

    #[tokio::test]
    async fn a_refused_connection_was_not_sent_and_silence_is_broken() {
        let nobody = loopback::nobody().await;
        assert!(matches!(ask(&nobody, "/", 1).await, Err(CallError::NotSent(_))));
        let silent = loopback::serve(Router::new().route("/", get(std::future::pending::<()>)));
        assert!(matches!(ask(&silent.await, "/", 1).await, Err(CallError::Broken(_))));
    }

    #[tokio::test]
    async fn a_pause_in_seconds_is_understood_and_capped() {
        let routes = Router::new()
            .route("/7", get(|| async { ([(header::RETRY_AFTER, "7")], "") }))
            .route("/day", get(|| async { ([(header::RETRY_AFTER, "86400")], "") }))
            .route("/date", get(|| async { ([(header::RETRY_AFTER, "Fri, 31 Dec 1999")], "") }));
        let base = loopback::serve(routes).await;
        for (path, expected) in [("/7", Some(7)), ("/day", Some(3600)), ("/date", None)] {
            assert_eq!(ask(&base, path, 1).await.unwrap().retry_after_s, expected, "{path}");
        }
    }

    #[test]
    fn a_base_is_a_plain_http_url() {
        for bad in ["", "engine", "ftp://a.example", "https://u@a.example", "https://a.example/?x"]
        {
            assert!(BaseUrl::parse(bad).is_err(), "{bad}");
        }
        let base = BaseUrl::parse("https://a.example/v2/").unwrap();
        assert_eq!(base.at("/status/1").unwrap().as_str(), "https://a.example/v2/status/1");
    }
}
