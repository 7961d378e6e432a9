//! Access, and the shape of every response.

use std::time::Duration;

use domain::ErrorKind;
use expect_test::{Expect, expect};
use serde::Deserialize;
use serde_json::{Value, json};
use store::Store;
use testing::engine::{Engine, TABLE};

use super::{
    NOW, No, brief, context, dispatch, event, request, show, with, with_header, with_json,
};
use crate::{
    Accepted, Access, ApiError, Call, Caller, Created, Endpoint, Html, HtmlPage, InvocationContext,
    Json, NoContent,
};

const GET: Endpoint = Endpoint::get("shelf-get-book", "/api/v1/books/{id}", Access::Member);
const POST: Endpoint =
    Endpoint::post("shelf-create-book", "/api/v1/books", Access::Member).requires_key();

#[derive(Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
struct ById {
    id: String,
}

/// What the test capability does when a handler uses it.
pub(super) enum Shelf {
    Answers,
    Refuses(ErrorKind),
    Panics,
    Hangs,
}

async fn get_book(shelf: &Shelf, call: Call<ById>) -> Result<Json<Value>, ApiError> {
    match shelf {
        Shelf::Answers => Ok(Json(json!({"id": call.body.id, "link": call.links.to("/x")}))),
        Shelf::Refuses(kind) => Err(No::new(*kind).into()),
        Shelf::Panics => panic!("password=hunter2"),
        Shelf::Hangs => std::future::pending().await,
    }
}

async fn who(_: &Store, call: Call) -> Result<Json<Value>, ApiError> {
    Ok(Json(match &call.caller {
        Caller::Anonymous => Value::Null,
        Caller::Member(identity) => json!([identity.user_id, identity.email, identity.role]),
    }))
}

async fn create_book(_: &(), call: Call<Value>) -> Result<Created<Value>, ApiError> {
    let key = call.idempotency_key()?;
    let body = json!({"key": key.key, "fingerprint": key.fingerprint, "random": call.random()});
    Ok(Created { location: call.links.to("/api/v1/books/b1"), body })
}

fn get_event() -> Value {
    with(request("GET", "/api/v1/books/b1"), [("/pathParameters", json!({"id": "b1"}))])
}

async fn get_from(shelf: Shelf) -> crate::apigw::Response {
    dispatch(&GET, &get_book, &shelf, &context(), event(get_event())).await
}

