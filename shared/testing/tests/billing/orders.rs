//! Paid packs: refunds, disputes, and payments that take days.

use domain::billing::order::{OrderState, PackOrder};
use sandbox::stripe::{Card, Closing, Decision, Opening};
use serde_json::json;

use crate::stage::{Stage, session_of};

/// A member's available credits and debt.
async fn has(stage: &Stage, of: &testing::Actor) -> (u32, u32) {
    let account = stage.account(of).await;
    (account.credits.totals().available, account.credits.debt)
}

fn payment(order: &PackOrder) -> String {
    Stage::payment_of(order).to_string()
}

#[tokio::test]
async fn a_refund_takes_back_what_it_paid_for() {
    // Credits spent of the 60 and cents refunded; then available and owed.
    for (spent, cents, expected) in [
        (0, None, (10, 0)),
        (0, Some(100), (50, 0)),
        (0, Some(3), (60, 0)),
        (30, None, (0, 20)),
        (60, None, (0, 50)),
        (60, Some(250), (0, 25)),
    ] {
        let stage = Stage::new().await;
        let ann = stage.member("ann");
        let order = stage.buy(&ann, "pack_50").await;
        if spent > 0 {
            stage.spend(&ann, spent).await;
        }
        stage.at_stripe().refund(&payment(&order), cents).unwrap();
        stage.hear().await;
        assert_eq!(has(&stage, &ann).await, expected, "{spent} spent, {cents:?} back");
        let receipt = &stage.invoices(&ann).await[0];
        assert_eq!(receipt["amount_refunded"]["amount"], cents.unwrap_or(500));
        stage.close().await;
    }
}

#[tokio::test]
async fn a_refund_larger_than_what_is_left_is_refused_by_stripe_and_parts_add_up() {
    let stage = Stage::new().await;
    let ann = stage.member("ann");
    let order = stage.buy(&ann, "pack_50").await;
    for expected in [40, 20] {
        stage.at_stripe().refund(&payment(&order), Some(200)).unwrap();
        stage.hear().await;
        assert_eq!(has(&stage, &ann).await, (expected, 0));
    }
    stage.at_stripe().refund(&payment(&order), Some(101)).unwrap_err();
    stage.at_stripe().refund(&payment(&order), Some(100)).unwrap();
    stage.hear().await;
    assert_eq!(has(&stage, &ann).await, (10, 0));
    stage.close().await;
}

#[tokio::test]
async fn a_refund_that_fails_gives_back_what_it_took() {
    let stage = Stage::new().await;
    let ann = stage.member("ann");
    let order = stage.buy(&ann, "pack_50").await;
    stage.spend(&ann, 40).await;
    let refund = stage.at_stripe().refund(&payment(&order), None).unwrap();
    stage.hear().await;
    assert_eq!(has(&stage, &ann).await, (0, 30));
    stage.at_stripe().fail_refund(&refund).unwrap();
    stage.hear().await;
    assert_eq!(has(&stage, &ann).await, (20, 0));
    stage.close().await;
}

#[tokio::test]
async fn a_dispute_takes_when_the_money_goes_and_gives_when_it_comes_back() {
    // Kind of dispute, its cents, what it leaves of 60; its outcome, and what that leaves.
    for (opening, cents, open, closing, ended) in [
        (Opening::Chargeback, None, (10, 0), Closing::Won, (60, 0)),
        (Opening::Chargeback, None, (10, 0), Closing::Lost, (10, 0)),
        (Opening::Chargeback, Some(700), (10, 0), Closing::Won, (60, 0)),
        (Opening::Chargeback, Some(700), (10, 0), Closing::Lost, (10, 0)),
        (Opening::Chargeback, Some(250), (35, 0), Closing::Lost, (35, 0)),
        (Opening::Warning, None, (60, 0), Closing::WarningClosed, (60, 0)),
    ] {
        let stage = Stage::new().await;
        let ann = stage.member("ann");
        let order = stage.buy(&ann, "pack_50").await;
        let dispute = stage.at_stripe().dispute(&payment(&order), cents, opening).unwrap();
        stage.hear().await;
        assert_eq!(has(&stage, &ann).await, open, "{opening:?} {cents:?}");
        stage.at_stripe().close_dispute(&dispute, closing).unwrap();
        stage.hear().await;
        assert_eq!(has(&stage, &ann).await, ended, "{opening:?} {cents:?} {closing:?}");
        stage.close().await;
    }
}

#[tokio::test]
async fn a_dispute_of_what_was_spent_blocks_until_it_is_won_or_paid() {
    let stage = Stage::new().await;
    let ann = stage.member("ann");
    let order = stage.buy(&ann, "pack_50").await;
    stage.spend(&ann, 60).await;
    let dispute = stage.at_stripe().dispute(&payment(&order), None, Opening::Chargeback).unwrap();
    stage.hear().await;
    assert_eq!(has(&stage, &ann).await, (0, 50));
    stage.buy(&ann, "pack_200").await;
    assert_eq!(has(&stage, &ann).await, (150, 0), "the next pack pays the debt first");
    stage.at_stripe().close_dispute(&dispute, Closing::Won).unwrap();
    stage.hear().await;
    assert_eq!(has(&stage, &ann).await, (200, 0), "the credits that paid the debt return");
    stage.close().await;
}

#[tokio::test]
async fn a_bank_debit_is_granted_when_the_money_is_there() {
    for (decision, credits, state) in
        [(Decision::Succeed, 60, "paid"), (Decision::Fail, 10, "failed")]
    {
        let stage = Stage::new().await;
        let ann = stage.member("ann");
        let url = stage.checkout(&ann, json!({"pack": "pack_50"})).await;
        stage.pay(&url, Card::Bank);
        stage.hear().await;
        assert_eq!(stage.order_of(&ann, &url).await.state, OrderState::Processing);
        assert_eq!(stage.credits(&ann).await["available"], 10);
        stage.at_stripe().decide(session_of(&url), decision).unwrap();
        stage.hear().await;
        assert_eq!(json!(stage.order_of(&ann, &url).await)["state"], state);
        assert_eq!(stage.credits(&ann).await["available"], credits);
        stage.close().await;
    }
}
