//! Plans over months: renewals, failures, upgrades, ends.

use domain::plan::Plan;
use sandbox::stripe::Card;
use serde_json::json;
use testing::Actor;

use crate::stage::{Stage, kind_of};

async fn subscribed(name: &str, plan: &str) -> (Stage, Actor) {
    let stage = Stage::new().await;
    let member = stage.member(name);
    stage.subscribe(&member, plan).await;
    (stage, member)
}

/// The plan and what is available.
async fn has(stage: &Stage, of: &Actor) -> (Plan, u32) {
    let account = stage.account(of).await;
    (account.plan, account.credits.totals().available)
}

#[tokio::test]
async fn a_renewal_replaces_the_credits_and_packs_stay() {
    let (stage, ann) = subscribed("ann", "pro").await;
    stage.buy(&ann, "pack_50").await;
    stage.spend(&ann, 120).await;
    for _ in 0..3 {
        stage.pass(31);
        stage.hear().await;
        assert_eq!(has(&stage, &ann).await, (Plan::Pro, 550));
    }
    assert_eq!(stage.invoices(&ann).await.len(), 5);
    stage.close().await;
}

#[tokio::test]
async fn a_failed_renewal_keeps_the_plan_for_seven_days() {
    let (stage, ann) = subscribed("ann", "pro").await;
    let customer = stage.billing(&ann).await.customer.unwrap();
    stage.at_stripe().set_card(customer.as_str(), Card::Declines).unwrap();
    stage.pass(31);
    stage.hear().await;
    let told = stage.subscription(&ann).await;
    assert_eq!(told["subscription"]["status"], "past_due");
    assert_eq!(told["subscription"]["payment_due"], true);
    assert_eq!(has(&stage, &ann).await, (Plan::Pro, 500), "in its grace");
    // Nobody tells us of the end: it ends all the same.
    stage.pass(7);
    assert_eq!(has(&stage, &ann).await.0, Plan::Free);
    stage.hear().await;
    assert_eq!(has(&stage, &ann).await.0, Plan::Free);
    stage.close().await;
}

#[tokio::test]
async fn a_new_card_in_the_grace_brings_the_new_period() {
    let (stage, ann) = subscribed("ann", "pro").await;
    let customer = stage.billing(&ann).await.customer.unwrap();
    stage.at_stripe().set_card(customer.as_str(), Card::Declines).unwrap();
    stage.pass(31);
    stage.hear().await;
    stage.at_stripe().set_card(customer.as_str(), Card::Succeeds).unwrap();
    stage.pass(3);
    stage.hear().await;
    assert_eq!(has(&stage, &ann).await, (Plan::Pro, 500));
    let told = stage.subscription(&ann).await;
    assert_eq!(told["subscription"]["status"], "active");
    let granted = stage.account(&ann).await.credits.totals().granted;
    assert_eq!(granted, 10 + 500 + 500);
    stage.close().await;
}

#[tokio::test]
async fn an_upgrade_is_unlimited_at_once_whatever_was_spent() {
    for spent in [0, 500] {
        let (stage, ann) = subscribed("ann", "pro").await;
        if spent > 0 {
            stage.spend(&ann, spent).await;
        }
        stage.pass(10);
        stage.switch_plan(&ann, Plan::Enterprise).await;
        stage.hear().await;
        let credits = stage.credits(&ann).await;
        assert_eq!((&credits["plan"], &credits["unlimited"]), (&json!("enterprise"), &json!(true)));
        assert_eq!((&credits["available"], &credits["debt"]), (&json!(0), &json!(0)));
        assert_eq!(stage.usage(&ann).await["limit"], json!(null));
        stage.spend(&ann, 40).await;
        assert_eq!(stage.usage(&ann).await["used"], 40, "metered all the same");
        stage.close().await;
    }
}

