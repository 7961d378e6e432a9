//! The issuer, from a browser's side: a person signs in, is refreshed and signs out.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

use super::*;
use crate::openid::CLIENT_ID;

const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
const BACK: &str = "http://127.0.0.1:4571/signed-in";

/// The parameters of a good request, changed: an empty value leaves one out.
fn request(change: &[(&str, &str)]) -> String {
    let mut given = vec![
        ("response_type", "code"),
        ("client_id", CLIENT_ID),
        ("redirect_uri", BACK),
        ("scope", "openid profile email offline_access"),
        ("state", "st \"<1>"),
        ("nonce", "n-1"),
        ("code_challenge", CHALLENGE),
        ("code_challenge_method", "S256"),
    ];
    given.retain(|(name, _)| change.iter().all(|(changed, _)| changed != name));
    given.extend(change.iter().filter(|(_, value)| !value.is_empty()));
    form_urlencoded::Serializer::new(String::new()).extend_pairs(given).finish()
}

async fn submit(visit: &Visit, path: &str, form: String) -> Response {
    visit
        .http
        .post(format!("{}{path}", visit.sandbox.url))
        .header("content-type", "application/x-www-form-urlencoded")
        .header("origin", "http://127.0.0.1:4571")
        .body(form)
        .send()
        .await
        .unwrap()
}

/// A parameter of the address that an answer leads to.
fn returned(answer: &Response, name: &str) -> Option<String> {
    let url = reqwest::Url::parse(answer.headers()["location"].to_str().unwrap()).unwrap();
    url.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
}

async fn code(visit: &Visit) -> String {
    let answer = submit(visit, "/authorize", request(&[("person", "member")])).await;
    assert_eq!(answer.status(), 303);
    assert_eq!(returned(&answer, "state").as_deref(), Some("st \"<1>"));
    assert_eq!(returned(&answer, "iss").as_deref(), Some(visit.sandbox.url.as_str()));
    returned(&answer, "code").unwrap()
}

async fn token(visit: &Visit, pairs: &[(&str, &str)]) -> Result<Value, String> {
    let form = form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
    let answer = submit(visit, "/token", form).await;
    assert_eq!(answer.headers()["access-control-allow-origin"], "http://127.0.0.1:4571");
    assert_eq!(answer.headers()["cache-control"], "no-store");
    let status = answer.status();
    let body: Value = answer.json().await.unwrap();
    if status == 200 { Ok(body) } else { Err(text(&body, "/error")) }
}

async fn exchange(visit: &Visit, code: &str) -> Result<Value, String> {
    let pairs = [
        ("grant_type", "authorization_code"),
        ("client_id", CLIENT_ID),
        ("code", code),
        ("redirect_uri", BACK),
        ("code_verifier", VERIFIER),
    ];
    token(visit, &pairs).await
}

async fn refresh(visit: &Visit, refresh_token: &str) -> Result<Value, String> {
    let pairs = [
        ("grant_type", "refresh_token"),
        ("client_id", CLIENT_ID),
        ("refresh_token", refresh_token),
    ];
    token(visit, &pairs).await
}

/// The claims of a token, unverified.
fn claims(token: &str) -> Value {
    let part = token.split('.').nth(1).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
}

