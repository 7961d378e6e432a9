//! Automatic top-ups with the saved card.

use runtime::BatchResponse;
use sandbox::{
    faults::{AnswerFault, Fault, Order},
    route::Route,
    stripe::Card,
};
use serde_json::{Value, json};
use testing::Actor;

use crate::stage::Stage;

fn wish() -> Value {
    json!({"enabled": true, "pack": "pack_50", "below": 20, "monthly_max": 2})
}

/// A member of Free with 60 credits, a saved card, and top-ups turned on.
async fn watching(card: Card) -> (Stage, Actor) {
    let stage = Stage::new().await;
    let ann = stage.member("ann");
    stage.buy(&ann, "pack_50").await;
    let customer = stage.billing(&ann).await.customer.unwrap();
    stage.at_stripe().set_card(customer.as_str(), card).unwrap();
    stage.hear().await;
    assert_eq!(stage.top_up(&ann, wish()).await.status(), 200);
    stage.work_on_top_ups().await;
    assert_eq!(stage.credits(&ann).await["available"], 60, "nothing is due");
    (stage, ann)
}

async fn state(stage: &Stage, of: &Actor) -> Value {
    stage.subscription(of).await["top_up"].clone()
}

#[tokio::test]
async fn a_pack_is_bought_when_the_balance_falls_below() {
    let (stage, ann) = watching(Card::Succeeds).await;
    stage.spend(&ann, 40).await;
    assert_eq!(stage.work_on_top_ups().await, 0, "twenty is not below twenty");
    stage.spend(&ann, 1).await;
    assert_eq!(stage.work_on_top_ups().await, 1);
    assert_eq!(stage.credits(&ann).await["available"], 69);
    assert_eq!(state(&stage, &ann).await["state"], "armed");
    assert_eq!(state(&stage, &ann).await["bought_this_month"], 1);
    stage.hear().await;
    assert_eq!(stage.credits(&ann).await["available"], 69, "its own events change nothing");
    assert_eq!(stage.invoices(&ann).await.len(), 2);
    // Twice a month and no more.
    stage.spend(&ann, 60).await;
    assert_eq!(stage.work_on_top_ups().await, 1);
    stage.spend(&ann, 50).await;
    assert_eq!(stage.work_on_top_ups().await, 0);
    stage.close().await;
}

#[tokio::test]
async fn turning_it_off_and_on_buys_no_more_in_a_month() {
    let (stage, ann) = watching(Card::Succeeds).await;
    let mut bought = 0;
    for _ in 0..6 {
        let left = stage.credits(&ann).await["available"].as_u64().unwrap();
        stage.spend(&ann, u32::try_from(left).unwrap() - 5).await;
        bought += stage.work_on_top_ups().await;
        let off = stage.top_up(&ann, json!({"enabled": false})).await;
        assert_eq!(off.json(), json!({"top_up": null}));
        assert_eq!(state(&stage, &ann).await, json!(null));
        assert_eq!(stage.work_on_top_ups().await, 0, "nothing is bought while it is off");
        let on = stage.top_up(&ann, wish()).await.json();
        assert_eq!(on["top_up"]["bought_this_month"], bought);
        stage.app.engine.stream_batch();
    }
    assert_eq!(bought, 2, "the cap of the month");
    assert_eq!(stage.invoices(&ann).await.len(), 3, "the first pack, and these");
    stage.close().await;
}

/// Stripe does not answer the worker, so it is unknown whether the card was charged.
#[tokio::test]
async fn a_charge_under_way_is_not_forgotten_when_it_is_turned_off() {
    let (stage, ann) = watching(Card::Succeeds).await;
    stage.spend(&ann, 50).await;
    let fault = Fault::Answer(AnswerFault::ServerErrorAfterAccepting);
    let order = Order::next(fault).on_route(Route::StripePayments);
    stage.sandbox.order(order.times(4)).unwrap();
    stage.hint_top_up(&json!(ann.id)).await;
    assert_eq!(state(&stage, &ann).await["state"], "charging");
    assert_eq!(stage.top_up(&ann, json!({"enabled": false})).await.status(), 200);
    let on = stage.top_up(&ann, wish()).await.json();
    assert_eq!(on["top_up"]["state"], "charging", "{on}");
    assert_eq!(on["top_up"]["bought_this_month"], 1, "{on}");
    for _ in 0..4 {
        stage.hint_top_up(&json!(ann.id)).await;
    }
    assert_eq!(stage.hint_top_up(&json!(ann.id)).await, BatchResponse::default());
    stage.hear().await;
    assert_eq!(stage.credits(&ann).await["available"], 60);
    assert_eq!(state(&stage, &ann).await["state"], "armed");
    let charged = stage.at_stripe().event_types();
    let charged = charged.iter().filter(|kind| *kind == "charge.succeeded").count();
    assert_eq!(charged, 2, "the first pack, and one more");
    stage.close().await;
}

