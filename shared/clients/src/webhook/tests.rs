//! Webhooks on the wire: signatures, every class of addresses, and receivers that misbehave.

use std::{net::IpAddr, time::Duration};

use axum::{
    Router,
    http::{HeaderMap, StatusCode},
    response::Redirect,
    routing::post,
};
use domain::{
    id::{ListingId, UserId, WebhookEventId, WebhookId},
    webhook::{
        endpoint::WebhookSettings,
        event::{Event, EventData, EventType, ListingFlagged},
    },
};

use super::*;
use crate::loopback;

const NOW: Timestamp = Timestamp::from_secs(1_614_265_330);

/// The vector of the reference libraries:
/// <https://github.com/standard-webhooks/standard-webhooks/tree/main/libraries>.
#[test]
fn a_signature_is_that_of_standard_webhooks() {
    let secret = SigningSecret::new("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".to_owned());
    let sign = |secrets: &[&SigningSecret]| {
        let id = "msg_p5jXN8AQM9LWM0D4loKWxJek";
        signatures(secrets, id, "1614265330", r#"{"test": 2432232314}"#)
    };
    let expected = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";
    assert_eq!(sign(&[&secret]), expected);
    let other = new_secret([1, 2]);
    let both = sign(&[&other, &secret]);
    assert_eq!(both, format!("{} {expected}", sign(&[&other])), "two while one is replaced");
}

#[test]
fn a_secret_has_32_random_bytes() {
    let secret = new_secret([u128::MAX, 0]);
    let bytes = STANDARD.decode(secret.expose().strip_prefix("whsec_").unwrap()).unwrap();
    assert_eq!(bytes, [[255; 16], [0; 16]].concat());
}

#[test]
fn only_public_addresses_are_reached() {
    let covers = |text: &str| Reach::Public.covers(text.parse::<IpAddr>().unwrap());
    for refused in [
        "0.0.0.0",
        "0.1.2.3",
        "10.0.0.1",
        "10.255.255.255",
        "100.64.0.1",
        "100.127.255.255",
        "127.0.0.1",
        "127.8.8.8",
        "169.254.169.254",
        "169.254.170.2",
        "172.16.0.1",
        "172.31.255.255",
        "192.0.0.1",
        "192.0.2.1",
        "192.88.99.1",
        "192.168.1.1",
        "198.18.0.1",
        "198.19.255.255",
        "198.51.100.1",
        "203.0.113.1",
        "224.0.0.1",
        "239.255.255.255",
        "240.0.0.1",
        "255.255.255.255",
        "168.63.129.16",
        "::",
        "::1",
        "::ffff:10.0.0.1",
        "::ffff:169.254.169.254",
        "::ffff:8.8.8.8",
        "::8.8.8.8",
        "64:ff9b::a00:1",
        "64:ff9b:1::1",
        "100::1",
        "2001::1",
        "2001:0:1::1",
        "2001:db8::1",
        "2002:a00:1::1",
        "3fff::1",
        "fc00::1",
        "fd00:ec2::254",
        "fe80::1",
        "fec0::1",
        "ff02::1",
    ] {
        assert!(!covers(refused), "{refused}");
    }
    for public in [
        "1.1.1.1",
        "8.8.8.8",
        "9.255.255.255",
        "11.0.0.0",
        "100.63.255.255",
        "100.128.0.0",
        "126.255.255.255",
        "128.0.0.0",
        "172.15.255.255",
        "172.32.0.0",
        "192.0.1.1",
        "192.167.255.255",
        "223.255.255.255",
        "2606:4700::1111",
        "2a00:1450:4001::1",
        "2001:4860:4860::8888",
    ] {
        assert!(covers(public), "{public}");
    }
    for loopback in ["127.0.0.1", "::1"] {
        assert!(Reach::PublicAndLoopback.covers(loopback.parse().unwrap()), "{loopback}");
    }
    assert!(!Reach::PublicAndLoopback.covers("10.0.0.1".parse().unwrap()));
}

#[test]
fn a_url_is_https_and_public() {
    let check = |url: &str, public: bool, local: bool| {
        assert_eq!(WebhookUrls::public().check(url).is_ok(), public, "{url}");
        assert_eq!(WebhookUrls::with_loopback().check(url).is_ok(), local, "{url}");
    };
    check("https://example.com/hooks?key=1", true, true);
    check("https://example.com:8443/", true, true);
    check("https://8.8.8.8/", true, true);
    check("http://example.com/", false, false);
    check("ftp://example.com/", false, false);
    check("https://kim@example.com/", false, false);
    check("https://kim:secret@example.com/", false, false);
    check("https://example.com/#part", false, false);
    check("https://10.0.0.1/", false, false);
    check("https://169.254.169.254/latest/meta-data/", false, false);
    check("https://2852039166/", false, false); // 169.254.169.254 in one number
    check("https://0xa9.0xfe.0xa9.0xfe/", false, false);
    check("https://[::ffff:169.254.169.254]/", false, false);
    check("https://[fd00:ec2::254]/", false, false);
    check("https://127.0.0.1/", false, true);
    check("http://127.0.0.1:4570/hooks/kim", false, true);
    check("http://[::1]:4570/", false, true);
    check("http://localhost:4570/", false, true);
    check("", false, false);
    check("example.com", false, false);
}

fn webhook(url: &str) -> Webhook {
    let settings = WebhookSettings {
        url: url.to_owned(),
        description: None,
        events: [EventType::ListingFlagged].into(),
    };
    Webhook::new(WebhookId::new(NOW, 1), settings, new_secret([1, 2]), NOW)
}

fn delivery() -> Delivery {
    let data = EventData::ListingFlagged(ListingFlagged { id: ListingId::new(NOW, 1) });
    let to = (UserId::parse("kim").unwrap(), WebhookId::new(NOW, 1));
    Delivery::new(to, WebhookEventId::new(NOW, 1), &Event { data, timestamp: NOW }, NOW)
}

async fn sent(urls: WebhookUrls, url: &str) -> Attempt {
    WebhookSender::new(urls).unwrap().send(&delivery(), &webhook(url), NOW).await
}

/// A name that leads to an address that is not public is refused when it is resolved, whatever the
/// URL looks like; the server behind it gets no request.
#[tokio::test]
async fn a_name_is_checked_when_it_is_resolved() {
    let base = loopback::serve(Router::new().route("/", post(async || "got it"))).await;
    let port = base.rsplit(':').next().unwrap();
    let resolver = Arc::new(CheckedNames(Reach::Public));
    let http = Http::resolving(resolver, CONNECT_TIMEOUT).unwrap();
    let urls = WebhookUrls::with_loopback();
    let sender = WebhookSender { http, urls, timeout: TIMEOUT };
    let error = async |url: &str| sender.send(&delivery(), &webhook(url), NOW).await.error;
    let named = format!("http://localhost:{port}/");
    assert_eq!(error(&named).await, Some(AttemptError::AddressNotAllowed));
    let missing = error("https://name.invalid/").await;
    assert_eq!(missing, Some(AttemptError::ConnectionFailed));
    let private = sent(WebhookUrls::public(), "https://10.0.0.1/").await.error;
    assert_eq!(private, Some(AttemptError::AddressNotAllowed));
    assert!(sent(urls, &named).await.is_success(), "a local engine may allow it");
}

#[tokio::test]
async fn a_request_is_signed_and_the_answer_is_recorded() {
    let echo = async |headers: HeaderMap, body: String| {
        let text = |name: &str| headers[name].to_str().unwrap().to_owned();
        let secret = new_secret([1, 2]);
        let (id, timestamp) = (text("webhook-id"), text("webhook-timestamp"));
        let expected = signatures(&[&secret], &id, &timestamp, &body);
        assert_eq!(text("webhook-signature"), expected);
        assert_eq!(
            (text("content-type").as_str(), timestamp.as_str()),
            ("application/json", "1614265330")
        );
        (StatusCode::ACCEPTED, format!("got\u{7} {id}"))
    };
    let base = loopback::serve(Router::new().route("/", post(echo))).await;
    let attempt = sent(WebhookUrls::with_loopback(), &base).await;
    assert!(attempt.is_success(), "{attempt:?}");
    let excerpt = format!("got  {}", delivery().id);
    assert_eq!(attempt.response_excerpt.as_deref(), Some(excerpt.as_str()));
}

#[tokio::test]
async fn a_receiver_that_misbehaves_is_an_attempt_that_failed() {
    let routes = Router::new()
        .route("/moved", post(async || Redirect::permanent("/here")))
        .route("/here", post(async || "never"))
        .route("/long", post(async || "x".repeat(1_000_000)))
        .route("/gone", post(async || StatusCode::GONE));
    let base = loopback::serve(routes).await;
    let status = async |path: &str| {
        let attempt = sent(WebhookUrls::with_loopback(), &format!("{base}{path}")).await;
        (attempt.response_status, attempt.response_excerpt.map(|text| text.len()))
    };
    assert_eq!(status("/moved").await, (Some(308), None), "a redirect is not followed");
    assert_eq!(status("/gone").await, (Some(410), None));
    assert_eq!(status("/long").await, (Some(200), Some(EXCERPT_CHARS_MAX)));
    let nobody = loopback::nobody().await;
    let attempt = sent(WebhookUrls::with_loopback(), &nobody).await;
    assert_eq!(attempt.error, Some(AttemptError::ConnectionFailed));
}

#[tokio::test]
async fn an_attempt_has_a_time_limit() {
    let silent = loopback::serve(Router::new().route("/", post(std::future::pending::<()>)));
    let timeout = Duration::from_millis(200);
    let sender = WebhookSender::new(WebhookUrls::with_loopback()).unwrap();
    let sender = WebhookSender { timeout, ..sender };
    let attempt = sender.send(&delivery(), &webhook(&silent.await), NOW).await;
    assert_eq!(attempt.error, Some(AttemptError::TimedOut));
    assert!((200..5_000).contains(&attempt.duration_ms), "{attempt:?}");
}
