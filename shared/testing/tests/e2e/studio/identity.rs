//! Authentication: every invalid token, and what needs no token.

use demo::api::{Answer, Api};
use reqwest::Method;
use serde_json::json;

use crate::{
    member::{GENERATIONS, Member, answer, until},
    sandbox,
};

const EMAIL: &str = "e2e-impostor@prolight.test";

#[tokio::test]
async fn nobody_comes_in_without_a_good_token() {
    let api = Api::anonymous().unwrap();
    for (method, path) in [
        (Method::GET, "/api/v1/me"),
        (Method::GET, "/api/v1/billing/credits"),
        (Method::POST, GENERATIONS),
        (Method::GET, GENERATIONS),
        (Method::POST, "/api/v1/prompts/structure"),
        (Method::DELETE, "/api/v1/presets/pre_01JD0000000000000000000000"),
    ] {
        refused(&answer(api.request(method, path)).await);
    }
    for header in ["Bearer", "Bearer not.a.token", "Basic bWVtYmVyOg==", "token"] {
        let request = api.request(Method::GET, "/api/v1/me").header("Authorization", header);
        refused(&answer(request).await);
    }
}

#[tokio::test]
async fn a_forged_token_is_no_token() {
    for flaw in [
        "expired",
        "not_yet_valid",
        "wrong_audience",
        "wrong_issuer",
        "no_subject",
        "unknown_key",
        "stolen_key_id",
        "unsigned",
        "public_key_as_secret",
        "tampered",
    ] {
        let forged = Api::with_token(sandbox::forge(EMAIL, flaw).await).unwrap();
        let refused_as = answer(forged.request(Method::GET, "/api/v1/me")).await;
        assert_eq!(refused_as.status, 401, "{flaw}");
        refused(&refused_as);
    }
}

/// The issuer creates a key when it first signs with an algorithm. The authorizer fetches the keys
/// again for an unknown key id, but at most once a minute: forged tokens cost the issuer nothing.
#[tokio::test]
async fn a_token_under_any_key_of_the_issuer_is_good_within_a_minute() {
    let mut tokens = Vec::new();
    for algorithm in ["ES256", "RS256", "EdDSA"] {
        let token = sandbox::sign_in(EMAIL, json!({ "algorithm": algorithm })).await;
        tokens.push((algorithm, token));
    }
    for (algorithm, token) in tokens {
        let member = Member(Api::with_token(token).unwrap());
        let me = until(algorithm, async || {
            let me = member.get("/api/v1/me").await;
            (me.status == 200).then(|| me.json())
        });
        assert_eq!(me.await["email"], EMAIL, "{algorithm}");
    }
}

/// The claim reaches the functions through the authorizer and the gateway.
#[tokio::test]
async fn free_credits_and_payouts_are_for_a_verified_address() {
    let email = format!("unverified-{:08x}@prolight.test", rand::random::<u32>());
    let member = Member(Api::with_token(sandbox::sign_in(&email, json!({})).await).unwrap());
    let me = member.get("/api/v1/me").await.ok(200);
    assert_eq!((&me["email"], &me["email_verified"]), (&json!(email), &json!(false)));
    assert_eq!(
        (&me["credits"]["available"], &me["credits"]["next_grant"]),
        (&json!(0), &json!(null))
    );
    let order = json!({ "prompt": "a lamp" });
    member.post(GENERATIONS, &order).await.problem(403, "email_unverified");
    let onboarding = "/api/v1/marketplace/creator/onboarding";
    member.post(onboarding, &json!({})).await.problem(403, "email_unverified");
}

#[tokio::test]
async fn staff_are_known_by_their_role() {
    for (person, role) in
        [("MEMBER", json!(null)), ("MODERATOR", json!("moderator")), ("ADMIN", json!("admin"))]
    {
        let me = Member(Api::of(person).unwrap()).get("/api/v1/me").await.ok(200);
        assert_eq!(me["role"], role, "{person}");
    }
}

#[tokio::test]
async fn prices_and_health_are_for_everybody() {
    let api = Api::anonymous().unwrap();
    let plans = answer(api.request(Method::GET, "/api/v1/billing/plans")).await;
    assert_eq!(plans.header("cache-control"), Some("public, max-age=300"));
    let plans = plans.ok(200);
    let names = plans["items"].as_array().unwrap().iter().map(|plan| plan["plan"].clone());
    assert_eq!(names.collect::<Vec<_>>(), ["free", "pro", "enterprise"]);
    assert_eq!(plans["items"][0]["monthly_credits"], 10);
    let health = answer(api.request(Method::GET, "/health")).await;
    assert_eq!(health.ok(200)["status"], "ok");
}

#[track_caller]
fn refused(answer: &Answer) {
    let problem = answer.problem(401, "unauthenticated");
    assert_eq!(problem["status"], 401);
    assert_eq!(answer.header("www-authenticate"), Some(r#"Bearer realm="prolight""#), "{problem}");
}
