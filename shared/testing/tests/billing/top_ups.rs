//! Automatic top-ups with the saved card.

use sandbox::{
    faults::{AnswerFault, Fault, Order},
    route::Route,
    stripe::Card,
};
use serde_json::{Value, json};
use testing::Actor;

use crate::billing_app::{BillingApp, all_done};

fn settings() -> Value {
    json!({"enabled": true, "pack": "pack_50", "below": 20, "monthly_max": 2})
}

/// A member of Free with 60 credits, a saved card, and top-ups turned on.
async fn with_top_ups(card: Card) -> (BillingApp, Actor) {
    let app = BillingApp::new().await;
    let ann = app.new_member("ann");
    app.buy(&ann, "pack_50").await;
    let customer = app.billing(&ann).await.customer.unwrap();
    app.stripe().set_card(customer.as_str(), card).unwrap();
    app.deliver_events().await;
    assert_eq!(app.top_up(&ann, settings()).await.status(), 200);
    app.relay_top_ups().await;
    assert_eq!(app.credits(&ann).await["available"], 60, "nothing is due");
    (app, ann)
}

async fn state(app: &BillingApp, of: &Actor) -> Value {
    app.subscription(of).await["top_up"].clone()
}

#[tokio::test]
async fn a_pack_is_bought_when_the_balance_falls_below() {
    let (app, ann) = with_top_ups(Card::Succeeds).await;
    app.spend(&ann, 40).await;
    assert_eq!(app.relay_top_ups().await, 0, "twenty is not below twenty");
    app.spend(&ann, 1).await;
    assert_eq!(app.relay_top_ups().await, 1);
    assert_eq!(app.credits(&ann).await["available"], 69);
    assert_eq!(state(&app, &ann).await["status"], "armed");
    assert_eq!(state(&app, &ann).await["bought_this_month"], 1);
    app.deliver_events().await;
    assert_eq!(app.credits(&ann).await["available"], 69, "its own events change nothing");
    assert_eq!(app.invoices(&ann).await.len(), 2);
    // Twice a month and no more.
    app.spend(&ann, 60).await;
    assert_eq!(app.relay_top_ups().await, 1);
    app.spend(&ann, 50).await;
    assert_eq!(app.relay_top_ups().await, 0);
    app.close().await;
}

#[tokio::test]
async fn turning_it_off_and_on_buys_no_more_in_a_month() {
    let (app, ann) = with_top_ups(Card::Succeeds).await;
    let mut bought = 0;
    for _ in 0..6 {
        let left = app.credits(&ann).await["available"].as_u64().unwrap();
        app.spend(&ann, u32::try_from(left).unwrap() - 5).await;
        bought += app.relay_top_ups().await;
        let off = app.top_up(&ann, json!({"enabled": false})).await;
        assert_eq!(off.json(), json!({"card_saved": null, "top_up": null}));
        assert_eq!(state(&app, &ann).await, json!(null));
        assert_eq!(app.relay_top_ups().await, 0, "nothing is bought while it is off");
        let on = app.top_up(&ann, settings()).await.json();
        assert_eq!(on["top_up"]["bought_this_month"], bought);
        app.engine.stream_batch();
    }
    assert_eq!(bought, 2, "the cap of the month");
    assert_eq!(app.invoices(&ann).await.len(), 3, "the first pack, and these");
    app.close().await;
}

/// Stripe does not answer the worker, so it is unknown whether the card was charged.
#[tokio::test]
async fn a_pending_charge_is_still_known_after_it_is_turned_off() {
    let (app, ann) = with_top_ups(Card::Succeeds).await;
    app.spend(&ann, 50).await;
    let fault = Fault::Answer(AnswerFault::ServerErrorAfterAccepting);
    let order = Order::next(fault).on_route(Route::StripePayments);
    app.sandbox.order(order.times(4)).unwrap();
    app.send_top_up_message(&json!(ann.id)).await;
    assert_eq!(state(&app, &ann).await["status"], "charging");
    assert_eq!(app.top_up(&ann, json!({"enabled": false})).await.status(), 200);
    let on = app.top_up(&ann, settings()).await.json();
    assert_eq!(on["top_up"]["status"], "charging", "{on}");
    assert_eq!(on["top_up"]["bought_this_month"], 1, "{on}");
    for _ in 0..4 {
        app.send_top_up_message(&json!(ann.id)).await;
    }
    assert_eq!(app.send_top_up_message(&json!(ann.id)).await, all_done());
    app.deliver_events().await;
    assert_eq!(app.credits(&ann).await["available"], 60);
    assert_eq!(state(&app, &ann).await["status"], "armed");
    let charged = app.stripe().event_types();
    let charged = charged.iter().filter(|kind| *kind == "charge.succeeded").count();
    assert_eq!(charged, 2, "the first pack, and one more");
    app.close().await;
}

