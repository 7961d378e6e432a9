//! Conditional requests and cache policies.

use domain::image::link_works_until;
use expect_test::{Expect, expect};
use serde_json::{Value, json};

use super::{brief, context, dispatch, event, request, with_header};
use crate::{
    Access, ApiError, Cacheable, Call, Editable, Endpoint, FileLink, Html, Json, JsonOrFile,
    NoContent, NoStore, Polled, Reply, apigw::Response,
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

/// When a body was computed and who signed its links does not make it another one; the date of its
/// links does, so that it is sent again before they end.
#[tokio::test]
async fn a_tag_leaves_out_what_a_reader_does_not_miss() {
    let tag = async |body: Value| {
        let handle = async |_: &(), _: Call| -> Result<_, ApiError> { Ok(Json(body.clone())) };
        let request = event(request("GET", "/api/v1/self"));
        dispatch(&GET, &handle, &(), &context(), request).await.headers["etag"].clone()
    };
    let stats = |as_of: &str, sales: u32| json!({"as_of": as_of, "sales": sales});
    let first = tag(stats("2026-11-22T09:30:00.000Z", 1)).await;
    assert!(first.starts_with("W/\""), "{first}");
    assert_eq!(first, tag(stats("2026-11-22T09:31:00.000Z", 1)).await);
    assert_ne!(first, tag(stats("2026-11-22T09:30:00.000Z", 2)).await);
    let link = |key: &str, date: &str, signature: &str| {
        let query = "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=";
        let rest = format!("&X-Amz-Date={date}&X-Amz-Security-Token={signature}&X-Amz-Signature=");
        json!({"url": format!("https://s3.test/{key}?{query}{signature}{rest}{signature}")})
    };
    let first = tag(link("a", "20261122T0930Z", "1")).await;
    assert_eq!(first, tag(link("a", "20261122T0930Z", "2")).await);
    assert_ne!(first, tag(link("b", "20261122T0930Z", "1")).await);
    assert_ne!(first, tag(link("a", "20261122T0935Z", "1")).await);
    // A text that only mentions them is a text.
    let said = |text: &str| json!({"bio": format!("\"as_of\":\"{text}\"")});
    assert_ne!(tag(said("1")).await, tag(said("2")).await);
}

#[tokio::test]
async fn a_part_is_changed_while_the_rest_moves() {
    let profile = json!({"name": "Kim"});
    let get = async |credits: u32| {
        let handle = async |_: &(), _: Call| -> Result<_, ApiError> {
            Editable::new(json!({"name": "Kim", "credits": credits}), &profile)
        };
        let request = event(request("GET", "/api/v1/self"));
        dispatch(&GET, &handle, &(), &context(), request).await.headers["etag"].clone()
    };
    let (ten, nine) = (get(10).await, get(9).await);
    assert_ne!(ten, nine);
    let change = async |tag: &str, now: &Value| {
        let handle = async |_: &(), call: Call| -> Result<_, ApiError> {
            call.check_if_match(now)?;
            Ok(NoContent)
        };
        let request = with_header(request("PATCH", "/api/v1/self"), "If-Match", tag);
        dispatch(&PATCH, &handle, &(), &context(), event(request)).await.status_code
    };
    for tag in [&ten, &nine, "*"] {
        assert_eq!(change(tag, &profile).await, 204, "{tag}");
    }
    assert_eq!(change(&ten, &json!({"name": "Kim K."})).await, 412);
    assert_eq!(change(&format!("W/{ten}"), &profile).await, 412);
}

#[tokio::test]
async fn a_file_is_a_redirect_or_for_those_who_ask_for_json_its_link() {
    async fn give(_: &(), call: Call) -> Result<JsonOrFile<Value>, ApiError> {
        Ok(JsonOrFile::File(FileLink {
            url: "https://files.test/a".to_owned(),
            expires_at: Some(link_works_until(call.now)),
        }))
    }
    let get = async |accept: &str| {
        let request = with_header(request("GET", "/api/v1/self"), "Accept", accept);
        dispatch(&GET, &give, &(), &context(), event(request)).await
    };
    for any in ["*/*", "application/*", "text/html,*/*;q=0.8", "application/pdf", ""] {
        let response = get(any).await;
        assert_eq!((response.status_code, response.body.as_str()), (302, ""), "{any}");
        assert_eq!(response.headers["location"], "https://files.test/a");
        assert_eq!(response.headers["vary"], "Accept, Origin");
        assert_eq!(response.headers["cache-control"], "no-store");
        assert!(!response.headers.contains_key("content-type"));
    }
    for json in ["application/json", "text/plain, Application/JSON;q=0.5, */*"] {
        let response = get(json).await;
        assert_eq!(response.status_code, 200, "{json}");
        let link = r#"{"url":"https://files.test/a","expires_at":"2026-11-22T09:40:00.000Z"}"#;
        assert_eq!(response.body, link);
        assert_eq!(response.headers["vary"], "Accept, Origin");
        assert_eq!(response.headers["cache-control"], "no-store");
        assert_eq!(response.headers["content-type"], "application/json");
        assert!(!response.headers.contains_key("location"));
    }
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
