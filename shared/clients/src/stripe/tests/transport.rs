//! Requests, retries and the interpretation of responses.

use std::{
    collections::{HashSet, VecDeque},
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use axum::{
    Router,
    body::{Body, Bytes},
    extract::ConnectInfo,
    http::{HeaderMap, Method, Response, Uri},
};
use domain::{DomainError, ErrorKind};
use futures_util::stream;
use serde_json::{Value, json};
use stripe_client_core::{RequestBuilder, StripeMethod};
use tokio::net::TcpListener;

use super::*;
use crate::loopback;

/// The server's reaction to a request.
#[derive(Clone)]
pub(super) enum Reply {
    Answer(u16, &'static [(&'static str, &'static str)], String),
    /// No response within any timeout.
    Silence,
    /// A response that breaks off.
    Broken,
}

/// A received request.
#[derive(Debug, Clone)]
pub(super) struct Seen {
    peer: SocketAddr,
    pub(super) line: String,
    headers: HeaderMap,
    pub(super) body: String,
}

impl Seen {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }
}

pub(super) struct Server {
    pub(super) stripe: Stripe,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl Server {
    /// Replies in turn, repeating the last one.
    pub(super) async fn replying(replies: impl IntoIterator<Item = Reply>) -> Server {
        let replies = Arc::new(Mutex::new(replies.into_iter().collect::<VecDeque<_>>()));
        let seen = Arc::new(Mutex::new(Vec::new()));
        let record = Arc::clone(&seen);
        let handle = move |ConnectInfo(peer), method: Method, uri: Uri, headers, body: Bytes| {
            let body = String::from_utf8(body.to_vec()).unwrap();
            let line = format!("{method} {uri}");
            record.lock().unwrap().push(Seen { peer, line, headers, body });
            let mut replies = replies.lock().unwrap();
            let reply = match replies.len() {
                1 => replies[0].clone(),
                _ => replies.pop_front().unwrap(),
            };
            answer(reply)
        };
        let routes = Router::new().fallback(handle);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let service = routes.into_make_service_with_connect_info::<SocketAddr>();
        tokio::spawn(async move { axum::serve(listener, service).await });
        Server { stripe: client(&base, Tax::None), seen }
    }

    async fn create(&self) -> Result<CustomerId, StripeError> {
        self.stripe.create_customer(&member(), Some("a@b.test"), None).await
    }

    pub(super) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }
}

impl Reply {
    /// A reply with this object.
    pub(super) fn object(object: &Value) -> Reply {
        Reply::Answer(200, &[], object.to_string())
    }
}

async fn answer(reply: Reply) -> Response<Body> {
    match reply {
        Reply::Answer(status, headers, body) => {
            let mut response = Response::builder().status(status).header("request-id", "req_1");
            for (name, value) in headers {
                response = response.header(*name, *value);
            }
            response.body(Body::from(body)).unwrap()
        }
        Reply::Silence => std::future::pending().await,
        Reply::Broken => {
            let parts = [Ok("{"), Err(std::io::Error::other("broken"))];
            Response::new(Body::from_stream(stream::iter(parts)))
        }
    }
}

fn customer() -> Reply {
    Reply::object(&json!({"id": "cus_1", "object": "customer", "created": 1, "livemode": false}))
}

pub(super) fn error(status: u16, code: &str) -> Reply {
    error_with(status, code, &[])
}

fn error_with(status: u16, code: &str, headers: &'static [(&'static str, &'static str)]) -> Reply {
    let error = json!({"type": "some_error", "code": code, "param": "p", "message": "No."});
    Reply::Answer(status, headers, json!({"error": error}).to_string())
}

const NO_RETRY: &[(&str, &str)] = &[("stripe-should-retry", "false")];
const RETRY: &[(&str, &str)] = &[("stripe-should-retry", "true")];

#[tokio::test]
async fn a_request_carries_api_key_version_and_idempotency_key() {
    let server = Server::replying([customer()]).await;
    assert_eq!(server.create().await.unwrap().as_str(), "cus_1");
    let seen = &server.seen()[0];
    assert_eq!(seen.line, "POST /v1/customers");
    assert_eq!(seen.header("authorization"), Some("Bearer sk_test_sandbox"));
    assert_eq!(seen.header("stripe-version"), Some(api_version()));
    assert_eq!(seen.header("idempotency-key"), Some("customer:user_member"));
    assert_eq!(seen.header("content-type"), Some("application/x-www-form-urlencoded"));
    let form: Vec<(String, String)> =
        form_urlencoded::parse(seen.body.as_bytes()).into_owned().collect();
    assert!(form.contains(&("email".into(), "a@b.test".into())), "{form:?}");
    assert!(form.contains(&("metadata[user_id]".into(), "user_member".into())), "{form:?}");
}

#[tokio::test]
async fn what_was_not_answered_is_sent_again_under_the_same_key() {
    for bad in [
        error(500, "api_error"),
        error(503, "api_error"),
        error(409, "idempotency_key_in_use"),
        error(429, "rate_limit"),
        Reply::Silence,
        Reply::Broken,
    ] {
        let server = Server::replying([bad.clone(), customer()]).await;
        assert_eq!(server.create().await.unwrap().as_str(), "cus_1");
        let seen = server.seen();
        assert_eq!(seen.len(), 2);
        assert_eq!(seen[0].header("idempotency-key"), seen[1].header("idempotency-key"));
        assert_eq!(seen[0].body, seen[1].body);
    }
}

#[tokio::test]
async fn stripes_advice_on_retries_takes_precedence() {
    let stopped = Server::replying([error_with(500, "api_error", NO_RETRY)]).await;
    assert!(matches!(stopped.create().await, Err(StripeError::Unknown { .. })));
    assert_eq!(stopped.seen().len(), 1);
    let retried = Server::replying([error_with(400, "odd", RETRY), customer()]).await;
    assert!(retried.create().await.is_ok());
    assert_eq!(retried.seen().len(), 2);
}

#[tokio::test]
async fn an_error_says_whether_stripe_may_have_acted() {
    let check = async |replies: Vec<Reply>, attempts: usize, expected: fn(&StripeError) -> bool| {
        let server = Server::replying(replies).await;
        let error = server.create().await.unwrap_err();
        assert!(expected(&error), "{error:?}");
        assert_eq!(server.seen().len(), attempts, "{error:?}");
    };
    let unknown = |error: &StripeError| matches!(error, StripeError::Unknown { .. });
    let unreached = |error: &StripeError| matches!(error, StripeError::Unreached { .. });
    check(vec![error(500, "api_error")], 3, unknown).await;
    check(vec![error(409, "idempotency_key_in_use")], 3, unknown).await;
    check(vec![Reply::Broken], 3, unknown).await;
    check(vec![Reply::Silence], 3, unknown).await;
    check(vec![error(429, "rate_limit")], 3, unreached).await;
    check(vec![Reply::Broken, error(429, "rate_limit")], 3, unknown).await;
    check(vec![error(404, "resource_missing")], 1, |error| *error == StripeError::Missing).await;
    check(vec![error(404, "other")], 1, |error| error.is_refused_as("other")).await;
    check(vec![error(401, "api_key_expired")], 1, |error| error.is_refused_as("api_key_expired"))
        .await;
    check(vec![Reply::Answer(302, &[("location", "/else")], String::new())], 1, unknown).await;
    check(vec![error(402, "card_declined")], 1, |error| {
        *error
            == StripeError::Refused {
                status: 402,
                code: Some("card_declined".into()),
                param: Some("p".into()),
                message: Detail("create a customer: No. (request req_1)".into()),
            }
    })
    .await;
}

#[tokio::test]
async fn an_unreadable_response_may_belong_to_a_success() {
    for body in ["", "{}", "<html>", r#"{"id": "cus_1"}"#, "\u{fffd}"] {
        let server = Server::replying([Reply::Answer(200, &[], body.into())]).await;
        let StripeError::Unknown { detail } = server.create().await.unwrap_err() else { panic!() };
        assert!(detail.0.starts_with("create a customer: "), "{detail}");
        assert_eq!(server.seen().len(), 1);
    }
    let large = "x".repeat(2 * 1024 * 1024);
    let server = Server::replying([Reply::Answer(200, &[], large)]).await;
    assert!(matches!(server.create().await, Err(StripeError::Unknown { .. })));
    assert_eq!(server.seen().len(), 1);
}

#[tokio::test]
async fn retries_stay_within_the_total_timeout() {
    let reply = error_with(429, "rate_limit", &[("retry-after", "60")]);
    let server = Server::replying([reply]).await;
    let begun = std::time::Instant::now();
    assert!(matches!(server.create().await, Err(StripeError::Unreached { .. })));
    assert_eq!(server.seen().len(), 1);
    assert!(begun.elapsed() < QUICK.total);
}

#[tokio::test]
async fn a_request_that_may_act_is_not_sent_without_a_key() {
    let server = Server::replying([customer()]).await;
    let request = RequestBuilder::new(StripeMethod::Post, "/customers");
    let sent = server.stripe.transport.exchange(&request, None).await;
    assert!(matches!(sent, Err(StripeError::Unreached { .. })));
    let unkeyed = request.customize::<stripe_shared::Customer>();
    assert!(server.stripe.transport.ask("x", unkeyed).await.is_err());
    let request = RequestBuilder::new(StripeMethod::Post, "/customers");
    let long = "k".repeat(256);
    let too_long = request.customize::<stripe_shared::Customer>();
    assert!(server.stripe.transport.act("x", too_long, &long).await.is_err());
    assert_eq!(server.seen().len(), 0);
}

#[tokio::test]
async fn connections_are_reused() {
    let server = Server::replying([customer()]).await;
    for _ in 0..5 {
        server.create().await.unwrap();
    }
    let peers: HashSet<SocketAddr> = server.seen().iter().map(|seen| seen.peer).collect();
    assert_eq!((server.seen().len(), peers.len()), (5, 1));
}

#[tokio::test]
async fn an_error_tells_the_caller_nothing_and_the_log_no_secret() {
    let nobody = client(&loopback::nobody().await, Tax::None);
    let unreached = nobody.create_customer(&member(), None, None).await.unwrap_err();
    assert!(matches!(unreached, StripeError::Unreached { .. }), "{unreached:?}");
    assert_eq!(unreached.kind(), ErrorKind::Unavailable);
    assert_eq!(unreached.code(), "payment_provider_unavailable");
    assert!(unreached.retry_after_s().is_some());

    let refused = Server::replying([error(400, "parameter_missing")]).await;
    let refused = refused.create().await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Internal);
    for error in [&unreached, &refused] {
        assert!(!error.to_string().contains("No."), "{error}");
        assert!(!format!("{error:?}").contains("sk_test"), "{error:?}");
        assert!(std::error::Error::source(error).is_some());
    }
}