#[tokio::test]
async fn a_cancelled_plan_runs_to_its_end_and_can_be_resumed_before() {
    let (stage, ann) = subscribed("ann", "pro").await;
    let told = stage.cancel(&ann, true).await;
    assert_eq!(told.json()["subscription"]["cancel_at_period_end"], true, "{}", told.pretty());
    let ends = told.json()["plan_ends_at"].clone();
    assert_eq!(ends, told.json()["subscription"]["current_period"]["ends_at"], "no grace");
    let told = stage.cancel(&ann, false).await.json();
    assert_eq!(told["subscription"]["cancel_at_period_end"], false);
    assert_ne!(told["plan_ends_at"], ends);
    stage.hear().await;
    assert_eq!(stage.cancel(&ann, true).await.status(), 200);
    assert_eq!(stage.cancel(&ann, true).await.status(), 200, "the same wish again");
    stage.pass(29);
    stage.hear().await;
    assert_eq!(has(&stage, &ann).await, (Plan::Pro, 500));
    stage.pass(2);
    assert_eq!(has(&stage, &ann).await.0, Plan::Free, "by the clock");
    stage.hear().await;
    assert_eq!(stage.subscription(&ann).await["subscription"]["status"], "canceled");
    assert_eq!(stage.cancel(&ann, true).await.brief(), "409 not_subscribed");
    // And there is room for another.
    stage.subscribe(&ann, "enterprise").await;
    assert_eq!(has(&stage, &ann).await.0, Plan::Enterprise);
    stage.close().await;
}

#[tokio::test]
async fn what_staff_ends_at_once_ends_at_once() {
    let (stage, ann) = subscribed("ann", "enterprise").await;
    let theirs = stage.billing(&ann).await.subscription.unwrap().id;
    stage.at_stripe().cancel(theirs.as_str()).unwrap();
    stage.hear().await;
    assert_eq!(has(&stage, &ann).await.0, Plan::Free);
    stage.close().await;
}

#[tokio::test]
async fn updated_before_created_and_created_after_deleted() {
    let stage = Stage::new().await;
    let ann = stage.member("ann");
    let url = stage.checkout(&ann, json!({"plan": "pro"})).await;
    stage.pay(&url, Card::Succeeds);
    let mut events = stage.events();
    // The last thing is heard of first.
    events.reverse();
    for event in &events {
        assert_eq!(stage.deliver(event).await, 200);
    }
    assert_eq!(has(&stage, &ann).await, (Plan::Pro, 500));
    let theirs = stage.billing(&ann).await.subscription.unwrap().id;
    stage.at_stripe().cancel(theirs.as_str()).unwrap();
    let mut end = stage.events();
    let created = |event: &&String| kind_of(event) == "customer.subscription.created";
    let created = events.iter().find(created).unwrap().clone();
    // A copy of the first notice, under another name, long after the end.
    end.push(created.replace(&crate::stage::id_of(&created), "evt_again"));
    for event in &end {
        assert_eq!(stage.deliver(event).await, 200);
    }
    assert_eq!(has(&stage, &ann).await.0, Plan::Free);
    stage.close().await;
}

#[tokio::test]
async fn a_second_subscription_is_ended_and_paid_back() {
    for reversed in [false, true] {
        let (stage, ann) = subscribed("ann", "pro").await;
        let customer = stage.billing(&ann).await.customer.unwrap();
        let first = stage.billing(&ann).await.subscription.unwrap().id;
        stage.pass(1);
        // By a page that was made elsewhere.
        let price = stage.price_of(Plan::Enterprise).await;
        let form = [
            ("mode", "subscription"),
            ("customer", customer.as_str()),
            ("line_items[0][price]", &price),
            ("line_items[0][quantity]", "1"),
            ("success_url", "https://app.prolight.test/"),
            ("subscription_data[metadata][user_id]", ann.id.as_str()),
        ];
        let session = stage.post_to_stripe("checkout/sessions", &form).await;
        let id = session["id"].as_str().unwrap();
        stage.at_stripe().pay(id, Card::Succeeds).unwrap();
        let second = stage.at_stripe().object(id).unwrap()["subscription"].clone();
        let mut events = stage.events();
        if reversed {
            events.reverse();
        }
        for event in &events {
            assert_eq!(stage.deliver(event).await, 200, "{}", kind_of(event));
        }
        stage.hear().await;
        assert_eq!(has(&stage, &ann).await, (Plan::Pro, 500), "reversed: {reversed}");
        assert_eq!(stage.billing(&ann).await.subscription.unwrap().id, first);
        let second = stage.at_stripe().object(second.as_str().unwrap()).unwrap();
        assert_eq!(second["status"], "canceled");
        let types = stage.at_stripe().event_types();
        assert_eq!(types.iter().filter(|kind| *kind == "refund.created").count(), 1);
        let deed = "surplus_subscriptions end_surplus user: -";
        assert_eq!(stage.deeds().await, [deed], "heard of more than once, and done once");
        stage.close().await;
    }
}
