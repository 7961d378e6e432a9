//! Paid packs: refunds, disputes, and payments that take days.

use domain::billing::order::{OrderState, PackOrder};
use sandbox::stripe::{Card, Closing, Decision, Opening};
use serde_json::json;

use crate::billing_app::{BillingApp, session_of};

/// A member's available credits and debt.
async fn has(app: &BillingApp, of: &testing::Actor) -> (u32, u32) {
    let account = app.account(&of.id).await;
    (account.credits.totals().available, account.credits.debt)
}

fn payment(order: &PackOrder) -> String {
    BillingApp::payment_of(order).to_string()
}

#[tokio::test]
async fn a_refund_revokes_the_credits_it_paid_for() {
    // Credits spent of the 60 and cents refunded; then available and owed.
    for (spent, cents, expected) in [
        (0, None, (10, 0)),
        (0, Some(100), (50, 0)),
        (0, Some(3), (60, 0)),
        (30, None, (0, 20)),
        (60, None, (0, 50)),
        (60, Some(250), (0, 25)),
    ] {
        let app = BillingApp::new().await;
        let ann = app.new_member("ann");
        let order = app.buy(&ann, "pack_50").await;
        if spent > 0 {
            app.spend(&ann, spent).await;
        }
        app.stripe().refund(&payment(&order), cents).unwrap();
        app.deliver_events().await;
        assert_eq!(has(&app, &ann).await, expected, "{spent} spent, {cents:?} back");
        let receipt = &app.invoices(&ann).await[0];
        assert_eq!(receipt["amount_refunded"]["amount"], cents.unwrap_or(500));
        app.close().await;
    }
}

#[tokio::test]
async fn a_refund_larger_than_what_is_left_is_refused_by_stripe_and_parts_add_up() {
    let app = BillingApp::new().await;
    let ann = app.new_member("ann");
    let order = app.buy(&ann, "pack_50").await;
    for expected in [40, 20] {
        app.stripe().refund(&payment(&order), Some(200)).unwrap();
        app.deliver_events().await;
        assert_eq!(has(&app, &ann).await, (expected, 0));
    }
    app.stripe().refund(&payment(&order), Some(101)).unwrap_err();
    app.stripe().refund(&payment(&order), Some(100)).unwrap();
    app.deliver_events().await;
    assert_eq!(has(&app, &ann).await, (10, 0));
    app.close().await;
}

#[tokio::test]
async fn a_refund_that_fails_restores_what_it_revoked() {
    let app = BillingApp::new().await;
    let ann = app.new_member("ann");
    let order = app.buy(&ann, "pack_50").await;
    app.spend(&ann, 40).await;
    let refund = app.stripe().refund(&payment(&order), None).unwrap();
    app.deliver_events().await;
    assert_eq!(has(&app, &ann).await, (0, 30));
    app.stripe().fail_refund(&refund).unwrap();
    app.deliver_events().await;
    assert_eq!(has(&app, &ann).await, (20, 0));
    app.close().await;
}

#[tokio::test]
async fn a_dispute_revokes_credits_while_the_money_is_away() {
    // Kind of dispute, its cents, what it leaves of 60; its outcome, and what that leaves.
    for (opening, cents, open, closing, ended) in [
        (Opening::Chargeback, None, (10, 0), Closing::Won, (60, 0)),
        (Opening::Chargeback, None, (10, 0), Closing::Lost, (10, 0)),
        (Opening::Chargeback, Some(700), (10, 0), Closing::Won, (60, 0)),
        (Opening::Chargeback, Some(700), (10, 0), Closing::Lost, (10, 0)),
        (Opening::Chargeback, Some(250), (35, 0), Closing::Lost, (35, 0)),
        (Opening::Warning, None, (60, 0), Closing::WarningClosed, (60, 0)),
    ] {
        let app = BillingApp::new().await;
        let ann = app.new_member("ann");
        let order = app.buy(&ann, "pack_50").await;
        let dispute = app.stripe().dispute(&payment(&order), cents, opening).unwrap();
        app.deliver_events().await;
        assert_eq!(has(&app, &ann).await, open, "{opening:?} {cents:?}");
        app.stripe().close_dispute(&dispute, closing).unwrap();
        app.deliver_events().await;
        assert_eq!(has(&app, &ann).await, ended, "{opening:?} {cents:?} {closing:?}");
        app.close().await;
    }
}

#[tokio::test]
async fn a_dispute_of_spent_credits_is_a_debt_until_it_is_won_or_paid() {
    let app = BillingApp::new().await;
    let ann = app.new_member("ann");
    let order = app.buy(&ann, "pack_50").await;
    app.spend(&ann, 60).await;
    let dispute = app.stripe().dispute(&payment(&order), None, Opening::Chargeback).unwrap();
    app.deliver_events().await;
    assert_eq!(has(&app, &ann).await, (0, 50));
    app.buy(&ann, "pack_200").await;
    assert_eq!(has(&app, &ann).await, (150, 0), "the next pack pays the debt first");
    app.stripe().close_dispute(&dispute, Closing::Won).unwrap();
    app.deliver_events().await;
    assert_eq!(has(&app, &ann).await, (200, 0), "the credits that paid the debt return");
    app.close().await;
}

#[tokio::test]
async fn a_bank_debit_is_granted_when_the_money_arrives() {
    for (decision, credits, state) in
        [(Decision::Succeed, 60, "paid"), (Decision::Fail, 10, "failed")]
    {
        let app = BillingApp::new().await;
        let ann = app.new_member("ann");
        let url = app.checkout(&ann, json!({"pack": "pack_50"})).await;
        app.pay(&url, Card::Bank);
        app.deliver_events().await;
        assert_eq!(app.order_of(&ann, &url).await.state, OrderState::Processing);
        assert_eq!(app.credits(&ann).await["available"], 10);
        app.stripe().decide(session_of(&url), decision).unwrap();
        app.deliver_events().await;
        assert_eq!(json!(app.order_of(&ann, &url).await)["state"], state);
        assert_eq!(app.credits(&ann).await["available"], credits);
        app.close().await;
    }
}
