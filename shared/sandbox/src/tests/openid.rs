//! The issuer, from a verifier's side.

use std::os::unix::fs::PermissionsExt;

use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header, jwk::JwkSet};

use super::*;
use crate::openid::{AUDIENCE, Flaw};

/// Verifies a token strictly: its claims, or `None`.
async fn verify(visit: &Visit, token: &str) -> Option<Value> {
    let discovery: Value =
        visit.get("/.well-known/openid-configuration").await.json().await.unwrap();
    assert_eq!(discovery["issuer"], visit.sandbox.url);
    let keys: JwkSet =
        visit.http.get(text(&discovery, "/jwks_uri")).send().await.unwrap().json().await.unwrap();
    let key = keys.find(&decode_header(token).ok()?.kid?)?;
    let algorithm = key.common.key_algorithm?.to_string().parse::<Algorithm>().ok()?;
    let mut rules = Validation::new(algorithm);
    rules.validate_nbf = true;
    rules.set_audience(&[AUDIENCE]);
    rules.set_issuer(&[&visit.sandbox.url]);
    rules.set_required_spec_claims(&["exp", "nbf", "aud", "iss", "sub"]);
    decode::<Value>(token, &DecodingKey::from_jwk(key).ok()?, &rules).ok().map(|good| good.claims)
}

async fn ask(visit: &Visit, form: &[(&str, &str)]) -> Response {
    let body: Vec<String> = form.iter().map(|(name, value)| format!("{name}={value}")).collect();
    visit
        .http
        .post(format!("{}/token", visit.sandbox.url))
        .header("content-type", "application/x-www-form-urlencoded")
        .body(body.join("&").replace('@', "%40"))
        .send()
        .await
        .unwrap()
}

#[tokio::test]
async fn people_get_tokens_by_form_and_by_json() {
    let visit = Visit::begin().await;
    let form = [("grant_type", "password"), ("username", "admin@prolight.test")];
    let answer = ask(&visit, &form).await;
    assert_eq!(answer.headers()["cache-control"], "no-store");
    let answer: Value = answer.json().await.unwrap();
    assert_eq!((&answer["token_type"], &answer["expires_in"]), (&json!("Bearer"), &json!(3600)));
    let claims = verify(&visit, &text(&answer, "/access_token")).await.unwrap();
    assert_eq!(claims["sub"], "user_admin");
    assert_eq!(claims["email"], "admin@prolight.test");
    assert_eq!(claims["name"], "Admin");
    assert_eq!(claims.pointer("/app_metadata/role"), Some(&json!("admin")));

    let body = json!({
        "grant_type": "password", "username": "fresh-1@prolight.test", "expires_in": 60,
    });
    let answer: Value = visit.post("/token", &body).await.json().await.unwrap();
    let claims = verify(&visit, &text(&answer, "/access_token")).await.unwrap();
    assert_eq!(claims["sub"], "user_fresh-1");
    assert_eq!(claims.get("app_metadata"), None);
    assert_eq!(claims["exp"].as_u64().unwrap() - claims["iat"].as_u64().unwrap(), 60);
}

#[tokio::test]
async fn what_is_no_request_for_a_token_is_refused() {
    let visit = Visit::begin().await;
    let member = ("username", "member@prolight.test");
    for (form, code) in [
        (vec![("grant_type", "password"), ("username", "who@example.com")], "invalid_grant"),
        (vec![("grant_type", "password")], "invalid_grant"),
        (vec![("grant_type", "implicit"), member], "unsupported_grant_type"),
        (vec![member], "unsupported_grant_type"),
        (vec![("grant_type", "password"), member, ("expires_in", "soon")], "invalid_request"),
    ] {
        let answer = ask(&visit, &form).await;
        assert_eq!(answer.status(), 400, "{form:?}");
        assert_eq!(answer.json::<Value>().await.unwrap()["error"], code, "{form:?}");
    }
}

