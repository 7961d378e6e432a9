//! A failure for one creator, member or object does not stop the others, and its work is done once
//! it can be.

use std::time::Duration;

use domain::{id::CreatorId, marketplace::creator::payout::PayoutState};
use runtime::InvocationContext;
use sandbox::{
    faults::{AnswerFault, Fault, Order},
    route::Route,
    stripe::{Bank, Card},
};
use serde_json::json;
use testing::Actor;

use crate::{
    billing_app::{BillingApp, kind_of, session_of},
    paid_sale::{NET, PaidSale, payable_creators},
};

/// Stripe fails at one creator's transfer and stores the failure under its idempotency key. The
/// other creators are paid, and this one the day after: once, whether or not the transfer was made.
#[tokio::test]
async fn a_transfer_that_fails_does_not_stop_the_others() {
    for fault in [AnswerFault::ServerError, AnswerFault::ServerErrorAfterAccepting] {
        let app = BillingApp::new().await;
        let (market, creators) = payable_creators(&app, &["kim", "lee", "max"]).await;
        let order = Order::next(Fault::Answer(fault.clone())).on_route(Route::StripeTransfers);
        app.sandbox.order(order.on_marker("POST")).unwrap();
        market.pay_creators().await.unwrap();
        let states = async || {
            let mut states = Vec::new();
            for creator in &creators {
                states.push(market.payout_states(creator).await.remove(0));
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
        app.close().await;
    }
}

/// Stripe never answers about one creator's transfers, so their payout takes all the time of every
/// run. The others are paid meanwhile, and the run ends by itself.
#[tokio::test]
async fn a_creator_who_takes_all_the_time_delays_no_other() {
    let app = BillingApp::new().await;
    let (market, creators) = payable_creators(&app, &["kim", "lee", "max"]).await;
    let order = Order::next(Fault::Answer(AnswerFault::Silence)).on_route(Route::StripeTransfers);
    let transfer_group = CreatorId::of(&creators[0].id).to_string();
    app.sandbox.order(order.on_marker(transfer_group).times(1_000)).unwrap();
    let event = json!({ "id": "run", "time": app.now() });
    for _ in 0..2 {
        let deadline = Some(app.now().plus(Duration::from_secs(4)));
        let context = InvocationContext { deadline, ..app.ambient.clone() };
        app.invoke_in(&context, "background-pay-creators", &event).await.unwrap();
    }
    let states = async || {
        let mut states = Vec::new();
        for creator in &creators {
            states.push(market.payout_states(creator).await.remove(0).0);
        }
        states
    };
    assert_eq!(states().await, ["collecting", "sent", "sent"]);
    app.sandbox.clear_faults();
    market.pay_creators().await.unwrap();
    assert_eq!(states().await, ["sent"; 3]);
    assert_eq!(market.transfers().len(), 3);
    market.assert_ledger_balances().await;
    app.close().await;
}

/// After a day on which every attempt fails, the next day succeeds.
#[tokio::test]
async fn a_transfer_is_attempted_every_day_until_it_is_made() {
    let app = BillingApp::new().await;
    let sale = PaidSale::payable(&app, Bank::Works).await;
    app.advance_days(7);
    for day in 1..=3 {
        let order = Order::next(Fault::Answer(AnswerFault::ServerError));
        let order = order.on_route(Route::StripeTransfers).on_marker("POST");
        app.sandbox.order(order).unwrap();
        sale.market.pay_creators().await.unwrap();
        assert!(
            app.sandbox.waiting().is_empty(),
            "day {day}: the request has a new idempotency key"
        );
        assert_eq!(sale.market.payout_states(&sale.kim).await, [("sending".to_owned(), NET)]);
        app.advance_days(1);
    }
    sale.market.pay_creators().await.unwrap();
    let payout = &sale.market.payouts(&sale.kim).await[0];
    assert_eq!(payout.state, PayoutState::Sent);
    assert_eq!(payout.attempt.unwrap().number, 4);
    sale.market.pay_days(2).await;
    assert_eq!(sale.market.transfers().len(), 1);
    sale.market.assert_ledger_balances().await;
    app.close().await;
}

/// A bank returned a payout, and the reversal of its transfer fails.
#[tokio::test]
async fn a_reversal_that_fails_is_made_the_day_after() {
    for fault in [AnswerFault::ServerError, AnswerFault::ServerErrorAfterAccepting] {
        let app = BillingApp::new().await;
        let sale = PaidSale::payable(&app, Bank::Closed).await;
        sale.market.pay_days(7).await;
        app.advance_days(2);
        let events = app.events();
        let event = events.iter().find(|event| kind_of(event) == "payout.failed").unwrap();
        assert_eq!(app.deliver(event).await, 200, "{fault:?}");
        let order = Order::next(Fault::Answer(fault.clone())).on_route(Route::StripeTransfers);
        app.sandbox.order(order.on_marker("POST")).unwrap();
        sale.market.pay_creators().await.unwrap();
        let shown = sale.market.payout_states(&sale.kim).await;
        assert_eq!(shown, [("failed".to_owned(), NET)], "{fault:?}");
        app.advance_days(1);
        sale.market.pay_creators().await.unwrap();
        let shown = sale.market.payout_states(&sale.kim).await;
        assert!(shown.contains(&("reopened".to_owned(), NET)), "{fault:?}: {shown:?}");
        sale.market.complete_onboarding(&sale.kim, Bank::Works).await;
        sale.market.pay_days(3).await;
        assert_eq!(
            sale.market.payout_states(&sale.kim).await[0],
            ("paid".to_owned(), NET),
            "{fault:?}"
        );
        sale.market.assert_ledger_balances().await;
        app.close().await;
    }
}

/// The partial reversal of a transfer fails.
#[tokio::test]
async fn an_overpayment_is_reversed_under_another_key() {
    let app = BillingApp::new().await;
    let sale = PaidSale::payable(&app, Bank::Works).await;
    sale.market.pay_days(7).await;
    let given = sale.market.refund("key", &sale.purchase, Some(500)).await;
    assert_eq!(given.status(), 200, "{}", given.pretty());
    let order = Order::next(Fault::Answer(AnswerFault::ServerError));
    app.sandbox.order(order.on_route(Route::StripeTransfers).on_marker("POST")).unwrap();
    let reversed = async || sale.market.payouts(&sale.kim).await[0].reversed;
    sale.market.pay_creators().await.unwrap();
    assert_eq!(reversed().await, 0);
    // Before midnight, when the connected account pays out to its bank.
    app.ambient.clock.advance(domain::time::DAY / 2);
    sale.market.pay_creators().await.unwrap();
    assert_eq!(reversed().await, 400);
    app.close().await;
}

/// A member's payment cannot be read, on a night without webhooks: the run processes the members
/// behind it, and this one once it can be read.
#[tokio::test]
async fn a_nightly_run_continues_after_an_object_it_cannot_read() {
    let app = BillingApp::new().await;
    let members = ["ann", "bob", "eve"].map(|name| app.new_member(name));
    let mut unreadable = Vec::new();
    for member in &members {
        let url = app.checkout(member, json!({"pack": "pack_50"})).await;
        app.pay(&url, Card::Succeeds);
        let session = app.stripe().object(session_of(&url)).unwrap();
        let payment = session["payment_intent"].as_str().unwrap().to_owned();
        unreadable.push([session_of(&url).to_owned(), payment]);
    }
    app.advance_days(1);
    app.events();
    // The first in every list.
    for name in &unreadable[0] {
        let order = Order::next(Fault::Answer(AnswerFault::ServerError)).times(1_000);
        app.sandbox.order(order.on_marker(format!("GET /stripe/v1/{}", path_of(name)))).unwrap();
    }
    let available = async |member: &Actor| app.credits(member).await["available"].clone();
    app.reconcile().await.unwrap();
    assert_eq!(available(&members[0]).await, 10);
    for member in &members[1..] {
        assert_eq!(available(member).await, 60, "{}", member.id);
    }
    let parked = app.store.parked_events(None, 100).await.unwrap().items;
    assert!(!parked.is_empty(), "a failed object is retried, wherever the next run starts");
    app.sandbox.clear_faults();
    app.advance_days(1);
    app.reconcile().await.unwrap();
    assert_eq!(available(&members[0]).await, 60);
    assert_eq!(app.store.parked_events(None, 100).await.unwrap().items, []);
    app.close().await;
}

fn path_of(id: &str) -> String {
    let collection = if id.starts_with("cs_") { "checkout/sessions" } else { "payment_intents" };
    format!("{collection}/{id}")
}

/// One of Stripe's lists cannot be read: the others are processed, and the run fails, to be
/// repeated.
#[tokio::test]
async fn a_list_that_cannot_be_read_does_not_hide_the_others() {
    let app = BillingApp::new().await;
    let (ann, bob) = (app.new_member("ann"), app.new_member("bob"));
    let url = app.checkout(&ann, json!({"pack": "pack_50"})).await;
    app.pay(&url, Card::Succeeds);
    app.subscribe(&bob, "pro").await;
    let theirs = app.billing(&bob).await.subscription.unwrap().id;
    app.advance_days(2);
    app.stripe().cancel(theirs.as_str()).unwrap();
    app.events();
    let order = Order::next(Fault::Answer(AnswerFault::ServerError)).times(1_000);
    app.sandbox.order(order.on_route(Route::StripeEvents)).unwrap();
    assert!(app.reconcile().await.is_err());
    assert_eq!(app.credits(&ann).await["available"], 60, "found by the order");
    assert_eq!(app.account(&bob.id).await.plan, domain::plan::Plan::Free, "found by the list");
    app.sandbox.clear_faults();
    app.run_on_schedule("background-reconcile-stripe").await.unwrap();
    assert_eq!(
        app.store.events_checkpoint().await.unwrap(),
        Some(app.now()),
        "read some minutes later"
    );
    app.close().await;
}

/// Stripe is down: a run stops early instead of requesting every object.
#[tokio::test]
async fn a_day_without_stripe_ends_the_run() {
    let app = BillingApp::new().await;
    let sale = PaidSale::payable(&app, Bank::Works).await;
    app.advance_days(7);
    let order = Order::next(Fault::Answer(AnswerFault::ServerError)).times(1_000);
    app.sandbox.order(order).unwrap();
    assert!(sale.market.pay_creators().await.is_err());
    assert!(app.reconcile().await.is_err());
    app.sandbox.clear_faults();
    sale.market.pay_creators().await.unwrap();
    sale.market.pay_days(2).await;
    assert_eq!(sale.market.payout_states(&sale.kim).await[0], ("paid".to_owned(), NET));
    app.close().await;
}
