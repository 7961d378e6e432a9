//! A failure for one creator, member or object does not stop the others, and its work is done once
//! it can be.

use domain::marketplace::creator::payout::PayoutState;
use sandbox::{
    faults::{AnswerFault, Fault, Order},
    route::Route,
    stripe::{Bank, Card},
};
use serde_json::json;
use testing::Actor;

use crate::{
    market::Market,
    scene::{NET, PRICE, PaidSale},
    stage::{Stage, kind_of, session_of},
};

/// Stripe fails at one creator's transfer and stores the failure under its idempotency key. The
/// other creators are paid, and this one the day after: once, whether or not the transfer was made.
#[tokio::test]
async fn a_transfer_that_fails_keeps_nobody_else_from_being_paid() {
    for fault in [AnswerFault::ServerError, AnswerFault::ServerErrorAfterAccepting] {
        let stage = Stage::new().await;
        let market = Market::new(&stage);
        let creators = ["kim", "lee", "max"].map(|name| stage.member(name));
        for creator in &creators {
            let listing = market.on_sale(creator, PRICE).await;
            let buyer = stage.member(&format!("buyer-of-{}", creator.id));
            market.sold(&buyer, &listing, PRICE).await;
            market.ready(creator, Bank::Works).await;
        }
        stage.pass(7);
        let order = Order::next(Fault::Answer(fault.clone())).on_route(Route::StripeTransfers);
        stage.sandbox.order(order.on_marker("POST")).unwrap();
        market.pay_creators().await.unwrap();
        let states = async || {
            let mut states = Vec::new();
            for creator in &creators {
                states.push(market.told(creator).await.remove(0));
            }
            states
        };
        let (sending, sent) = (("sending".to_owned(), NET), ("sent".to_owned(), NET));
        assert_eq!(states().await, [sending.clone(), sent.clone(), sent.clone()], "{fault:?}");
        // On the same day Stripe returns the stored failure; a transfer that it made is found.
        market.pay_creators().await.unwrap();
        let made = fault == AnswerFault::ServerErrorAfterAccepting;
        let first = if made { sent.clone() } else { sending };
        assert_eq!(states().await, [first, sent.clone(), sent.clone()], "{fault:?}");
        market.pay_days(1).await;
        market.pay_days(2).await;
        assert_eq!(states().await, vec![("paid".to_owned(), NET); 3], "{fault:?}");
        assert_eq!(market.transfers().len(), 3);
        market.assert_ledger_balances().await;
        stage.close().await;
    }
}

/// After a day on which every attempt fails, the next day succeeds.
#[tokio::test]
async fn a_transfer_is_attempted_every_day_until_it_is_made() {
    let stage = Stage::new().await;
    let scene = PaidSale::payable(&stage, Bank::Works).await;
    stage.pass(7);
    for day in 1..=3 {
        let order = Order::next(Fault::Answer(AnswerFault::ServerError));
        let order = order.on_route(Route::StripeTransfers).on_marker("POST");
        stage.sandbox.order(order).unwrap();
        scene.market.pay_creators().await.unwrap();
        assert!(
            stage.sandbox.waiting().is_empty(),
            "day {day}: the request has a new idempotency key"
        );
        assert_eq!(scene.market.told(&scene.kim).await, [("sending".to_owned(), NET)]);
        stage.pass(1);
    }
    scene.market.pay_creators().await.unwrap();
    let payout = &scene.market.payouts(&scene.kim).await[0];
    assert_eq!(payout.state, PayoutState::Sent);
    assert_eq!(payout.attempt.unwrap().number, 4);
    scene.market.pay_days(2).await;
    assert_eq!(scene.market.transfers().len(), 1);
    scene.market.assert_ledger_balances().await;
    stage.close().await;
}

/// A bank returned a payout, and the reversal of its transfer fails.
#[tokio::test]
async fn a_reversal_that_fails_is_made_the_day_after() {
    for fault in [AnswerFault::ServerError, AnswerFault::ServerErrorAfterAccepting] {
        let stage = Stage::new().await;
        let scene = PaidSale::payable(&stage, Bank::Closed).await;
        scene.market.pay_days(7).await;
        stage.pass(2);
        let events = stage.events();
        let event = events.iter().find(|event| kind_of(event) == "payout.failed").unwrap();
        assert_eq!(stage.deliver(event).await, 200, "{fault:?}");
        let order = Order::next(Fault::Answer(fault.clone())).on_route(Route::StripeTransfers);
        stage.sandbox.order(order.on_marker("POST")).unwrap();
        scene.market.pay_creators().await.unwrap();
        let told = scene.market.told(&scene.kim).await;
        assert_eq!(told, [("failed".to_owned(), NET)], "{fault:?}");
        stage.pass(1);
        scene.market.pay_creators().await.unwrap();
        let told = scene.market.told(&scene.kim).await;
        assert!(told.contains(&("reopened".to_owned(), NET)), "{fault:?}: {told:?}");
        scene.market.ready(&scene.kim, Bank::Works).await;
        scene.market.pay_days(3).await;
        assert_eq!(scene.market.told(&scene.kim).await[0], ("paid".to_owned(), NET), "{fault:?}");
        scene.market.assert_ledger_balances().await;
        stage.close().await;
    }
}

