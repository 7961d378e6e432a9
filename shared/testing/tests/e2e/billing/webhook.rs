//! Stripe webhooks on the deployed stack: forged, false, old, duplicated, out of order.

use std::time::{SystemTime, UNIX_EPOCH};

use demo::api::{Answer, Api, variable};
use reqwest::Method;
use sandbox::stripe::sign;
use serde_json::{Value, json};

use super::stripe;
use crate::member::{Member, answer, text, until};

#[tokio::test]
async fn what_stripe_did_not_sign_or_does_not_confirm_changes_nothing() {
    let member = Member::new().await;
    let paid = member.buy_50().await;
    let event = event_of(&paid).await;
    let event = text(&event["body"]);
    let open = member.checkout(json!({ "pack": "pack_1000" })).await;
    // The event of a payment for a session that is not paid.
    let untrue = event.replace(stripe::session_of(&paid), stripe::session_of(&open));
    let untrue = untrue.replace("evt_", "evt_untrue");
    let (secret, now) = (variable("PROLIGHT_STRIPE_WEBHOOK_SECRET").unwrap(), now());
    let signed = |at: i64| sign(untrue.as_bytes(), &[&secret], at);
    let forged = sign(untrue.as_bytes(), &["whsec_forged"], now);
    tell(&untrue, "").await.problem(400, "webhook_header_invalid");
    tell(&untrue, &forged).await.problem(400, "webhook_signature_invalid");
    tell(event, &signed(now)).await.problem(400, "webhook_signature_invalid");
    tell(&untrue, &signed(now - 301)).await.problem(400, "webhook_timestamp_invalid");
    tell(&untrue, &signed(now)).await.ok(200);
    assert_eq!(member.credits().await["available"], 60, "Stripe was asked and reports no payment");
    assert_eq!(member.invoices().await.len(), 1);
    stripe::pay(&open).await;
    member.has(1_060).await;
    member.check_books().await;
}

/// Other tests' events are duplicated and reversed meanwhile too, which changes nothing.
#[tokio::test]
async fn notices_that_come_often_and_backwards_grant_once() {
    let member = Member::new().await;
    stripe::set(json!({ "copies": 3, "order": "reverse" })).await;
    let pack = member.pay_for(json!({ "pack": "pack_50" })).await;
    stripe::set(json!({ "copies": 1, "order": "made" })).await;
    let plan = member.pay_for(json!({ "plan": "pro" })).await;
    let expected = |credits: &Value| credits["totals"]["granted"] == 10 + 50 + 500;
    member.credits_when("both", expected).await;
    let told = told_times(&event_of(&pack).await, 3).await;
    assert!(told.iter().all(|one| one["status"] == 200), "{told:?}");

    let customer = stripe::completed(&pack).await["customer"].clone();
    let all = stripe::events_about(text(&customer)).await;
    let ids: Vec<&str> = all.iter().map(|event| text(&event["id"])).collect();
    let again = json!({ "event": ids, "times": 2, "order": { "shuffle": 7 } });
    stripe::make("deliver", again).await;
    for event in &all {
        let told = told_times(event, 3).await;
        assert!(told.iter().all(|one| one["status"] == 200), "{told:?}");
    }
    let credits = member.credits().await;
    assert_eq!((&credits["available"], &credits["totals"]["granted"]), (&json!(550), &json!(560)));
    assert_eq!(member.invoices().await.len(), 2);
    assert_eq!(stripe::completed(&plan).await["customer"], customer, "one customer");
    member.check_books().await;
}

/// Waits until an event has this many deliveries. Returns them.
async fn told_times(event: &Value, times: usize) -> Vec<Value> {
    let id = text(&event["id"]);
    until(id, async || {
        let told = stripe::deliveries_of(id).await;
        (told.len() >= times).then_some(told)
    })
    .await
}

/// The completion event of a checkout.
async fn event_of(checkout: &str) -> Value {
    let events = stripe::events_about(stripe::session_of(checkout)).await;
    let done = events.into_iter().find(|event| event["type"] == "checkout.session.completed");
    done.unwrap()
}

/// Posts to the webhook.
async fn tell(body: &str, signature: &str) -> Answer {
    let request = Api::anonymous().unwrap().request(Method::POST, "/webhooks/stripe");
    let request = request
        .header("Content-Type", "application/json")
        .header("Stripe-Signature", signature)
        .body(body.to_owned());
    answer(request).await
}

/// Unix seconds.
#[expect(clippy::disallowed_methods, reason = "the deployed webhook reads a real clock")]
fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    i64::try_from(since.as_secs()).unwrap()
}
