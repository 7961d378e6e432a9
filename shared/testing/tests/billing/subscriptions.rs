//! Subscriptions over months: renewals, failures, upgrades, cancellations.

use domain::{plan::Plan, time::DAY};
use sandbox::{
    faults::{AnswerFault, Fault, Order},
    stripe::{Card, SettingsChange},
};
use serde_json::json;
use testing::Actor;

use crate::stage::{Stage, kind_of};

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
    assert_eq!(has(&stage, &ann).await, (Plan::Pro, 500), "in its grace period");
    // No event reports the end: the plan ends anyway.
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
        assert_eq!(stage.usage(&ann).await["used"], 40, "usage is metered anyway");
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
    assert_eq!(stage.cancel(&ann, true).await.status(), 200, "the same request again");
    stage.pass(29);
    stage.hear().await;
    assert_eq!(has(&stage, &ann).await, (Plan::Pro, 500));
    stage.pass(2);
    assert_eq!(has(&stage, &ann).await.0, Plan::Free, "by the clock");
    stage.hear().await;
    assert_eq!(stage.subscription(&ann).await["subscription"]["status"], "canceled");
    assert_eq!(stage.cancel(&ann, true).await.brief(), "409 not_subscribed");
    // A new subscription is possible.
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
    // The last event is delivered first.
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
    // A copy of the first event under another id, long after the end.
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
        let first = stage.billing(&ann).await.subscription.unwrap().id;
        stage.pass(1);
        let second = stage.subscribe_elsewhere(&ann, Plan::Enterprise).await;
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
        let second = stage.at_stripe().object(&second).unwrap();
        assert_eq!(second["status"], "canceled");
        let types = stage.at_stripe().event_types();
        assert_eq!(types.iter().filter(|kind| *kind == "refund.created").count(), 1);
        let deed = "surplus_subscriptions end_surplus user: -";
        assert_eq!(stage.deeds().await, [deed], "delivered more than once, done once");
        stage.close().await;
    }
}

/// A plan off sale continues for its subscribers: its price is archived, or its lookup key is
/// transferred to another product's price.
#[tokio::test]
async fn a_plan_off_sale_is_granted_with_every_renewal() {
    for replaced in [false, true] {
        let (mut stage, ann) = subscribed("ann", "pro").await;
        let price = stage.price_of(Plan::Pro).await;
        if replaced {
            let product = stage.post_to_stripe("products", &[("name", "Pro+of+next+year")]).await;
            let form = [
                ("currency", "usd"),
                ("unit_amount", "3900"),
                ("recurring[interval]", "month"),
                ("product", product["id"].as_str().unwrap()),
                ("lookup_key", Plan::Pro.terms().lookup_key.unwrap()),
                ("transfer_lookup_key", "true"),
            ];
            stage.post_to_stripe("prices", &form).await;
        }
        stage.post_to_stripe(&format!("prices/{price}"), &[("active", "false")]).await;
        stage.restart();
        stage.spend(&ann, 100).await;
        stage.pass(31);
        stage.hear().await;
        assert_eq!(has(&stage, &ann).await, (Plan::Pro, 500), "replaced: {replaced}");
        assert_eq!(stage.account(&ann).await.credits.totals().granted, 10 + 500 + 500);
        stage.close().await;
    }
}

#[tokio::test]
async fn what_is_paid_for_no_plan_is_parked_until_the_catalogue_is_mended() {
    let mut stage = Stage::new().await;
    let ann = stage.member("ann");
    assert_eq!(stage.portal(&ann).await.status(), 200);
    let product = stage.post_to_stripe("products", &[("name", "Studio")]).await;
    let form = [
        ("currency", "usd"),
        ("unit_amount", "5000"),
        ("recurring[interval]", "month"),
        ("product", product["id"].as_str().unwrap()),
    ];
    let price = stage.post_to_stripe("prices", &form).await["id"].as_str().unwrap().to_owned();
    stage.subscribe_to(&ann, &price).await;
    stage.hear().await;
    let parked = stage.app.store.parked_events(None, 100).await.unwrap().items;
    assert!(parked.iter().any(|event| event.kind == "invoice.paid"), "{parked:?}");
    assert!(parked.iter().all(|event| event.why.contains("matches no plan")), "{parked:?}");
    assert_eq!(has(&stage, &ann).await, (Plan::Free, 10));

    let key = Plan::Enterprise.terms().lookup_key.unwrap();
    let form = [("lookup_key", key), ("transfer_lookup_key", "true")];
    stage.post_to_stripe(&format!("prices/{price}"), &form).await;
    stage.restart();
    stage.reconcile().await.unwrap();
    assert_eq!(has(&stage, &ann).await.0, Plan::Enterprise);
    assert_eq!(stage.app.store.parked_events(None, 100).await.unwrap().items, []);
    stage.close().await;
}