/// The partial reversal of a transfer fails.
#[tokio::test]
async fn what_was_overpaid_is_got_back_under_another_key() {
    let stage = Stage::new().await;
    let scene = PaidSale::payable(&stage, Bank::Works).await;
    scene.market.pay_days(7).await;
    let given = scene.market.give_back("key", &scene.purchase, Some(500)).await;
    assert_eq!(given.status(), 200, "{}", given.pretty());
    let order = Order::next(Fault::Answer(AnswerFault::ServerError));
    stage.sandbox.order(order.on_route(Route::StripeTransfers).on_marker("POST")).unwrap();
    let reversed = async || scene.market.payouts(&scene.kim).await[0].reversed;
    scene.market.pay_creators().await.unwrap();
    assert_eq!(reversed().await, 0);
    // Before midnight, when the connected account pays out to its bank.
    stage.app.ambient.clock.advance(domain::time::DAY / 2);
    scene.market.pay_creators().await.unwrap();
    assert_eq!(reversed().await, 400);
    stage.close().await;
}

/// A member's payment cannot be read, on a night without webhooks: the run processes the members
/// behind it, and this one once it can be read.
#[tokio::test]
async fn a_night_goes_on_behind_what_it_cannot_read() {
    let stage = Stage::new().await;
    let members = ["ann", "bob", "eve"].map(|name| stage.member(name));
    let mut unreadable = Vec::new();
    for member in &members {
        let url = stage.checkout(member, json!({"pack": "pack_50"})).await;
        stage.pay(&url, Card::Succeeds);
        let session = stage.at_stripe().object(session_of(&url)).unwrap();
        let payment = session["payment_intent"].as_str().unwrap().to_owned();
        unreadable.push([session_of(&url).to_owned(), payment]);
    }
    stage.pass(1);
    stage.events();
    // The first in every list.
    for name in &unreadable[0] {
        let order = Order::next(Fault::Answer(AnswerFault::ServerError)).times(1_000);
        stage.sandbox.order(order.on_marker(format!("GET /stripe/v1/{}", path_of(name)))).unwrap();
    }
    let available = async |member: &Actor| stage.credits(member).await["available"].clone();
    stage.reconcile().await.unwrap();
    assert_eq!(available(&members[0]).await, 10);
    for member in &members[1..] {
        assert_eq!(available(member).await, 60, "{}", member.id);
    }
    let parked = stage.app.store.parked_events(None, 100).await.unwrap().items;
    assert!(!parked.is_empty(), "a failed object is retried, wherever the next run starts");
    stage.sandbox.clear_faults();
    stage.pass(1);
    stage.reconcile().await.unwrap();
    assert_eq!(available(&members[0]).await, 60);
    assert_eq!(stage.app.store.parked_events(None, 100).await.unwrap().items, []);
    stage.close().await;
}

fn path_of(id: &str) -> String {
    let collection = if id.starts_with("cs_") { "checkout/sessions" } else { "payment_intents" };
    format!("{collection}/{id}")
}

/// One of Stripe's lists cannot be read: the others are processed, and the run fails, to be
/// repeated.
#[tokio::test]
async fn a_list_that_cannot_be_read_does_not_hide_the_others() {
    let stage = Stage::new().await;
    let (ann, bob) = (stage.member("ann"), stage.member("bob"));
    let url = stage.checkout(&ann, json!({"pack": "pack_50"})).await;
    stage.pay(&url, Card::Succeeds);
    stage.subscribe(&bob, "pro").await;
    let theirs = stage.billing(&bob).await.subscription.unwrap().id;
    stage.pass(2);
    stage.at_stripe().cancel(theirs.as_str()).unwrap();
    stage.events();
    let order = Order::next(Fault::Answer(AnswerFault::ServerError)).times(1_000);
    stage.sandbox.order(order.on_route(Route::StripeEvents)).unwrap();
    assert!(stage.reconcile().await.is_err());
    assert_eq!(stage.credits(&ann).await["available"], 60, "found by the order");
    assert_eq!(stage.account(&bob).await.plan, domain::plan::Plan::Free, "found by the list");
    stage.close().await;
}

/// Stripe is down: a run stops early instead of requesting every object.
#[tokio::test]
async fn a_day_without_stripe_ends_the_run() {
    let stage = Stage::new().await;
    let scene = PaidSale::payable(&stage, Bank::Works).await;
    stage.pass(7);
    let order = Order::next(Fault::Answer(AnswerFault::ServerError)).times(1_000);
    stage.sandbox.order(order).unwrap();
    assert!(scene.market.pay_creators().await.is_err());
    assert!(stage.reconcile().await.is_err());
    stage.sandbox.clear_faults();
    scene.market.pay_creators().await.unwrap();
    scene.market.pay_days(2).await;
    assert_eq!(scene.market.told(&scene.kim).await[0], ("paid".to_owned(), NET));
    stage.close().await;
}