#[tokio::test]
async fn an_answer_carries_what_a_browser_and_a_cache_need() {
    expect![[r#"
        200
        access-control-allow-origin: https://app.prolight.ai
        access-control-expose-headers: ETag, Idempotency-Replayed, Location, Preference-Applied, RateLimit, RateLimit-Policy, Retry-After, WWW-Authenticate, x-request-id
        cache-control: private, no-cache
        content-type: application/json
        etag: "5d3e8f90b2c753040bb864043c7fd99a"
        strict-transport-security: max-age=31536000
        vary: Origin
        x-content-type-options: nosniff
        x-request-id: c6af9ac6-7b61-11e6-9a41-93e8deadbeef

        {
          "id": "b1",
          "link": "https://a1b2c3.execute-api.eu-west-1.amazonaws.com/prod/x"
        }"#]]
    .assert_eq(&show(&get_from(Shelf::Answers).await));
}

/// The event is as AWS sends it: percent-encoded in the path and in its parameters.
#[tokio::test]
async fn a_parameter_of_the_path_is_decoded_once() {
    async fn told(_: &(), call: Call<Value>) -> Result<Json<Value>, ApiError> {
        Ok(Json(call.body["id"].clone()))
    }
    let check = async |sent: &str, expected: &str| {
        let path = format!("/api/v1/books/{sent}");
        let event =
            event(with(request("GET", &path), [("/pathParameters", json!({ "id": sent }))]));
        let answer = dispatch(&GET, &told, &(), &context(), event).await;
        assert_eq!(answer.body, json!(expected).to_string(), "{sent}");
    };
    check("auth0%7C1", "auth0|1").await;
    check("auth0|1", "auth0|1").await;
    check("auth0%257C1", "auth0%7C1").await;
    check("a+b%2Bc", "a+b+c").await;
    check("%E8%AF%AD", "语").await;
    check("100%", "100%").await;
    check("%FF", "%FF").await;
}

#[tokio::test]
async fn a_header_may_have_accents() {
    async fn agent(_: &(), call: Call<Value>) -> Result<Json<Value>, ApiError> {
        let agent = call.raw().headers["user-agent"].as_bytes();
        Ok(Json(json!(String::from_utf8(agent.to_vec()).unwrap())))
    }
    let changes = [("/multiValueHeaders/User-Agent", json!(["Benoît"]))];
    let request = with(with(get_event(), changes), [("/headers/User-Agent", json!("Benoît"))]);
    let answer = dispatch(&GET, &agent, &(), &context(), event(request)).await;
    assert_eq!(answer.body, json!("Benoît").to_string());
}

#[tokio::test]
async fn a_refusal_is_a_problem_document() {
    expect![[r#"
        402
        access-control-allow-origin: https://app.prolight.ai
        access-control-expose-headers: ETag, Idempotency-Replayed, Location, Preference-Applied, RateLimit, RateLimit-Policy, Retry-After, WWW-Authenticate, x-request-id
        cache-control: no-store
        content-type: application/problem+json
        strict-transport-security: max-age=31536000
        vary: Origin
        x-content-type-options: nosniff
        x-request-id: c6af9ac6-7b61-11e6-9a41-93e8deadbeef

        {
          "buy_url": "https://a1b2c3.execute-api.eu-west-1.amazonaws.com/prod/api/v1/billing/checkout",
          "code": "no",
          "detail": "The shelf says no.",
          "missing_credits": 2,
          "more_url": "https://a1b2c3.execute-api.eu-west-1.amazonaws.com/prod/api/v1/more",
          "plans_url": "https://a1b2c3.execute-api.eu-west-1.amazonaws.com/prod/api/v1/billing/plans",
          "request_id": "c6af9ac6-7b61-11e6-9a41-93e8deadbeef",
          "status": 402,
          "title": "Payment required",
          "type": "https://a1b2c3.execute-api.eu-west-1.amazonaws.com/prod/docs/problems/no"
        }"#]]
    .assert_eq(&show(&get_from(Shelf::Refuses(ErrorKind::PaymentRequired)).await));
}

#[tokio::test]
async fn an_internal_error_does_not_reveal_its_cause() {
    expect![[r#"
        500
        access-control-allow-origin: https://app.prolight.ai
        access-control-expose-headers: ETag, Idempotency-Replayed, Location, Preference-Applied, RateLimit, RateLimit-Policy, Retry-After, WWW-Authenticate, x-request-id
        cache-control: no-store
        content-type: application/problem+json
        strict-transport-security: max-age=31536000
        vary: Origin
        x-content-type-options: nosniff
        x-request-id: c6af9ac6-7b61-11e6-9a41-93e8deadbeef

        {
          "code": "internal",
          "detail": "Nothing is wrong with the request; we could not carry it out.",
          "request_id": "c6af9ac6-7b61-11e6-9a41-93e8deadbeef",
          "status": 500,
          "title": "Something failed on our side",
          "type": "https://a1b2c3.execute-api.eu-west-1.amazonaws.com/prod/docs/problems/internal"
        }"#]]
    .assert_eq(&show(&get_from(Shelf::Refuses(ErrorKind::Internal)).await));
}

#[tokio::test]
async fn every_kind_has_its_status() {
    use ErrorKind::*;
    let mut table = String::new();
    for kind in [
        Malformed,
        Unauthenticated,
        PaymentRequired,
        Forbidden,
        NotFound,
        Conflict,
        PreconditionFailed,
        TooLarge,
        Invalid,
        TooMany,
        Unavailable,
        Internal,
    ] {
        let response = get_from(Shelf::Refuses(kind)).await;
        let header = |name| response.headers.get(name).cloned().unwrap_or_default();
        let extras = [header("retry-after"), header("www-authenticate")].concat();
        assert!(!response.body.contains("hunter2"), "{kind:?} leaks its cause");
        table += format!("{kind:?}: {} {extras}", brief(&response)).trim_end();
        table += "\n";
    }
    expect![[r#"
        Malformed: 400 no
        Unauthenticated: 401 no Bearer realm="prolight"
        PaymentRequired: 402 no
        Forbidden: 403 no
        NotFound: 404 no
        Conflict: 409 no
        PreconditionFailed: 412 no
        TooLarge: 413 no
        Invalid: 422 no
        TooMany: 429 no 30
        Unavailable: 503 no
        Internal: 500 internal
    "#]]
    .assert_eq(&table);
}

#[tokio::test]
async fn a_panic_is_one_failed_call() {
    let response = get_from(Shelf::Panics).await;
    assert_eq!(brief(&response), "500 internal");
    assert!(!response.body.contains("hunter2"));
}

#[tokio::test(start_paused = true)]
async fn a_handler_is_stopped_before_its_invocation_ends() {
    let context =
        InvocationContext { deadline: Some(NOW.plus(Duration::from_secs(10))), ..context() };
    let began = tokio::time::Instant::now();
    let response = dispatch(&GET, &get_book, &Shelf::Hangs, &context, event(get_event())).await;
    assert_eq!(brief(&response), "503 timed_out");
    assert_eq!(began.elapsed(), Duration::from_millis(9_500));
}

async fn who_calls(access: Access, authorizer: Value) -> String {
    let endpoint = Endpoint::get("shelf-get-self", "/api/v1/self", access);
    let request = request("GET", "/api/v1/self");
    let request = with(request, [("/requestContext/authorizer", authorizer)]);
    let store = Store::new(Engine::new().client(), TABLE.to_owned());
    let response = dispatch(&endpoint, &who, &store, &context(), event(request)).await;
    if response.status_code == 200 { response.body } else { brief(&response) }
}

#[tokio::test]
async fn access_is_checked_before_the_handler() {
    let member = json!({"principalId": "user_1", "user_id": "user_1", "email": "m@prolight.test"});
    let with_role = |role: &str| json!({"user_id": "user_2", "role": role});
    let callers = [
        ("nobody", Value::Null),
        ("empty context", json!({})),
        ("member", member),
        ("moderator", with_role("moderator")),
        ("admin", with_role("admin")),
    ];
    let mut table = String::new();
    for access in [Access::Public, Access::Signed, Access::Member, Access::Moderator, Access::Admin]
    {
        for (name, authorizer) in &callers {
            let outcome = who_calls(access, authorizer.clone()).await;
            table += &format!("{access:?}, {name}: {outcome}\n");
        }
    }
    expect![[r#"
        Public, nobody: null
        Public, empty context: null
        Public, member: ["user_1","m@prolight.test",null]
        Public, moderator: ["user_2",null,"moderator"]
        Public, admin: ["user_2",null,"admin"]
        Signed, nobody: null
        Signed, empty context: null
        Signed, member: ["user_1","m@prolight.test",null]
        Signed, moderator: ["user_2",null,"moderator"]
        Signed, admin: ["user_2",null,"admin"]
        Member, nobody: 401 unauthenticated
        Member, empty context: 401 unauthenticated
        Member, member: ["user_1","m@prolight.test",null]
        Member, moderator: ["user_2",null,"moderator"]
        Member, admin: ["user_2",null,"admin"]
        Moderator, nobody: 401 unauthenticated
        Moderator, empty context: 401 unauthenticated
        Moderator, member: 403 forbidden
        Moderator, moderator: ["user_2",null,"moderator"]
        Moderator, admin: ["user_2",null,"admin"]
        Admin, nobody: 401 unauthenticated
        Admin, empty context: 401 unauthenticated
        Admin, member: 403 forbidden
        Admin, moderator: 403 forbidden
        Admin, admin: ["user_2",null,"admin"]
    "#]]
    .assert_eq(&table);
}

#[tokio::test]
async fn an_authorizer_that_passes_on_nonsense_is_a_fault_of_ours() {
    for nonsense in [json!({"user_id": "user_1", "role": "king"}), json!({"user_id": "a/b"})] {
        assert_eq!(who_calls(Access::Public, nonsense).await, "500 internal");
    }
}

#[tokio::test]
async fn a_request_id_is_accepted_if_it_is_safe_and_returned_always() {
    let check = async |name: &str, offered: &str, expected: &str| {
        let request = event(with_header(get_event(), name, offered));
        let response = dispatch(&GET, &get_book, &Shelf::Panics, &context(), request).await;
        let body: Value = serde_json::from_str(&response.body).unwrap();
        assert_eq!(response.headers["x-request-id"], expected, "{offered}");
        assert_eq!(body["request_id"], expected, "{offered}");
    };
    let gateway = "c6af9ac6-7b61-11e6-9a41-93e8deadbeef";
    check("X-Request-Id", "web-42.a:b_c", "web-42.a:b_c").await;
    check("X-Correlation-ID", "web-42", "web-42").await;
    check("X-Request-Id", "", gateway).await;
    check("X-Request-Id", "a b", gateway).await;
    check("X-Request-Id", "<script>", gateway).await;
    check("X-Request-Id", &"x".repeat(128), &"x".repeat(128)).await;
    check("X-Request-Id", &"x".repeat(129), gateway).await;
}

async fn create(key: Option<&str>, path: &str, body: &str) -> crate::apigw::Response {
    let request = with_json(request("POST", path), body);
    let request = match key {
        Some(key) => with_header(request, "Idempotency-Key", key),
        None => request,
    };
    dispatch(&POST, &create_book, &(), &context(), event(request)).await
}

#[tokio::test]
async fn a_key_is_required_where_it_matters() {
    let check = async |key: Option<&str>, expected: Expect| {
        expected.assert_eq(&brief(&create(key, "/api/v1/books", "{}").await));
    };
    check(None, expect!["400 idempotency_key_required"]).await;
    check(Some(""), expect!["400 idempotency_key_invalid"]).await;
    check(Some("a b"), expect!["400 idempotency_key_invalid"]).await;
    check(Some(&"k".repeat(256)), expect!["400 idempotency_key_invalid"]).await;
    check(Some(&"k".repeat(255)), expect!["201"]).await;
}

#[tokio::test]
async fn a_fingerprint_covers_path_and_body() {
    let fingerprint = async |path: &str, body: &str| {
        let response = create(Some("k"), path, body).await;
        let body: Value = serde_json::from_str(&response.body).unwrap();
        body["fingerprint"].as_str().unwrap().to_owned()
    };
    let first = fingerprint("/api/v1/books", "{}").await;
    assert_eq!(first, fingerprint("/api/v1/books", "{}").await);
    assert_ne!(first, fingerprint("/api/v1/shelves", "{}").await);
    // A body may be spelled anew: whitespace, the order of keys and 1.0 for 1 do not matter.
    let book = r#"{"a": [1, {"b": 2, "c": "x"}], "d": 10000000000}"#;
    let spelled = fingerprint("/api/v1/books", book).await;
    for same in [
        r#"{"d":10000000000,"a":[1.0,{"c":"x","b":2e0}]}"#,
        r#"{"a": [1, {"b": 2.0, "c": "\u0078"}], "d": 1e10}"#,
    ] {
        assert_eq!(spelled, fingerprint("/api/v1/books", same).await, "{same}");
    }
    for other in [
        r#"{"a": [{"b": 2, "c": "x"}, 1], "d": 10000000000}"#,
        r#"{"a": [1, {"b": 2, "c": "X"}], "d": 10000000000}"#,
        r#"{"a": [1, {"b": "2", "c": "x"}], "d": 10000000000}"#,
        r#"{"a": [1, {"b": 2.5, "c": "x"}], "d": 10000000000}"#,
    ] {
        assert_ne!(spelled, fingerprint("/api/v1/books", other).await, "{other}");
    }
}

/// A public route is open to every page, a signed one to none, the others to pages of our origins.
#[tokio::test]
async fn pages_of_our_origins_may_read_answers() {
    let check = async |access: Access, origin: &str, expected: [Option<&str>; 2]| {
        let endpoint = Endpoint::get("shelf-get-self", "/api/v1/self", access);
        let handle = async |_: &(), _: Call| -> Result<_, ApiError> { Ok(Json(json!({}))) };
        let request = event(with_header(request("GET", "/api/v1/self"), "Origin", origin));
        let response = dispatch(&endpoint, &handle, &(), &context(), request).await;
        let header = |name| response.headers.get(name).map(String::as_str);
        let seen = [header("access-control-allow-origin"), header("vary")];
        assert_eq!(seen, expected, "{access:?} {origin}");
        let exposed = header("access-control-expose-headers").is_some();
        assert_eq!(exposed, seen[0].is_some(), "{access:?} {origin}");
    };
    for ours in ["https://app.prolight.ai", "https://staff.prolight.ai"] {
        check(Access::Member, ours, [Some(ours), Some("Origin")]).await;
        check(Access::Admin, ours, [Some(ours), Some("Origin")]).await;
        check(Access::Public, ours, [Some("*"), None]).await;
        check(Access::Signed, ours, [None, None]).await;
    }
    for other in ["https://app.prolight.ai.evil.test", "http://app.prolight.ai", "null", ""] {
        check(Access::Member, other, [None, Some("Origin")]).await;
        check(Access::Public, other, [Some("*"), None]).await;
    }
}

#[tokio::test]
async fn what_was_made_is_pointed_at() {
    expect![[r#"
        201
        access-control-allow-origin: https://app.prolight.ai
        access-control-expose-headers: ETag, Idempotency-Replayed, Location, Preference-Applied, RateLimit, RateLimit-Policy, Retry-After, WWW-Authenticate, x-request-id
        cache-control: no-store
        content-type: application/json
        location: https://a1b2c3.execute-api.eu-west-1.amazonaws.com/prod/api/v1/books/b1
        strict-transport-security: max-age=31536000
        vary: Origin
        x-content-type-options: nosniff
        x-request-id: c6af9ac6-7b61-11e6-9a41-93e8deadbeef

        {
          "fingerprint": "b8325ea922fa39fe53030382cea51dd2ecf9c7752ae70104b80d9e06c6bfe1cf",
          "key": "k1",
          "random": 1
        }"#]]
    .assert_eq(&show(&create(Some("k1"), "/api/v1/books", "{}").await));
}

#[tokio::test]
async fn an_accepted_request_says_when_to_poll() {
    let handle = async |_: &(), call: Call| -> Result<_, ApiError> {
        let location = call.links.to("/api/v1/books/b1");
        Ok(Accepted { location, retry_after_s: 2, body: json!({"status": "queued"}) })
    };
    let endpoint = POST.ignores_key();
    let request = event(request("POST", "/api/v1/books"));
    let response = dispatch(&endpoint, &handle, &(), &context(), request).await;
    let header = |name| response.headers[name].as_str();
    assert_eq!(response.status_code, 202);
    assert_eq!(header("retry-after"), "2");
    assert!(header("location").ends_with("amazonaws.com/prod/api/v1/books/b1"));
}

#[tokio::test]
async fn an_answer_without_a_body_has_no_content_type() {
    let handle = async |_: &(), _: Call| -> Result<_, ApiError> { Ok(NoContent) };
    let endpoint = Endpoint::delete("shelf-delete-book", "/api/v1/books", Access::Member);
    let request = event(request("DELETE", "/api/v1/books"));
    let response = dispatch(&endpoint, &handle, &(), &context(), request).await;
    assert_eq!((response.status_code, response.body.as_str()), (204, ""));
    assert!(!response.headers.contains_key("content-type"));
    assert_eq!(response.headers["cache-control"], "no-store");
}

const PAGE: Endpoint = Endpoint::get("shelf-show-book", "/books/b1", Access::Public);

async fn page(refresh_to: Option<&str>, if_none_match: &str) -> crate::apigw::Response {
    let handle = async |_: &(), _: Call| -> Result<_, ApiError> {
        let refresh_to = refresh_to.map(str::to_owned);
        Ok(Html { body: "<!doctype html><p>Haze".to_owned(), max_age_s: Some(300), refresh_to })
    };
    let request = with_header(request("GET", "/books/b1"), "If-None-Match", if_none_match);
    dispatch(&PAGE, &handle, &(), &context(), event(request)).await
}

#[tokio::test]
async fn a_page_loads_only_images() {
    let shown = page(Some("https://app.prolight.ai/listings/b1?c=a.b;c"), "\"other\"").await;
    assert_eq!(shown.body, "<!doctype html><p>Haze");
    expect![[r#"
        200
        access-control-allow-origin: *
        access-control-expose-headers: ETag, Idempotency-Replayed, Location, Preference-Applied, RateLimit, RateLimit-Policy, Retry-After, WWW-Authenticate, x-request-id
        cache-control: public, max-age=300
        content-security-policy: default-src 'none'; img-src https: http:; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'
        content-type: text/html; charset=utf-8
        etag: "82ac9f61d44a2cb3a04d1c47c830e3fb"
        referrer-policy: no-referrer
        refresh: 0; url=https://app.prolight.ai/listings/b1?c=a.b;c
        strict-transport-security: max-age=31536000
        x-content-type-options: nosniff
        x-request-id: c6af9ac6-7b61-11e6-9a41-93e8deadbeef

    "#]]
    .assert_eq(&show(&shown));
    let kept = page(None, &shown.headers["etag"]).await;
    assert_eq!((kept.status_code, kept.body.as_str()), (304, ""));
    assert!(!kept.headers.contains_key("content-type") && !kept.headers.contains_key("refresh"));
}

#[tokio::test]
async fn a_page_that_is_not_there_is_a_page_too() {
    let handle = async |_: &(), _: Call| -> Result<_, ApiError> {
        Ok(HtmlPage::Missing("<!doctype html><p>Nothing".to_owned()))
    };
    let request = event(request("GET", "/books/b1"));
    let shown = dispatch(&PAGE, &handle, &(), &context(), request).await;
    assert_eq!((shown.status_code, &shown.body[..]), (404, "<!doctype html><p>Nothing"));
    assert_eq!(shown.headers["content-type"], "text/html; charset=utf-8");
    assert_eq!(shown.headers["cache-control"], "no-store");
    assert!(shown.headers.contains_key("content-security-policy"));
    assert!(!shown.headers.contains_key("etag"));
}

#[tokio::test]
async fn a_page_does_not_lead_on_to_what_would_be_a_header_of_its_own() {
    for url in ["https://a.test/\r\nSet-Cookie: a=b", "https://a.test/a b", "https://a.test/é"] {
        assert_eq!(brief(&page(Some(url), "\"other\"").await), "500 internal", "{url}");
    }
}

#[tokio::test]
async fn a_handler_learns_where_a_call_came_from() {
    let handle = async |_: &(), call: Call| -> Result<_, ApiError> {
        assert!(!format!("{:?}", call.source).contains("203"));
        Ok(Json(json!([call.ip(), call.visitor().map(|it| it.to_string())])))
    };
    let check = async |identity: Value, agent: &str, expected: Value| {
        let request = with(request("GET", "/books/b1"), [("/requestContext/identity", identity)]);
        let request = event(with_header(request, "User-Agent", agent));
        let response = dispatch(&PAGE, &handle, &(), &context(), request).await;
        assert_eq!(response.body, expected.to_string());
    };
    let ip = |ip: &str| json!({"sourceIp": ip, "userAgent": "the gateway's word"});
    check(ip("203.0.113.7"), "Firefox/140.0", json!(["203.0.113.7", "203.0.113.7"])).await;
    check(ip("203.0.113.7"), "curl/8.5.0", json!(["203.0.113.7", null])).await;
    check(ip("2001:db8::1"), "Firefox/140.0", json!(["2001:db8::1", "2001:db8:0:0::/64"])).await;
    check(ip("2001:db8::1"), "", json!(["2001:db8::1", null])).await;
    check(ip(""), "é", json!([null, null])).await;
    check(json!({}), "Firefox/140.0", json!([null, null])).await;
}

#[tokio::test]
async fn behind_a_cdn_a_call_comes_from_the_address_that_the_cdn_writes() {
    let handle = async |_: &(), call: Call| -> Result<_, ApiError> { Ok(Json(json!(call.ip()))) };
    let behind = InvocationContext { address_header: Some("X-Client-Address".into()), ..context() };
    let check = async |context: &InvocationContext, written: &str, expected: &str| {
        let request = with_header(request("GET", "/books/b1"), "X-Client-Address", written);
        let response = dispatch(&PAGE, &handle, &(), context, event(request)).await;
        assert_eq!(response.body, json!(expected).to_string(), "{written}");
    };
    check(&behind, "198.51.100.4", "198.51.100.4").await;
    check(&behind, "2001:db8::1", "2001:db8::1").await;
    check(&behind, "198.51.100.4, 203.0.113.9", "203.0.113.7").await;
    check(&behind, "", "203.0.113.7").await;
    check(&context(), "198.51.100.4", "203.0.113.7").await;
}

#[tokio::test]
async fn a_link_begins_where_the_stage_was_reached() {
    let check = async |context: &InvocationContext, domain: Value, root: &str| {
        let request = with(get_event(), [("/requestContext/domainName", domain)]);
        let response = dispatch(&GET, &get_book, &Shelf::Answers, context, event(request)).await;
        let body: Value = serde_json::from_str(&response.body).unwrap();
        assert_eq!(body["link"], format!("{root}/x"));
    };
    let host = "a1b2c3.execute-api.eu-west-1.amazonaws.com";
    check(&context(), json!("api.prolight.ai"), "https://api.prolight.ai/prod").await;
    check(&context(), Value::Null, &format!("http://{host}/prod")).await;
    let configured =
        InvocationContext { public_url: Some("http://127.0.0.1:4566/x/".into()), ..context() };
    check(&configured, json!("api.prolight.ai"), "http://127.0.0.1:4566/x").await;
}
