//! Plans whose payment is reversed and recovers: refunds, disputes, and refunds that fail.

use domain::plan::Plan;
use sandbox::stripe::{Closing, Opening};
use serde_json::json;
use testing::Actor;

use crate::billing_app::BillingApp;

async fn subscribed(name: &str, plan: &str) -> (BillingApp, Actor) {
    let app = BillingApp::new().await;
    let member = app.new_member(name);
    app.subscribe(&member, plan).await;
    (app, member)
}

/// The plan and the available credits.
async fn has(app: &BillingApp, of: &Actor) -> (Plan, u32) {
    let account = app.account(&of.id).await;
    (account.plan, account.credits.totals().available)
}

/// The payment of a member's latest invoice.
async fn payment_of_plan(app: &BillingApp, of: &Actor) -> String {
    let invoices = app.store.invoices(&of.id, Default::default(), None).await.unwrap();
    match &invoices.items[0].payment {
        Some(paid) => paid.to_string(),
        None => panic!("{:?}", invoices.items[0]),
    }
}

#[tokio::test]
async fn a_refunded_month_revokes_what_is_left_and_leaves_no_debt() {
    let (app, ann) = subscribed("ann", "pro").await;
    app.spend(&ann, 100).await;
    app.stripe().refund(&payment_of_plan(&app, &ann).await, None).unwrap();
    app.deliver_events().await;
    assert_eq!(has(&app, &ann).await, (Plan::Pro, 0));
    assert_eq!(app.account(&ann.id).await.credits.debt, 0);
    assert_eq!(app.invoices(&ann).await[0]["amount_refunded"]["amount"], 2900);
    app.close().await;
}

#[tokio::test]
async fn a_refund_of_a_month_that_fails_restores_what_it_revoked() {
    let (app, ann) = subscribed("ann", "pro").await;
    app.spend(&ann, 100).await;
    let payment = payment_of_plan(&app, &ann).await;
    let refund = app.stripe().refund(&payment, None).unwrap();
    app.deliver_events().await;
    assert_eq!(has(&app, &ann).await, (Plan::Pro, 0));
    app.stripe().fail_refund(&refund).unwrap();
    app.deliver_events().await;
    assert_eq!(has(&app, &ann).await, (Plan::Pro, 400));
    app.advance_days(5);
    app.reconcile().await.unwrap();
    assert_eq!(has(&app, &ann).await, (Plan::Pro, 400), "once");
    app.close().await;
}

#[tokio::test]
async fn a_dispute_of_a_month_revokes_what_is_left_and_its_end_decides() {
    for (closing, left) in [(Closing::Won, 400), (Closing::Lost, 0)] {
        let (app, ann) = subscribed("ann", "pro").await;
        app.spend(&ann, 100).await;
        let payment = payment_of_plan(&app, &ann).await;
        let dispute = app.stripe().dispute(&payment, None, Opening::Chargeback).unwrap();
        app.deliver_events().await;
        assert_eq!(has(&app, &ann).await, (Plan::Pro, 0));
        app.advance_days(3);
        app.stripe().close_dispute(&dispute, closing).unwrap();
        let events = app.events();
        for event in events.iter().chain(events.iter().rev()) {
            assert_eq!(app.deliver(event).await, 200, "{event}");
        }
        assert_eq!(has(&app, &ann).await, (Plan::Pro, left), "{closing:?}");
        // The next month is unaffected.
        app.advance_days(30);
        app.deliver_events().await;
        assert_eq!(has(&app, &ann).await, (Plan::Pro, 500), "{closing:?}");
        app.close().await;
    }
}

async fn unlimited(app: &BillingApp, of: &Actor) -> bool {
    app.credits(of).await["unlimited"] == true
}

#[tokio::test]
async fn a_refunded_enterprise_month_is_no_longer_unlimited() {
    let (app, ann) = subscribed("ann", "enterprise").await;
    app.spend(&ann, 40).await;
    let payment = payment_of_plan(&app, &ann).await;
    app.stripe().refund(&payment, Some(5_000)).unwrap();
    app.deliver_events().await;
    assert!(unlimited(&app, &ann).await, "a partial refund keeps the plan");
    let lots = app.credits(&ann).await["lots"].clone();
    assert_eq!(lots[0]["available"], json!(null), "{lots}");
    app.stripe().refund(&payment, None).unwrap();
    app.deliver_events().await;
    assert!(!unlimited(&app, &ann).await);
    assert_eq!(app.usage(&ann).await["remaining"], 0);
    app.close().await;

    for (closing, expected) in [(Closing::Won, true), (Closing::Lost, false)] {
        let (app, ann) = subscribed("ann", "enterprise").await;
        let payment = payment_of_plan(&app, &ann).await;
        let dispute = app.stripe().dispute(&payment, None, Opening::Chargeback).unwrap();
        app.deliver_events().await;
        assert!(!unlimited(&app, &ann).await, "charged back");
        app.stripe().close_dispute(&dispute, closing).unwrap();
        app.deliver_events().await;
        assert_eq!(unlimited(&app, &ann).await, expected, "{closing:?}");
        app.close().await;
    }
}

#[tokio::test]
async fn an_unlimited_month_leaves_a_debt_where_it_is() {
    let app = BillingApp::new().await;
    let ann = app.new_member("ann");
    let order = app.buy(&ann, "pack_50").await;
    app.spend(&ann, 60).await;
    app.stripe().refund(BillingApp::payment_of(&order).as_str(), None).unwrap();
    app.deliver_events().await;
    assert_eq!(app.credits(&ann).await["debt"], 50);
    app.subscribe(&ann, "enterprise").await;
    app.spend(&ann, 7).await;
    assert_eq!(app.credits(&ann).await["debt"], 50, "no metered credit was granted");
    app.buy(&ann, "pack_200").await;
    let shown = app.credits(&ann).await;
    assert_eq!((&shown["debt"], &shown["available"]), (&json!(0), &json!(null)));
    app.close().await;
}