#[tokio::test]
async fn a_card_that_is_not_charged_pauses_it_with_its_reason() {
    for (card, reason) in [
        (Card::Declines, "card_declined"),
        (Card::LacksFunds, "card_declined"),
        (Card::Authenticates, "authentication_required"),
    ] {
        let (app, ann) = with_top_ups(card).await;
        app.spend(&ann, 50).await;
        assert_eq!(app.relay_top_ups().await, 1);
        app.deliver_events().await;
        let shown = state(&app, &ann).await;
        assert_eq!((&shown["status"], &shown["reason"]), (&json!("paused"), &json!(reason)));
        assert_eq!(shown["bought_this_month"], 0);
        assert_eq!(app.credits(&ann).await["available"], 10);
        // It retries only after it is turned on again.
        app.spend(&ann, 1).await;
        assert_eq!(app.relay_top_ups().await, 0);
        let customer = app.billing(&ann).await.customer.unwrap();
        app.stripe().set_card(customer.as_str(), Card::Succeeds).unwrap();
        assert_eq!(app.top_up(&ann, settings()).await.status(), 200);
        assert_eq!(app.relay_top_ups().await, 1);
        assert_eq!(app.credits(&ann).await["available"], 59, "{reason}");
        app.close().await;
    }
}

#[tokio::test]
async fn without_a_card_it_is_refused_with_a_page_to_add_one() {
    let app = BillingApp::new().await;
    let ann = app.new_member("ann");
    let refused = app.top_up(&ann, settings()).await;
    assert_eq!(refused.brief(), "409 no_saved_card");
    let customer = app.billing(&ann).await.customer.unwrap();
    let page = refused.json()["add_card_url"].as_str().unwrap().to_owned();
    assert!(page.starts_with("http"), "{page}");
    assert_eq!(state(&app, &ann).await, Value::Null);
    assert_eq!(app.relay_top_ups().await, 0, "ten is below twenty, but it is off");
    app.stripe().set_card(customer.as_str(), Card::Succeeds).unwrap();
    let on = app.top_up(&ann, settings()).await;
    assert_eq!((on.status(), &on.json()["card_saved"]), (200, &json!(true)));
    assert_eq!(app.relay_top_ups().await, 1);
    app.close().await;
}

#[tokio::test]
async fn a_lost_answer_never_charges_twice() {
    for fault in [
        AnswerFault::ServerErrorAfterAccepting,
        AnswerFault::BrokenConnection,
        AnswerFault::MalformedJson,
        AnswerFault::ServerError,
    ] {
        let (app, ann) = with_top_ups(Card::Succeeds).await;
        app.spend(&ann, 50).await;
        let order = Order::next(Fault::Answer(fault.clone())).on_route(Route::StripePayments);
        app.sandbox.order(order.times(4)).unwrap();
        let user = json!(ann.id);
        for _ in 0..4 {
            app.send_top_up_message(&user).await;
        }
        assert_eq!(app.send_top_up_message(&user).await, all_done());
        app.deliver_events().await;
        assert_eq!(app.credits(&ann).await["available"], 60, "{fault:?}");
        let charged = app.stripe().event_types();
        let charged = charged.iter().filter(|kind| *kind == "charge.succeeded").count();
        assert_eq!(charged, 2, "{fault:?}: the first pack, and one more");
        app.close().await;
    }
}

/// Stripe replays the failure of a charge for a day: the next message charges under the next key.
#[tokio::test]
async fn a_charge_that_failed_is_made_by_the_next_message() {
    let (app, ann) = with_top_ups(Card::Succeeds).await;
    app.spend(&ann, 50).await;
    let fault = Order::next(Fault::Answer(AnswerFault::ServerError));
    app.sandbox.order(fault.on_route(Route::StripePayments).on_marker("POST")).unwrap();
    assert_ne!(app.send_top_up_message(&json!(ann.id)).await, all_done());
    assert_eq!(app.send_top_up_message(&json!(ann.id)).await, all_done());
    app.deliver_events().await;
    assert_eq!(app.credits(&ann).await["available"], 60);
    let charged = app.stripe().event_types();
    let charged = charged.iter().filter(|kind| *kind == "charge.succeeded").count();
    assert_eq!(charged, 2, "the first pack, and one more");
    app.close().await;
}

#[tokio::test]
async fn a_suspended_member_is_not_charged() {
    let (app, ann) = with_top_ups(Card::Succeeds).await;
    app.spend(&ann, 50).await;
    app.suspend(&ann.id, "chargeback fraud", None).await;
    assert_eq!(app.send_top_up_message(&json!(ann.id)).await, all_done());
    assert_eq!(app.credits(&ann).await["available"], 10);
    // They may turn it off, but not on.
    let settings = json!({"enabled": true, "pack": "pack_50", "below": 5, "monthly_max": 2});
    assert_eq!(app.top_up(&ann, settings).await.brief(), "403 account_suspended");
    let off = app.top_up(&ann, json!({"enabled": false})).await;
    assert_eq!((off.status(), &off.json()["top_up"]), (200, &json!(null)));
    app.close().await;
}

#[tokio::test]
async fn settings_have_limits() {
    let app = BillingApp::new().await;
    let ann = app.new_member("ann");
    let check = async |body: Value, expected: &str| {
        assert_eq!(app.top_up(&ann, body.clone()).await.brief(), expected, "{body}");
    };
    check(json!({"enabled": false}), "200").await;
    check(json!({"enabled": true}), "422 invalid_request, /enabled together").await;
    check(json!({"enabled": false, "pack": "pack_50"}), "422 invalid_request, /enabled together")
        .await;
    check(
        json!({"enabled": true, "pack": "pack_50", "below": 0, "monthly_max": 21}),
        "422 invalid_request, /below range, /monthly_max range",
    )
    .await;
    app.close().await;
}