#[tokio::test]
async fn a_card_that_is_not_charged_stops_it_with_its_reason() {
    for (card, reason) in [
        (Card::Declines, "card_declined"),
        (Card::LacksFunds, "card_declined"),
        (Card::Authenticates, "authentication_required"),
    ] {
        let (stage, ann) = watching(card).await;
        stage.spend(&ann, 50).await;
        assert_eq!(stage.work_on_top_ups().await, 1);
        stage.hear().await;
        let told = state(&stage, &ann).await;
        assert_eq!((&told["state"], &told["reason"]), (&json!("paused"), &json!(reason)));
        assert_eq!(told["bought_this_month"], 0);
        assert_eq!(stage.credits(&ann).await["available"], 10);
        // It retries only after it is turned on again.
        stage.spend(&ann, 1).await;
        assert_eq!(stage.work_on_top_ups().await, 0);
        let customer = stage.billing(&ann).await.customer.unwrap();
        stage.at_stripe().set_card(customer.as_str(), Card::Succeeds).unwrap();
        assert_eq!(stage.top_up(&ann, wish()).await.status(), 200);
        assert_eq!(stage.work_on_top_ups().await, 1);
        assert_eq!(stage.credits(&ann).await["available"], 59, "{reason}");
        stage.close().await;
    }
}

#[tokio::test]
async fn without_a_card_it_stops_too() {
    let stage = Stage::new().await;
    let ann = stage.member("ann");
    assert_eq!(stage.top_up(&ann, wish()).await.status(), 200);
    assert_eq!(stage.work_on_top_ups().await, 1, "ten is below twenty");
    let told = state(&stage, &ann).await;
    assert_eq!((&told["state"], &told["reason"]), (&json!("paused"), &json!("no_payment_method")));
    stage.close().await;
}

#[tokio::test]
async fn a_lost_answer_never_charges_twice() {
    for fault in [
        AnswerFault::ServerErrorAfterAccepting,
        AnswerFault::BrokenConnection,
        AnswerFault::MalformedJson,
        AnswerFault::ServerError,
    ] {
        let (stage, ann) = watching(Card::Succeeds).await;
        stage.spend(&ann, 50).await;
        let order = Order::next(Fault::Answer(fault.clone())).on_route(Route::StripePayments);
        stage.sandbox.order(order.times(4)).unwrap();
        let hint = json!(ann.id);
        for _ in 0..4 {
            stage.hint_top_up(&hint).await;
        }
        assert_eq!(stage.hint_top_up(&hint).await, BatchResponse::default());
        stage.hear().await;
        assert_eq!(stage.credits(&ann).await["available"], 60, "{fault:?}");
        let charged = stage.at_stripe().event_types();
        let charged = charged.iter().filter(|kind| *kind == "charge.succeeded").count();
        assert_eq!(charged, 2, "{fault:?}: the first pack, and one more");
        stage.close().await;
    }
}

#[tokio::test]
async fn who_is_suspended_is_not_charged() {
    let (stage, ann) = watching(Card::Succeeds).await;
    stage.spend(&ann, 50).await;
    stage.app.suspend(&ann.id, "chargeback fraud", None).await;
    assert_eq!(stage.hint_top_up(&json!(ann.id)).await, BatchResponse::default());
    assert_eq!(stage.credits(&ann).await["available"], 10);
    // They may turn it off, but not on.
    let wish = json!({"enabled": true, "pack": "pack_50", "below": 5, "monthly_max": 2});
    assert_eq!(stage.top_up(&ann, wish).await.brief(), "403 account_suspended");
    let off = stage.top_up(&ann, json!({"enabled": false})).await;
    assert_eq!((off.status(), &off.json()["top_up"]), (200, &json!(null)));
    stage.close().await;
}

#[tokio::test]
async fn what_can_be_wished_for() {
    let stage = Stage::new().await;
    let ann = stage.member("ann");
    let check = async |body: Value, expected: &str| {
        assert_eq!(stage.top_up(&ann, body.clone()).await.brief(), expected, "{body}");
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
    stage.close().await;
}
