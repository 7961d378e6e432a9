//! Conditional requests and cache policies.

use expect_test::{Expect, expect};
use serde_json::{Value, json};

use super::{brief, context, dispatch, event, request, with_header};
use crate::{
    Access, ApiError, Cacheable, Call, Endpoint, Html, Json, NoContent, NoStore, Polled, Reply,
    apigw::Response,
};

const GET: Endpoint = Endpoint::get("shelf-get-self", "/api/v1/self", Access::Member);
const PATCH: Endpoint = Endpoint::patch("shelf-update-self", "/api/v1/self", Access::Member);

fn body() -> Value {
    json!({"name": "Kim"})
}

async fn get(_: &(), _: Call) -> Result<Json<Value>, ApiError> {
    Ok(Json(body()))
}
async fn update(_: &(), call: Call) -> Result<NoContent, ApiError> {
    call.check_if_match(&body())?;
    Ok(NoContent)
}

async fn get_unless(tags: &str) -> Response {
    let request = with_header(request("GET", "/api/v1/self"), "If-None-Match", tags);
    dispatch(&GET, &get, &(), &context(), event(request)).await
}

async fn tag() -> String {
    let first = dispatch(&GET, &get, &(), &context(), event(request("GET", "/api/v1/self"))).await;
    first.headers["etag"].clone()
}

#[tokio::test]
async fn what_a_caller_has_is_not_sent_again() {
    let tag = tag().await;
    for tags in [tag.clone(), format!("W/{tag}"), format!("\"other\", {tag}"), "*".to_owned()] {
        let response = get_unless(&tags).await;
        assert_eq!((response.status_code, response.body.as_str()), (304, ""), "{tags}");
        assert_eq!(response.headers["etag"], tag);
        assert_eq!(response.headers["cache-control"], "private, no-cache");
        assert_eq!(response.headers["vary"], "Origin");
        assert!(!response.headers.contains_key("content-type"));
    }
    assert_eq!(get_unless("\"other\"").await.status_code, 200);
    assert_eq!(get_unless(tag.trim_matches('"')).await.status_code, 200);
}

#[tokio::test]
async fn a_change_of_what_has_changed_is_refused() {
    let check = async |tags: &str, expected: Expect| {
        let request = with_header(request("PATCH", "/api/v1/self"), "If-Match", tags);
        let response = dispatch(&PATCH, &update, &(), &context(), event(request)).await;
        expected.assert_eq(&brief(&response));
    };
    let tag = tag().await;
    check(&tag, expect!["204"]).await;
    check("*", expect!["204"]).await;
    check(&format!("\"other\", {tag}"), expect!["204"]).await;
    check("\"other\"", expect!["412 precondition_failed"]).await;
    check(&format!("W/{tag}"), expect!["412 precondition_failed"]).await;
    let request = event(request("PATCH", "/api/v1/self"));
    let response = dispatch(&PATCH, &update, &(), &context(), request).await;
    assert_eq!(response.status_code, 204);
}

#[tokio::test]
async fn the_type_of_a_reply_sets_its_cache_policy() {
    async fn kept<T: Reply>(endpoint: Endpoint, reply: impl Fn() -> T) -> String {
        let handle = async |_: &(), _: Call| -> Result<T, ApiError> { Ok(reply()) };
        let request = event(request(endpoint.method.as_str(), "/api/v1/self"));
        let response = dispatch(&endpoint, &handle, &(), &context(), request).await;
        let header = |name| response.headers.get(name).cloned().unwrap_or_default();
        format!("{} {}", header("cache-control"), header("retry-after")).trim_end().to_owned()
    }
    let post = Endpoint::post("shelf-ask", "/api/v1/self", Access::Member);
    let polled = |retry_after_s| Polled { body: body(), retry_after_s };
    let shared = || Cacheable { body: body(), max_age_s: 60 };
    assert_eq!(kept(GET, || Json(body())).await, "private, no-cache");
    assert_eq!(kept(GET, || polled(Some(2))).await, "private, no-cache 2");
    assert_eq!(kept(GET, || polled(None)).await, "private, no-cache");
    assert_eq!(kept(GET, shared).await, "public, max-age=60");
    let page = |max_age_s| Html { body: "<p>".to_owned(), max_age_s, refresh_to: None };
    assert_eq!(kept(GET, || page(Some(60))).await, "public, max-age=60");
    assert_eq!(kept(GET, || page(None)).await, "no-store");
    assert_eq!(kept(GET, || NoStore(body())).await, "no-store");
    assert_eq!(kept(post, || Json(body())).await, "no-store");
}