/// A downgrade in the portal creates a schedule, which prevents a direct cancellation.
#[tokio::test]
async fn a_plan_is_cancelled_after_a_downgrade_was_planned() {
    let (stage, ann) = subscribed("ann", "enterprise").await;
    stage.downgrade(&ann, Plan::Pro).await;
    stage.hear().await;
    let theirs = stage.billing(&ann).await.subscription.unwrap().id;
    let at_stripe = || stage.at_stripe().object(theirs.as_str()).unwrap();
    assert!(at_stripe()["schedule"].is_string());
    let told = stage.cancel(&ann, false).await;
    assert_eq!(told.status(), 200, "it renews unchanged: {}", told.pretty());
    assert!(at_stripe()["schedule"].is_string(), "and the downgrade is still planned");
    for _ in 0..2 {
        let told = stage.cancel(&ann, true).await;
        assert_eq!(told.status(), 200, "{}", told.pretty());
        assert_eq!(told.json()["subscription"]["cancel_at_period_end"], true);
    }
    assert_eq!(at_stripe()["schedule"], json!(null));
    stage.pass(31);
    stage.hear().await;
    assert_eq!(has(&stage, &ann).await.0, Plan::Free);
    assert_eq!(stage.invoices(&ann).await.len(), 1, "nothing more was charged");
    stage.close().await;
}

/// Stripe reports the payment before the subscription is active.
#[tokio::test]
async fn a_payment_waits_for_its_subscription() {
    for only_the_payment in [false, true] {
        let stage = Stage::new().await;
        let ann = stage.member("ann");
        let late = SettingsChange { activates_after_s: Some(3_600), ..SettingsChange::default() };
        stage.at_stripe().change_settings(late).unwrap();
        let url = stage.checkout(&ann, json!({"plan": "pro"})).await;
        stage.pay(&url, Card::Succeeds);
        stage.hear().await;
        assert_eq!(stage.invoices(&ann).await[0]["status"], "paid");
        assert_eq!(has(&stage, &ann).await, (Plan::Free, 10));
        stage.pass(1);
        if only_the_payment {
            stage.events();
            stage.reconcile().await.unwrap();
        } else {
            stage.hear().await;
        }
        assert_eq!(has(&stage, &ann).await, (Plan::Pro, 500));
        assert_eq!(stage.account(&ann).await.credits.totals().granted, 510, "once");
        stage.close().await;
    }
}

/// A permanently banned member is not charged again, whatever else fails on that day.
#[tokio::test]
async fn a_ban_without_an_end_stops_the_renewal() {
    for stripe_fails in [false, true] {
        let (stage, ann) = subscribed("ann", "pro").await;
        if stripe_fails {
            let order = Order::next(Fault::Answer(AnswerFault::ServerError)).times(3);
            let order = order.on_marker("POST /stripe/v1/subscriptions");
            stage.sandbox.order(order).unwrap();
        }
        let ban = json!({ "reason": "Chargeback fraud." });
        for _ in 0..2 {
            let answer = stage.ban(&ann, "k", ban.clone()).await;
            assert_eq!(answer.status(), 200, "{}", answer.pretty());
            let told = &answer.json()["subscription"];
            assert_eq!(
                (&told["plan"], &told["cancel_at_period_end"]),
                (&json!("pro"), &json!(true))
            );
        }
        stage.hear().await;
        stage.pass(1);
        stage.reconcile().await.unwrap();
        stage.hear().await;
        let told = stage.subscription(&ann).await;
        assert_eq!(told["subscription"]["cancel_at_period_end"], true);
        let deeds = stage.deeds().await;
        let stopped = |it: &&String| it.contains("banned_subscriptions stop_renewal user");
        assert_eq!(deeds.iter().filter(stopped).count(), 1, "{deeds:?}");
        assert_eq!(stage.cancel(&ann, false).await.brief(), "403 account_suspended");

        // Not through the portal either.
        let theirs = stage.billing(&ann).await.subscription.unwrap().id;
        let form = [("cancel_at_period_end", "false")];
        stage.post_to_stripe(&format!("subscriptions/{theirs}"), &form).await;
        stage.hear().await;
        stage.hear().await;
        assert_eq!(stage.subscription(&ann).await["subscription"]["cancel_at_period_end"], true);

        // After the ban it stays canceled, and the member may resume it.
        let lifted = stage.unban(&ann, json!({ "reason": "A mistake of ours." })).await;
        assert_eq!(lifted.json()["subscription"]["cancel_at_period_end"], true);
        assert_eq!(stage.cancel(&ann, false).await.status(), 200);
        stage.hear().await;
        assert_eq!(stage.subscription(&ann).await["subscription"]["cancel_at_period_end"], false);
        assert_eq!(stage.app.store.due_follow_ups(100).await.unwrap(), []);
        stage.close().await;
    }
}

#[tokio::test]
async fn a_ban_for_a_while_leaves_the_subscription() {
    let (stage, ann) = subscribed("ann", "pro").await;
    let until = stage.app.now().plus(DAY * 3);
    let ban = json!({ "reason": "To cool down.", "until": until });
    let answer = stage.ban(&ann, "k", ban).await;
    assert_eq!(answer.json()["subscription"]["cancel_at_period_end"], false);
    stage.reconcile().await.unwrap();
    stage.hear().await;
    assert_eq!(stage.subscription(&ann).await["subscription"]["cancel_at_period_end"], false);
    stage.close().await;
}
