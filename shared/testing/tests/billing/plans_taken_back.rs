//! Plans whose payment is reversed and recovers: refunds, disputes, and refunds that fail.

use domain::plan::Plan;
use sandbox::stripe::{Closing, Opening};
use serde_json::json;
use testing::Actor;

use crate::stage::Stage;

async fn subscribed(name: &str, plan: &str) -> (Stage, Actor) {
    let stage = Stage::new().await;
    let member = stage.member(name);
    stage.subscribe(&member, plan).await;
    (stage, member)
}

/// The plan and the available credits.
async fn has(stage: &Stage, of: &Actor) -> (Plan, u32) {
    let account = stage.account(of).await;
    (account.plan, account.credits.totals().available)
}

/// The payment of a member's latest invoice.
async fn payment_of_plan(stage: &Stage, of: &Actor) -> String {
    let invoices = stage.app.store.invoices(&of.id, Default::default(), None).await.unwrap();
    match &invoices.items[0].payment {
        Some(paid) => paid.to_string(),
        None => panic!("{:?}", invoices.items[0]),
    }
}

#[tokio::test]
async fn a_refunded_month_takes_what_is_left_and_owes_nothing() {
    let (stage, ann) = subscribed("ann", "pro").await;
    stage.spend(&ann, 100).await;
    stage.at_stripe().refund(&payment_of_plan(&stage, &ann).await, None).unwrap();
    stage.hear().await;
    assert_eq!(has(&stage, &ann).await, (Plan::Pro, 0));
    assert_eq!(stage.account(&ann).await.credits.debt, 0);
    assert_eq!(stage.invoices(&ann).await[0]["amount_refunded"]["amount"], 2900);
    stage.close().await;
}

#[tokio::test]
async fn a_refund_of_a_month_that_fails_gives_back_what_it_took() {
    let (stage, ann) = subscribed("ann", "pro").await;
    stage.spend(&ann, 100).await;
    let payment = payment_of_plan(&stage, &ann).await;
    let refund = stage.at_stripe().refund(&payment, None).unwrap();
    stage.hear().await;
    assert_eq!(has(&stage, &ann).await, (Plan::Pro, 0));
    stage.at_stripe().fail_refund(&refund).unwrap();
    stage.hear().await;
    assert_eq!(has(&stage, &ann).await, (Plan::Pro, 400));
    stage.pass(5);
    stage.reconcile().await.unwrap();
    assert_eq!(has(&stage, &ann).await, (Plan::Pro, 400), "once");
    stage.close().await;
}

#[tokio::test]
async fn a_dispute_of_a_month_takes_what_is_left_and_its_end_decides() {
    for (closing, left) in [(Closing::Won, 400), (Closing::Lost, 0)] {
        let (stage, ann) = subscribed("ann", "pro").await;
        stage.spend(&ann, 100).await;
        let payment = payment_of_plan(&stage, &ann).await;
        let dispute = stage.at_stripe().dispute(&payment, None, Opening::Chargeback).unwrap();
        stage.hear().await;
        assert_eq!(has(&stage, &ann).await, (Plan::Pro, 0));
        stage.pass(3);
        stage.at_stripe().close_dispute(&dispute, closing).unwrap();
        let events = stage.events();
        for event in events.iter().chain(events.iter().rev()) {
            assert_eq!(stage.deliver(event).await, 200, "{event}");
        }
        assert_eq!(has(&stage, &ann).await, (Plan::Pro, left), "{closing:?}");
        // The next month is unaffected.
        stage.pass(30);
        stage.hear().await;
        assert_eq!(has(&stage, &ann).await, (Plan::Pro, 500), "{closing:?}");
        stage.close().await;
    }
}

async fn unlimited(stage: &Stage, of: &Actor) -> bool {
    stage.credits(of).await["unlimited"] == true
}

#[tokio::test]
async fn an_enterprise_month_that_is_taken_back_is_no_longer_unlimited() {
    let (stage, ann) = subscribed("ann", "enterprise").await;
    stage.spend(&ann, 40).await;
    let payment = payment_of_plan(&stage, &ann).await;
    stage.at_stripe().refund(&payment, Some(5_000)).unwrap();
    stage.hear().await;
    assert!(unlimited(&stage, &ann).await, "a partial refund keeps the plan");
    let lots = stage.credits(&ann).await["lots"].clone();
    assert_eq!(lots[0]["available"], json!(null), "{lots}");
    stage.at_stripe().refund(&payment, None).unwrap();
    stage.hear().await;
    assert!(!unlimited(&stage, &ann).await);
    assert_eq!(stage.usage(&ann).await["remaining"], 0);
    stage.close().await;

    for (closing, expected) in [(Closing::Won, true), (Closing::Lost, false)] {
        let (stage, ann) = subscribed("ann", "enterprise").await;
        let payment = payment_of_plan(&stage, &ann).await;
        let dispute = stage.at_stripe().dispute(&payment, None, Opening::Chargeback).unwrap();
        stage.hear().await;
        assert!(!unlimited(&stage, &ann).await, "charged back");
        stage.at_stripe().close_dispute(&dispute, closing).unwrap();
        stage.hear().await;
        assert_eq!(unlimited(&stage, &ann).await, expected, "{closing:?}");
        stage.close().await;
    }
}

#[tokio::test]
async fn an_unlimited_month_leaves_a_debt_where_it_is() {
    let stage = Stage::new().await;
    let ann = stage.member("ann");
    let order = stage.buy(&ann, "pack_50").await;
    stage.spend(&ann, 60).await;
    stage.at_stripe().refund(Stage::payment_of(&order).as_str(), None).unwrap();
    stage.hear().await;
    assert_eq!(stage.credits(&ann).await["debt"], 50);
    stage.subscribe(&ann, "enterprise").await;
    stage.spend(&ann, 7).await;
    assert_eq!(stage.credits(&ann).await["debt"], 50, "no metered credit was granted");
    stage.buy(&ann, "pack_200").await;
    let told = stage.credits(&ann).await;
    assert_eq!((&told["debt"], &told["available"]), (&json!(0), &json!(150)));
    stage.close().await;
}