#[tokio::test]
async fn every_algorithm_is_published_and_signs() {
    let visit = Visit::begin().await;
    for algorithm in ["ES256", "RS256", "EdDSA"] {
        let body = json!({
            "grant_type": "password", "username": "member@prolight.test", "algorithm": algorithm,
        });
        let answer: Value = visit.post("/token", &body).await.json().await.unwrap();
        let token = text(&answer, "/access_token");
        let header = serde_json::to_value(decode_header(&token).unwrap().alg).unwrap();
        assert_eq!(header, algorithm);
        assert_eq!(verify(&visit, &token).await.unwrap()["sub"], "user_member", "{algorithm}");
    }
}

#[tokio::test]
async fn no_careful_verifier_takes_a_forged_token() {
    let visit = Visit::begin().await;
    for flaw in [
        Flaw::Expired,
        Flaw::NotYetValid,
        Flaw::WrongAudience,
        Flaw::WrongIssuer,
        Flaw::NoSubject,
        Flaw::UnknownKey,
        Flaw::StolenKeyId,
        Flaw::Unsigned,
        Flaw::PublicKeyAsSecret,
        Flaw::Tampered,
    ] {
        let body = json!({ "email": "member@prolight.test", "flaw": flaw });
        let answer = visit.post("/_sandbox/openid/forge", &body).await;
        assert_eq!(answer.status(), 200, "{flaw:?}");
        let token = text(&answer.json().await.unwrap(), "/access_token");
        assert_eq!(token.split('.').count(), 3, "{flaw:?}");
        assert_eq!(verify(&visit, &token).await, None, "{flaw:?}");
    }
}

/// The forgery passes a verifier that lets the token choose the algorithm.
#[tokio::test]
async fn the_public_key_really_is_the_secret() {
    let visit = Visit::begin().await;
    let token = visit.sandbox.forge("member@prolight.test", Flaw::PublicKeyAsSecret).unwrap();
    let keys: JwkSet = visit.get("/jwks.json").await.json().await.unwrap();
    let mut rules = Validation::new(Algorithm::HS256);
    rules.set_audience(&[AUDIENCE]);
    let key = DecodingKey::from_jwk(&keys.keys[0]).unwrap();
    let secret = DecodingKey::from_secret(key.try_get_as_bytes().unwrap());
    assert!(decode::<Value>(&token, &secret, &rules).is_ok());
}

#[tokio::test]
async fn keys_rotate_and_the_old_one_stays_until_it_is_retired() {
    let visit = Visit::begin().await;
    let old = visit.sandbox.token("member@prolight.test").unwrap();
    visit.post("/_sandbox/openid/rotate", &json!({})).await;
    let new = visit.sandbox.token("member@prolight.test").unwrap();
    assert_ne!(decode_header(&old).unwrap().kid, decode_header(&new).unwrap().kid);
    assert!(verify(&visit, &old).await.is_some() && verify(&visit, &new).await.is_some());
    visit.post("/_sandbox/openid/retire", &json!({})).await;
    assert!(verify(&visit, &old).await.is_none() && verify(&visit, &new).await.is_some());
    for _ in 0..20 {
        visit.post("/_sandbox/openid/rotate", &json!({})).await;
    }
    let keys: JwkSet = visit.get("/jwks.json").await.json().await.unwrap();
    assert_eq!(keys.keys.len(), 8, "bounded");
}

#[tokio::test]
async fn tokens_survive_a_restart() {
    let folder = std::env::temp_dir().join(format!("sandbox-{:016x}", rand::random::<u64>()));
    let start = || Sandbox::start(Config { state: Some(folder.clone()), ..Config::default() });
    let key_id = |sandbox: &RunningSandbox| {
        decode_header(sandbox.token("member@prolight.test").unwrap()).unwrap().kid
    };
    let first = start().await.unwrap();
    let mode = std::fs::metadata(folder.join("openid-keys.json")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let id = key_id(&first);
    drop(first);
    assert_eq!(key_id(&start().await.unwrap()), id);

    std::fs::write(folder.join("openid-keys.json"), "not JSON").unwrap();
    let refused = start().await.unwrap_err();
    assert!(refused.to_string().contains("is not a file of keys"), "{refused}");
    std::fs::remove_dir_all(folder).unwrap();
}