#[tokio::test]
async fn the_page_offers_people_and_escapes_what_it_was_given() {
    let visit = Visit::begin().await;
    let hint = ("login_hint", "\"><script>alert(1)</script>");
    let answer = visit.get(&format!("/authorize?{}", request(&[hint]))).await;
    assert_eq!(answer.status(), 200);
    let policy = answer.headers()["content-security-policy"].to_str().unwrap().to_owned();
    assert!(policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"));
    assert!(!answer.headers().contains_key("access-control-allow-origin"));
    let html = answer.text().await.unwrap();
    for expected in ["value=member", "value=admin", "st &quot;&lt;1&gt;", "&lt;script&gt;"] {
        assert!(html.contains(expected), "{expected}");
    }
    assert!(!html.contains("<script"));
}

#[tokio::test]
async fn a_person_signs_in_is_refreshed_and_signs_out() {
    let visit = Visit::begin().await;
    let first = exchange(&visit, &code(&visit).await).await.unwrap();
    let id = claims(&text(&first, "/id_token"));
    assert_eq!((&id["aud"], &id["nonce"]), (&json!(CLIENT_ID), &json!("n-1")));
    let access = text(&first, "/access_token");
    assert_eq!(claims(&access)["aud"], "prolight");
    let who = visit.http.get(format!("{}/userinfo", visit.sandbox.url)).bearer_auth(&access);
    assert_eq!(who.send().await.unwrap().json::<Value>().await.unwrap()["sub"], "user_member");

    let second = refresh(&visit, &text(&first, "/refresh_token")).await.unwrap();
    assert_eq!(claims(&text(&second, "/id_token")).get("nonce"), None);
    let hint = text(&second, "/id_token");
    let leave = |to: &str| {
        let pairs = [("id_token_hint", hint.as_str()), ("post_logout_redirect_uri", to)];
        form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish()
    };
    let elsewhere = visit.get(&format!("/sign-out?{}", leave("https://evil.example/"))).await;
    assert_eq!(elsewhere.status(), 400);
    let out = visit.get(&format!("/sign-out?{}", leave("http://127.0.0.1:4571/"))).await;
    assert_eq!(
        (out.status(), &out.headers()["location"]),
        (StatusCode::SEE_OTHER, &"http://127.0.0.1:4571/".parse().unwrap())
    );
    let refused = refresh(&visit, &text(&second, "/refresh_token")).await;
    assert_eq!(refused, Err("invalid_grant".to_owned()));
}

#[tokio::test]
async fn what_is_used_twice_ends_the_session() {
    let visit = Visit::begin().await;
    let code = code(&visit).await;
    let tokens = exchange(&visit, &code).await.unwrap();
    assert_eq!(exchange(&visit, &code).await, Err("invalid_grant".to_owned()));
    let refused = refresh(&visit, &text(&tokens, "/refresh_token")).await;
    assert_eq!(refused, Err("invalid_grant".to_owned()));
}

#[tokio::test]
async fn what_is_wrong_with_a_request_is_said_where_it_is_safe() {
    let visit = Visit::begin().await;
    for change in [
        ("client_id", "other"),
        ("client_id", ""),
        ("redirect_uri", "https://evil.example/"),
        ("redirect_uri", ""),
    ] {
        let answer = visit.get(&format!("/authorize?{}", request(&[change]))).await;
        assert_eq!(answer.status(), 400, "{change:?}");
        assert!(!answer.headers().contains_key("location"), "{change:?}");
    }
    for (change, error) in [
        (("response_type", "token"), "unsupported_response_type"),
        (("code_challenge", ""), "invalid_request"),
        (("code_challenge_method", "plain"), "invalid_request"),
        (("scope", "email"), "invalid_scope"),
        (("prompt", "none"), "login_required"),
    ] {
        let answer = visit.get(&format!("/authorize?{}", request(&[change]))).await;
        assert_eq!(answer.status(), 303, "{change:?}");
        assert_eq!(returned(&answer, "error").as_deref(), Some(error), "{change:?}");
        assert_eq!(returned(&answer, "state").as_deref(), Some("st \"<1>"), "{change:?}");
    }
    let twice = visit.get(&format!("/authorize?{}&scope=openid", request(&[]))).await;
    assert_eq!(twice.status(), 400);
    let nobody = submit(&visit, "/authorize", request(&[("other", "No Body")])).await;
    assert_eq!(nobody.status(), 400);
    assert!(nobody.text().await.unwrap().contains("value=\"No Body\""));
}

#[tokio::test]
async fn only_pages_on_this_machine_may_read_tokens() {
    let visit = Visit::begin().await;
    for (origin, allowed) in [("http://localhost:3000", true), ("https://evil.example", false)] {
        let url = format!("{}/token", visit.sandbox.url);
        let asked = visit.http.request(reqwest::Method::OPTIONS, url).header("origin", origin);
        let answer = asked.send().await.unwrap();
        assert_eq!(answer.status(), 204);
        let named = answer.headers().get("access-control-allow-origin");
        assert_eq!(named.is_some(), allowed, "{origin}");
    }
}
