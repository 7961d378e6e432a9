//! With the sandbox's Bria as the provider: real signed webhooks through the gateway, and faults.

use demo::api::Api;
use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    member::{Member, answer, quick, text, until},
    sandbox::{self, deliveries, leaks, marker, submissions},
};

#[tokio::test]
async fn a_signed_webhook_brings_the_image() {
    let (member, marker) = (Member::new().await, marker());
    let order = json!({
        "prompt": format!("a bust, {marker}"),
        "lighting": { "lights": [{ "role": "key" }, { "role": "rim" }] },
        "negative_prompt": "clutter",
    });
    let job = made(&member, &order).await;
    assert_eq!(job["charge"]["status"], "captured");
    let image = member.0.fetch(text(&job["image"]["url"])).await.unwrap();
    assert_eq!(image.get(1..4), Some(b"PNG".as_slice()));
    assert_eq!(submissions(&marker).await.len(), 1, "submitted once");
    let told = until("the webhook's journal", async || {
        let told = deliveries(text(&job["id"])).await;
        (!told.is_empty()).then_some(told)
    });
    assert_eq!(seen(&told.await), [("genuine", 200)]);
    assert_eq!(leaks().await, 0, "the token is never sent to result URLs");
    member.check_books().await;
}

#[tokio::test]
async fn a_forged_webhook_changes_nothing() {
    let (member, marker) = (Member::new().await, marker());
    sandbox::order(json!({ "webhook": "forged" }), &marker).await;
    let job = made(&member, &quick(&format!("a bottle, {marker}"))).await;
    let told = until("both notices", async || {
        let told = deliveries(text(&job["id"])).await;
        (told.len() > 1).then_some(told)
    });
    assert_eq!(seen(&told.await), [("forged", 400), ("genuine", 200)]);

    let notice = json!({ "request_id": "0123456789abcdef", "status": "COMPLETED" });
    let request = Api::anonymous().unwrap().request(Method::POST, "/webhooks/bria?job=x");
    let forged = request
        .header("Bria-Webhook-Id", "0123456789abcdef")
        .header("Bria-Webhook-Timestamp", "1700000000")
        .header("Bria-Webhook-Signature", "v1=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=")
        .json(&notice);
    answer(forged).await.problem(400, "webhook_signature_invalid");
    member.check_books().await;
}

#[tokio::test]
async fn notices_that_come_twice_charge_once() {
    let (member, marker) = (Member::new().await, marker());
    sandbox::order(json!({ "webhook": { "duplicate": { "copies": 4 } } }), &marker).await;
    let job = made(&member, &quick(&format!("a sphere, {marker}"))).await;
    let told = until("all notices", async || {
        let told = deliveries(text(&job["id"])).await;
        (told.len() > 4).then_some(told)
    });
    assert!(seen(&told.await).iter().all(|(_, status)| *status == 200));
    assert_eq!(member.credits().await["totals"]["spent"], 1);
    member.check_books().await;
}

#[tokio::test]
async fn a_blocked_prompt_costs_nothing() {
    let failure = json!({ "answer": "blocked" });
    let (member, job, asked) = failed(failure, "content_blocked").await;
    assert_eq!((job["charge"]["status"].as_str(), asked), (Some("released"), 1), "{job}");
    assert_eq!(member.credits().await["available"], 10);
}

#[tokio::test]
async fn an_image_that_fails_costs_nothing() {
    for outcome in [json!("failed"), json!({ "error": {} }), json!({ "error": { "code": 422 } })] {
        let blocked = outcome["error"]["code"] == 422;
        let code = if blocked { "content_blocked" } else { "provider_rejected" };
        let (member, job, asked) = failed(json!({ "outcome": outcome }), code).await;
        assert_eq!((job["charge"]["status"].as_str(), asked), (Some("released"), 1), "{job}");
        assert_eq!(member.credits().await["available"], 10);
    }
}

#[tokio::test]
async fn what_is_not_an_image_costs_nothing() {
    for picture in ["huge", "truncated", "bomb", "html_page", "redirect"] {
        let (member, job, _) = failed(json!({ "picture": picture }), "result_invalid").await;
        assert_eq!(job["charge"]["status"], "released", "{picture}: {job}");
        assert_eq!(member.credits().await["available"], 10);
    }
}

#[tokio::test]
async fn a_busy_provider_is_asked_again() {
    let (member, marker) = (Member::new().await, marker());
    sandbox::order(json!({ "answer": { "too_many": { "retry_after_s": 1 } } }), &marker).await;
    made(&member, &quick(&format!("a bust, {marker}"))).await;
    let statuses = submissions(&marker).await.iter().map(|one| one["status"].clone()).collect();
    assert_eq!(Value::Array(statuses), json!([429, 202]));
    member.check_books().await;
}

/// The provider accepted the job but its response was unreadable: the webhook names the request.
#[tokio::test]
async fn an_unreadable_answer_is_never_a_second_request() {
    for fault in ["malformed_json", "server_error_after_accepting", "broken_connection"] {
        let (member, marker) = (Member::new().await, marker());
        sandbox::order(json!({ "answer": fault }), &marker).await;
        made(&member, &quick(&format!("a vase, {marker}"))).await;
        assert_eq!(submissions(&marker).await.len(), 1, "{fault}");
        member.check_books().await;
    }
}

#[tokio::test]
async fn a_prompt_is_structured_by_the_provider() {
    let member = Member::new().await;
    let ask = json!({ "prompt": "a perfume bottle", "camera": { "aperture": 2.0 } });
    let structured = member.post("/api/v1/prompts/structure", &ask).await.ok(200);
    assert_eq!(structured["structured_by"], "bria");
    let order = json!({ "structured_prompt": structured["structured_prompt"], "quality": "lite" });
    made(&member, &order).await;
    member.check_books().await;
}

/// Orders an image and waits for it; asserts the provider.
async fn made(member: &Member, order: &Value) -> Value {
    let job = member.make(order).await;
    assert_eq!(job["provider"], "bria", "deploy with PROLIGHT_IMAGE_PROVIDER=bria ./scripts/up");
    job
}

/// Orders an image that meets `fault`. Returns its member, the failed job, and the number of
/// submissions.
async fn failed(fault: Value, code: &str) -> (Member, Value, usize) {
    let (member, marker) = (Member::new().await, marker());
    sandbox::order(fault, &marker).await;
    let job = member.order(&quick(&format!("a bust, {marker}"))).await;
    let job = member.follow(&job).await;
    assert_eq!((&job["status"], &job["error"]["code"]), (&json!("failed"), &json!(code)), "{job}");
    member.check_books().await;
    (member, job, submissions(&marker).await.len())
}

/// The deliveries, as kind and status.
fn seen(told: &[Value]) -> Vec<(&str, u64)> {
    told.iter()
        .map(|one| (text(&one["notice"]), one["status"].as_u64().unwrap_or_default()))
        .collect()
}
