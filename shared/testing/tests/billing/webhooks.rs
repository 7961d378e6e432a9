//! Acceptance of requests to the Stripe webhook.

use futures_util::future::join_all;
use sandbox::{
    faults::{AnswerFault, Fault, Order},
    stripe::Card,
};
use serde_json::{Value, json};

use crate::billing_app::{BillingApp, SECRET, SECRET_BEFORE, id_of, kind_of};

/// A app with one paid pack, and its undelivered event.
async fn paid() -> (BillingApp, testing::Actor, String) {
    let app = BillingApp::new().await;
    let ann = app.new_member("ann");
    let url = app.checkout(&ann, json!({"pack": "pack_50"})).await;
    app.pay(&url, Card::Succeeds);
    let completed = |event: &String| kind_of(event) == "checkout.session.completed";
    let event = app.events().into_iter().find(completed).unwrap();
    (app, ann, event)
}

#[tokio::test]
async fn only_a_recent_signature_of_stripe_is_accepted() {
    let (app, ann, event) = paid().await;
    let now = app.now().as_secs();
    let sign = |secret: &str, at: i64| app.stripe().sign(&event, secret, at);
    let check = async |body: &str, signature: &str, expected: &str| {
        let answer = app.deliver_signed(body, signature).await;
        assert_eq!(answer.brief(), expected, "{signature}");
    };
    check(&event, "", "400 webhook_header_invalid").await;
    check(&event, "v1=abc", "400 webhook_header_invalid").await;
    let (forged, stale) = ("400 webhook_signature_invalid", "400 webhook_timestamp_invalid");
    check(&event, &sign("whsec_forged", now), forged).await;
    check(&event.replace("pack_50", "pack_1000"), &sign(SECRET, now), forged).await;
    check(&event, &sign(SECRET, now).replace("v1", "v0"), forged).await;
    check(&event, &sign(SECRET, now - 301), stale).await;
    check(&event, &sign(SECRET, now + 301), stale).await;
    assert_eq!(app.credits(&ann).await["available"], 10);
    check(&event, &sign(SECRET_BEFORE, now - 299), "200").await;
    assert_eq!(app.credits(&ann).await["available"], 60);
    app.close().await;
}

#[tokio::test]
async fn a_body_in_base64_is_accepted_and_one_that_is_too_large_is_not() {
    use base64::Engine as _;
    let (app, ann, event) = paid().await;
    let signature = app.stripe().sign(&event, SECRET, app.now().as_secs());
    let encoded = base64::engine::general_purpose::STANDARD.encode(&event);
    let answer = app.deliver_encoded(&encoded, &signature).await;
    assert_eq!(answer.brief(), "200");
    let picture = base64::engine::general_purpose::STANDARD.encode([0xff, 0xd8]);
    let answer = app.deliver_encoded(&picture, &signature).await;
    assert_eq!(answer.brief(), "400 body_not_text");
    assert_eq!(app.credits(&ann).await["available"], 60);
    let large = format!("{{\"pad\": \"{}\"}}", "x".repeat(256 * 1024));
    let signature = app.stripe().sign(&large, SECRET, app.now().as_secs());
    assert_eq!(app.deliver_signed(&large, &signature).await.status(), 413);
    app.close().await;
}

#[tokio::test]
async fn the_same_event_fifty_times_at_once_is_one_grant() {
    let (app, ann, event) = paid().await;
    let taken = join_all((0..50).map(|_| app.deliver(&event))).await;
    assert!(taken.iter().all(|status| *status == 200), "{taken:?}");
    assert_eq!(app.credits(&ann).await["available"], 60);
    assert_eq!(app.account(&ann.id).await.credits.totals().granted, 60);
    app.close().await;
}

#[tokio::test]
async fn different_events_of_one_payment_at_once_are_one_grant() {
    let (app, ann, event) = paid().await;
    let copies: Vec<String> =
        (0..12).map(|nth| event.replace(&id_of(&event), &format!("evt_copy{nth}"))).collect();
    let taken = join_all(copies.iter().map(|copy| app.deliver(copy))).await;
    assert!(taken.iter().all(|status| *status == 200 || *status == 503), "{taken:?}");
    for copy in &copies {
        assert_eq!(app.deliver(copy).await, 200);
    }
    assert_eq!(app.account(&ann.id).await.credits.totals().granted, 60);
    app.close().await;
}

#[tokio::test]
async fn an_event_that_cannot_be_used_is_parked_and_one_that_is_not_ours_is_not() {
    let (app, ann, event) = paid().await;
    let parked = async || app.store.parked_events(None, 100).await.unwrap().items;
    let with = |change: &dyn Fn(&mut Value)| {
        let mut changed: Value = serde_json::from_str(&event).unwrap();
        changed["id"] = json!("evt_changed");
        change(&mut changed);
        changed.to_string()
    };
    // An event type that we do not process, another mode, another account's customer.
    let unknown = with(&|event| event["type"] = json!("payout.paid"));
    let live = with(&|event| event["livemode"] = json!(true));
    for body in [unknown, live] {
        assert_eq!(app.deliver(&body).await, 200);
        assert!(parked().await.is_empty(), "{body}");
    }
    // Not an event, a known type without its object, a payment for an unknown order.
    let bare = with(&|event| event["data"] = json!({}));
    let id = |event: &Value| event["data"]["object"]["id"].as_str().unwrap().to_owned();
    let missing = with(&|event| {
        let session = id(event);
        event["data"]["object"]["id"] = json!(format!("{session}x"));
    });
    for (nth, body) in ["{}".to_owned(), "[]".to_owned(), bare, missing].iter().enumerate() {
        assert_eq!(app.deliver(body).await, 200, "{body}");
        assert_eq!(app.deliver(body).await, 200, "again");
        assert!(parked().await.len() >= nth.min(2), "{body}");
    }
    assert_eq!(parked().await.len(), 3, "{:#?}", parked().await);
    assert_eq!(app.credits(&ann).await["available"], 10);
    app.close().await;
}

#[tokio::test]
async fn while_stripe_does_not_answer_the_event_is_sent_again() {
    let (app, ann, event) = paid().await;
    let down = Order::next(Fault::Answer(AnswerFault::ServerError));
    app.sandbox.order(down.on_marker("/stripe/v1/checkout").times(3)).unwrap();
    assert_eq!(app.deliver(&event).await, 503);
    assert_eq!(app.credits(&ann).await["available"], 10);
    assert_eq!(app.deliver(&event).await, 200);
    assert_eq!(app.credits(&ann).await["available"], 60);
    app.close().await;
}

#[tokio::test]
async fn an_event_that_is_faster_than_our_own_answer_is_applied() {
    let app = BillingApp::new().await;
    let ann = app.new_member("ann");
    // The session is open at Stripe, and the process dies before it is stored.
    let engine = &app.engine;
    engine.order("UpdateItem", 1, testing::Fault::HangBefore);
    let opened = app.try_checkout(&ann, "key", json!({"pack": "pack_50"}));
    assert!(engine.until_hung(opened).await.is_none());
    let url = app.newest_page().await;
    app.pay(&url, Card::Succeeds);
    app.deliver_events().await;
    assert_eq!(app.credits(&ann).await["available"], 60);
    // The member's retry returns the paid session.
    let again = app.try_checkout(&ann, "key", json!({"pack": "pack_50"})).await;
    assert_eq!(again.status(), 201, "{}", again.pretty());
    app.deliver_events().await;
    assert_eq!(app.credits(&ann).await["available"], 60);
    app.close().await;
}
