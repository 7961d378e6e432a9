//! Invalid input and its error responses. Every rule has its own test beside its code; these show
//! that the deployed edge responds the same way.

use reqwest::Method;
use serde_json::{Value, json};

use crate::member::{GENERATIONS, Member, answer, quick};

#[tokio::test]
async fn every_wrong_field_is_named() {
    let member = Member::new().await;
    let check = async |order: Value, pointer: &str, code: &str| {
        let problem = member.post(GENERATIONS, &order).await.problem(422, "invalid_request");
        let errors = problem["errors"].as_array().unwrap();
        let named = errors.iter().any(|e| e["pointer"] == pointer && e["code"] == code);
        assert!(named, "{pointer} {code} in {problem}");
    };
    check(json!({ "prompt": "a bust", "colour": "red" }), "/colour", "unknown_field").await;
    check(json!({ "prompt": 7 }), "/prompt", "wrong_type").await;
    check(json!({ "prompt": " " }), "/prompt", "empty").await;
    check(json!({ "prompt": "x".repeat(2_001) }), "/prompt", "too_long").await;
    check(json!({ "prompt": "a", "lighting": { "lights": [] } }), "/lighting/lights", "count")
        .await;
    check(json!({}), "", "one_of").await;
    let nothing_spent = member.credits().await;
    assert_eq!(nothing_spent["available"], 10);
    member.check_books().await;
}

#[tokio::test]
async fn what_is_not_json_or_too_much_is_refused() {
    let member = Member::new().await;
    let post = async |body: String, content_type: &str| {
        let request = member.request(Method::POST, GENERATIONS).header("Idempotency-Key", "k");
        answer(request.header("Content-Type", content_type).body(body)).await
    };
    post("{".into(), "application/json").await.problem(400, "malformed_json");
    post("prompt=a".into(), "text/plain").await.problem(415, "unsupported_media_type");
    let large = quick(&"x".repeat(65 * 1024)).to_string();
    post(large, "application/json").await.problem(413, "body_too_large");
    let keyless = member.request(Method::POST, GENERATIONS).json(&quick("a bust"));
    answer(keyless).await.problem(400, "idempotency_key_required");
}
