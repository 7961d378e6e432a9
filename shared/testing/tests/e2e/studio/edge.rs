//! The edge, as browsers and operators see it: CORS, unknown routes, request ids.

use demo::api::{Api, variable};
use reqwest::Method;

use crate::member::{GENERATIONS, Member, answer};

const ONE: &str = "/api/v1/generations/gen_01JD0000000000000000000000";

/// Origin of the frontend that the stack is deployed for.
fn origin() -> String {
    variable("FRONTEND_URL").unwrap()
}

#[tokio::test]
async fn a_browser_may_call_from_our_frontend() {
    let api = Api::anonymous().unwrap();
    for (method, path) in [
        ("POST", GENERATIONS),
        ("GET", ONE),
        ("POST", "/api/v1/generations/gen_01JD0000000000000000000000/cancel"),
        ("POST", "/api/v1/prompts/structure"),
        ("POST", "/api/v1/presets"),
        ("DELETE", "/api/v1/presets/pre_01JD0000000000000000000000"),
        ("PATCH", "/api/v1/me"),
        ("GET", "/api/v1/billing/plans"),
        ("GET", "/api/v1/billing/credits"),
        ("POST", "/api/v1/billing/checkout"),
        ("POST", "/api/v1/billing/subscription/cancel"),
        ("PUT", "/api/v1/billing/top-up"),
        ("GET", "/api/v1/billing/invoices/inv_01JD0000000000000000000000/pdf"),
    ] {
        let request = api
            .request(Method::OPTIONS, path)
            .header("Origin", origin())
            .header("Access-Control-Request-Method", method)
            .header("Access-Control-Request-Headers", "authorization,idempotency-key");
        let preflight = answer(request).await;
        assert!(matches!(preflight.status, 200 | 204), "{path}: {}", preflight.status);
        let header = |name: &str| preflight.header(name).unwrap_or_default().to_lowercase();
        assert_eq!(header("access-control-allow-origin"), "*", "{path}");
        assert!(header("access-control-allow-methods").contains(&method.to_lowercase()), "{path}");
        for name in [
            "authorization",
            "idempotency-key",
            "if-match",
            "if-none-match",
            "prefer",
            "traceparent",
            "x-request-id",
        ] {
            assert!(header("access-control-allow-headers").contains(name), "{name} on {path}");
        }
    }
}

#[tokio::test]
async fn answers_can_be_read_by_the_frontend_refusals_too() {
    let member = Member::new().await;
    let from = async |api: &Api, path: &str| {
        answer(api.request(Method::GET, path).header("Origin", origin())).await
    };
    let me = from(&member.0, "/api/v1/me").await;
    let exposed = me.header("access-control-expose-headers").unwrap_or_default();
    for name in ["ETag", "Idempotency-Replayed", "Location", "Retry-After", "x-request-id"] {
        assert!(exposed.contains(name), "{name} in {exposed}");
    }
    let nobody = Api::anonymous().unwrap();
    for (status, seen, allowed) in [
        (200, me, origin()),
        (404, from(&member.0, ONE).await, origin()),
        (401, from(&nobody, "/api/v1/me").await, "*".to_owned()),
        (404, from(&member.0, "/api/v1/nowhere").await, "*".to_owned()),
        (200, from(&nobody, "/api/v1/billing/plans").await, "*".to_owned()),
    ] {
        assert_eq!(seen.status, status);
        assert_eq!(seen.header("access-control-allow-origin"), Some(&allowed[..]), "{status}");
    }
}

#[tokio::test]
async fn a_route_that_is_not_there_is_a_problem_like_any_other() {
    let member = Member::new().await;
    for (method, path) in [
        (Method::GET, "/api/v1/nowhere"),
        (Method::GET, "/nowhere"),
        (Method::PUT, "/api/v1/me"),
        (Method::DELETE, GENERATIONS),
        (Method::GET, "/api/v1/admin/nowhere"),
    ] {
        answer(member.request(method, path)).await.problem(404, "not_found");
    }
}

#[tokio::test]
async fn a_request_keeps_the_name_its_caller_gave_it() {
    let member = Member::new().await;
    let named =
        |header: &str, name: &str| answer(member.request(Method::GET, ONE).header(header, name));
    for header in ["X-Request-Id", "X-Correlation-Id"] {
        let seen = named(header, "checkout-7:retry.2").await;
        assert_eq!(seen.header("x-request-id"), Some("checkout-7:retry.2"));
        let problem = seen.problem(404, "generation_not_found");
        assert_eq!(problem["request_id"], "checkout-7:retry.2");
    }
    let unusable = named("X-Request-Id", "a b").await;
    let given = unusable.header("x-request-id").unwrap();
    assert!(given != "a b" && !given.is_empty(), "{given}");
    assert_ne!(member.get(ONE).await.header("x-request-id"), Some(given));
}

#[tokio::test]
async fn a_webhook_without_a_signature_is_not_believed() {
    let api = Api::anonymous().unwrap();
    let notice = serde_json::json!({ "request_id": "r", "status": "COMPLETED" });
    let request = api.request(Method::POST, "/webhooks/bria?job=x").json(&notice);
    let refused = answer(request).await;
    refused.problem(400, "webhook_header_invalid");
}
