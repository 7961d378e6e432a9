//! Subscriptions over months: renewals, failures, upgrades, cancellations.

use domain::{plan::Plan, time::DAY};
use sandbox::{
    faults::{AnswerFault, Fault, Order},
    stripe::{Card, SettingsChange},
};
use serde_json::{Value, json};
use testing::{Actor, Answer};

use crate::billing_app::{BillingApp, kind_of};

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

async fn ban(app: &BillingApp, member: &Actor, body: Value) -> Answer {
    let path = format!("/api/v1/admin/users/{}/ban", member.id);
    app.client(&Actor::admin()).post(path).key("k").json(body).await
}

async fn unban(app: &BillingApp, member: &Actor, body: Value) -> Answer {
    let path = format!("/api/v1/admin/users/{}/unban", member.id);
    app.client(&Actor::admin()).post(path).json(body).await
}

#[tokio::test]
async fn a_renewal_replaces_the_credits_and_packs_stay() {
    let (app, ann) = subscribed("ann", "pro").await;
    app.buy(&ann, "pack_50").await;
    app.spend(&ann, 120).await;
    for _ in 0..3 {
        app.advance_days(31);
        app.deliver_events().await;
        assert_eq!(has(&app, &ann).await, (Plan::Pro, 550));
    }
    assert_eq!(app.invoices(&ann).await.len(), 5);
    app.close().await;
}

#[tokio::test]
async fn a_failed_renewal_keeps_the_plan_for_seven_days() {
    let (app, ann) = subscribed("ann", "pro").await;
    let customer = app.billing(&ann).await.customer.unwrap();
    app.stripe().set_card(customer.as_str(), Card::Declines).unwrap();
    app.advance_days(31);
    app.deliver_events().await;
    let shown = app.subscription(&ann).await;
    assert_eq!(shown["subscription"]["status"], "past_due");
    assert_eq!(shown["subscription"]["payment_due"], true);
    let open = app.invoices(&ann).await.into_iter().find(|it| it["status"] == "open").unwrap();
    let page = &open["links"]["hosted"];
    assert!(page.is_string() && shown["subscription"]["pay_url"] == *page, "{shown:#}");
    assert_eq!(app.credits(&ann).await["next_grant"], json!(null), "it is not paid");
    assert_eq!(has(&app, &ann).await, (Plan::Pro, 500), "in its grace period");
    // No event reports the end: the plan ends anyway.
    app.advance_days(7);
    assert_eq!(has(&app, &ann).await.0, Plan::Free);
    app.deliver_events().await;
    assert_eq!(has(&app, &ann).await.0, Plan::Free);
    app.close().await;
}

#[tokio::test]
async fn a_new_card_in_the_grace_brings_the_new_period() {
    let (app, ann) = subscribed("ann", "pro").await;
    let customer = app.billing(&ann).await.customer.unwrap();
    app.stripe().set_card(customer.as_str(), Card::Declines).unwrap();
    app.advance_days(31);
    app.deliver_events().await;
    app.stripe().set_card(customer.as_str(), Card::Succeeds).unwrap();
    app.advance_days(3);
    app.deliver_events().await;
    assert_eq!(has(&app, &ann).await, (Plan::Pro, 500));
    let shown = app.subscription(&ann).await;
    assert_eq!(shown["subscription"]["status"], "active");
    let granted = app.account(&ann.id).await.credits.totals().granted;
    assert_eq!(granted, 10 + 500 + 500);
    app.close().await;
}

#[tokio::test]
async fn an_upgrade_is_unlimited_at_once_also_after_all_was_spent() {
    for spent in [0, 500] {
        let (app, ann) = subscribed("ann", "pro").await;
        if spent > 0 {
            app.spend(&ann, spent).await;
        }
        app.advance_days(10);
        app.switch_plan(&ann, Plan::Enterprise).await;
        app.deliver_events().await;
        let credits = app.credits(&ann).await;
        assert_eq!((&credits["plan"], &credits["unlimited"]), (&json!("enterprise"), &json!(true)));
        assert_eq!((&credits["available"], &credits["debt"]), (&json!(null), &json!(0)));
        assert_eq!(app.usage(&ann).await["limit"], json!(null));
        app.spend(&ann, 40).await;
        assert_eq!(app.usage(&ann).await["used"], 40, "usage is metered anyway");
        app.close().await;
    }
}

#[tokio::test]
async fn a_cancelled_plan_runs_to_its_end_and_can_be_resumed_before() {
    let (app, ann) = subscribed("ann", "pro").await;
    let shown = app.cancel(&ann, true).await;
    assert_eq!(shown.json()["subscription"]["cancel_at_period_end"], true, "{}", shown.pretty());
    let ends = shown.json()["plan_ends_at"].clone();
    assert_eq!(ends, shown.json()["subscription"]["current_period"]["ends_at"], "no grace");
    let theirs = shown.json()["subscription"].clone();
    assert_eq!(theirs["renews_at"], json!(null));
    assert_eq!(theirs["scheduled_change"], json!({"plan": "free", "at": ends}));
    assert_eq!(app.credits(&ann).await["next_grant"]["plan"], "free");
    let shown = app.cancel(&ann, false).await.json();
    assert_eq!(shown["subscription"]["cancel_at_period_end"], false);
    assert_ne!(shown["plan_ends_at"], ends);
    let theirs = &shown["subscription"];
    assert_eq!((&theirs["renews_at"], &theirs["scheduled_change"]), (&ends, &json!(null)));
    let next = json!({"at": ends, "plan": "pro", "credits": 500});
    assert_eq!(app.credits(&ann).await["next_grant"], next);
    app.deliver_events().await;
    assert_eq!(app.cancel(&ann, true).await.status(), 200);
    assert_eq!(app.cancel(&ann, true).await.status(), 200, "the same request again");
    app.advance_days(29);
    app.deliver_events().await;
    assert_eq!(has(&app, &ann).await, (Plan::Pro, 500));
    app.advance_days(2);
    assert_eq!(has(&app, &ann).await.0, Plan::Free, "by the clock");
    app.deliver_events().await;
    assert_eq!(app.subscription(&ann).await["subscription"]["status"], "canceled");
    assert_eq!(app.cancel(&ann, true).await.brief(), "409 not_subscribed");
    // A new subscription is possible.
    app.subscribe(&ann, "enterprise").await;
    assert_eq!(has(&app, &ann).await.0, Plan::Enterprise);
    app.close().await;
}

#[tokio::test]
async fn a_subscription_that_staff_end_ends_at_once() {
    let (app, ann) = subscribed("ann", "enterprise").await;
    let theirs = app.billing(&ann).await.subscription.unwrap().id;
    app.stripe().cancel(theirs.as_str()).unwrap();
    app.deliver_events().await;
    assert_eq!(has(&app, &ann).await.0, Plan::Free);
    app.close().await;
}

#[tokio::test]
async fn updated_before_created_and_created_after_deleted() {
    let app = BillingApp::new().await;
    let ann = app.new_member("ann");
    let url = app.checkout(&ann, json!({"plan": "pro"})).await;
    app.pay(&url, Card::Succeeds);
    let mut events = app.events();
    // The last event is delivered first.
    events.reverse();
    for event in &events {
        assert_eq!(app.deliver(event).await, 200);
    }
    assert_eq!(has(&app, &ann).await, (Plan::Pro, 500));
    let theirs = app.billing(&ann).await.subscription.unwrap().id;
    app.stripe().cancel(theirs.as_str()).unwrap();
    let mut end = app.events();
    let created = |event: &&String| kind_of(event) == "customer.subscription.created";
    let created = events.iter().find(created).unwrap().clone();
    // A copy of the first event under another id, long after the end.
    end.push(created.replace(&crate::billing_app::id_of(&created), "evt_again"));
    for event in &end {
        assert_eq!(app.deliver(event).await, 200);
    }
    assert_eq!(has(&app, &ann).await.0, Plan::Free);
    app.close().await;
}

#[tokio::test]
async fn a_second_subscription_is_ended_and_refunded() {
    for reversed in [false, true] {
        let (app, ann) = subscribed("ann", "pro").await;
        let first = app.billing(&ann).await.subscription.unwrap().id;
        app.advance_days(1);
        let second = app.subscribe_elsewhere(&ann, Plan::Enterprise).await;
        let mut events = app.events();
        if reversed {
            events.reverse();
        }
        for event in &events {
            assert_eq!(app.deliver(event).await, 200, "{}", kind_of(event));
        }
        app.deliver_events().await;
        assert_eq!(has(&app, &ann).await, (Plan::Pro, 500), "reversed: {reversed}");
        assert_eq!(app.billing(&ann).await.subscription.unwrap().id, first);
        let second = app.stripe().object(&second).unwrap();
        assert_eq!(second["status"], "canceled");
        let types = app.stripe().event_types();
        assert_eq!(types.iter().filter(|kind| *kind == "refund.created").count(), 1);
        let line = "surplus_subscriptions end_surplus user: -";
        assert_eq!(app.audit_lines().await, [line], "delivered more than once, done once");
        app.close().await;
    }
}

/// A plan off sale continues for its subscribers: its price is archived, or its lookup key is
/// transferred to another product's price.
#[tokio::test]
async fn a_plan_off_sale_is_granted_with_every_renewal() {
    for replaced in [false, true] {
        let (app, ann) = subscribed("ann", "pro").await;
        let price = app.price_of(Plan::Pro).await;
        if replaced {
            let product = app.post_to_stripe("products", &[("name", "Pro+of+next+year")]).await;
            let form = [
                ("currency", "usd"),
                ("unit_amount", "3900"),
                ("recurring[interval]", "month"),
                ("product", product["id"].as_str().unwrap()),
                ("lookup_key", Plan::Pro.terms().lookup_key.unwrap()),
                ("transfer_lookup_key", "true"),
            ];
            app.post_to_stripe("prices", &form).await;
        }
        app.post_to_stripe(&format!("prices/{price}"), &[("active", "false")]).await;
        app.restart();
        app.spend(&ann, 100).await;
        app.advance_days(31);
        app.deliver_events().await;
        assert_eq!(has(&app, &ann).await, (Plan::Pro, 500), "replaced: {replaced}");
        assert_eq!(app.account(&ann.id).await.credits.totals().granted, 10 + 500 + 500);
        app.close().await;
    }
}

#[tokio::test]
async fn a_payment_for_no_plan_is_parked_until_the_catalogue_is_corrected() {
    let app = BillingApp::new().await;
    let ann = app.new_member("ann");
    assert_eq!(app.portal(&ann).await.status(), 200);
    let product = app.post_to_stripe("products", &[("name", "Studio")]).await;
    let form = [
        ("currency", "usd"),
        ("unit_amount", "5000"),
        ("recurring[interval]", "month"),
        ("product", product["id"].as_str().unwrap()),
    ];
    let price = app.post_to_stripe("prices", &form).await["id"].as_str().unwrap().to_owned();
    app.subscribe_to(&ann, &price).await;
    app.deliver_events().await;
    let parked = app.store.parked_events(None, 100).await.unwrap().items;
    assert!(parked.iter().any(|event| event.kind == "invoice.paid"), "{parked:?}");
    assert!(parked.iter().all(|event| event.why.contains("matches no plan")), "{parked:?}");
    assert_eq!(has(&app, &ann).await, (Plan::Free, 10));

    let key = Plan::Enterprise.terms().lookup_key.unwrap();
    let form = [("lookup_key", key), ("transfer_lookup_key", "true")];
    app.post_to_stripe(&format!("prices/{price}"), &form).await;
    app.restart();
    app.reconcile().await.unwrap();
    assert_eq!(has(&app, &ann).await.0, Plan::Enterprise);
    assert_eq!(app.store.parked_events(None, 100).await.unwrap().items, []);
    app.close().await;
}

/// A downgrade in the portal creates a schedule, which prevents a direct cancellation.
#[tokio::test]
async fn a_plan_is_cancelled_after_a_downgrade_was_planned() {
    let (app, ann) = subscribed("ann", "enterprise").await;
    app.downgrade(&ann, Plan::Pro).await;
    app.deliver_events().await;
    let theirs = app.billing(&ann).await.subscription.unwrap().id;
    let at_stripe = || app.stripe().object(theirs.as_str()).unwrap();
    assert!(at_stripe()["schedule"].is_string());
    let shown = app.subscription(&ann).await["subscription"].clone();
    let change = json!({"plan": "pro", "at": shown["current_period"]["ends_at"]});
    assert_eq!(shown["scheduled_change"], change);
    assert_eq!(shown["renews_at"], change["at"]);
    let next = json!({"at": change["at"], "plan": "pro", "credits": 500});
    assert_eq!(app.credits(&ann).await["next_grant"], next);
    let shown = app.cancel(&ann, false).await;
    assert_eq!(shown.status(), 200, "it renews unchanged: {}", shown.pretty());
    assert!(at_stripe()["schedule"].is_string(), "and the downgrade is still planned");
    for _ in 0..2 {
        let shown = app.cancel(&ann, true).await;
        assert_eq!(shown.status(), 200, "{}", shown.pretty());
        assert_eq!(shown.json()["subscription"]["cancel_at_period_end"], true);
    }
    assert_eq!(at_stripe()["schedule"], json!(null));
    app.advance_days(31);
    app.deliver_events().await;
    assert_eq!(has(&app, &ann).await.0, Plan::Free);
    assert_eq!(app.invoices(&ann).await.len(), 1, "nothing more was charged");
    app.close().await;
}

/// Stripe reports the payment before the subscription is active.
#[tokio::test]
async fn a_payment_waits_for_its_subscription() {
    for only_the_payment in [false, true] {
        let app = BillingApp::new().await;
        let ann = app.new_member("ann");
        let late = SettingsChange { activates_after_s: Some(3_600), ..SettingsChange::default() };
        app.stripe().change_settings(late).unwrap();
        let url = app.checkout(&ann, json!({"plan": "pro"})).await;
        app.pay(&url, Card::Succeeds);
        app.deliver_events().await;
        assert_eq!(app.invoices(&ann).await[0]["status"], "paid");
        assert_eq!(has(&app, &ann).await, (Plan::Free, 10));
        app.advance_days(1);
        if only_the_payment {
            app.events();
            app.reconcile().await.unwrap();
        } else {
            app.deliver_events().await;
        }
        assert_eq!(has(&app, &ann).await, (Plan::Pro, 500));
        assert_eq!(app.account(&ann.id).await.credits.totals().granted, 510, "once");
        app.close().await;
    }
}

/// A permanently banned member is not charged again, whatever else fails on that day.
#[tokio::test]
async fn a_ban_without_an_end_stops_the_renewal() {
    for stripe_fails in [false, true] {
        let (app, ann) = subscribed("ann", "pro").await;
        if stripe_fails {
            let order = Order::next(Fault::Answer(AnswerFault::ServerError)).times(3);
            let order = order.on_marker("POST /stripe/v1/subscriptions");
            app.sandbox.order(order).unwrap();
        }
        let ban_body = json!({ "reason": "Chargeback fraud." });
        for _ in 0..2 {
            let answer = ban(&app, &ann, ban_body.clone()).await;
            assert_eq!(answer.status(), 200, "{}", answer.pretty());
            let shown = &answer.json()["subscription"];
            assert_eq!(
                (&shown["plan"], &shown["cancel_at_period_end"]),
                (&json!("pro"), &json!(true))
            );
        }
        app.deliver_events().await;
        app.advance_days(1);
        app.reconcile().await.unwrap();
        app.deliver_events().await;
        let shown = app.subscription(&ann).await;
        assert_eq!(shown["subscription"]["cancel_at_period_end"], true);
        let audit_lines = app.audit_lines().await;
        let stopped = |it: &&String| it.contains("banned_subscriptions stop_renewal user");
        assert_eq!(audit_lines.iter().filter(stopped).count(), 1, "{audit_lines:?}");
        assert_eq!(app.cancel(&ann, false).await.brief(), "403 account_suspended");

        // Not through the portal either.
        let theirs = app.billing(&ann).await.subscription.unwrap().id;
        let form = [("cancel_at_period_end", "false")];
        app.post_to_stripe(&format!("subscriptions/{theirs}"), &form).await;
        app.deliver_events().await;
        app.deliver_events().await;
        assert_eq!(app.subscription(&ann).await["subscription"]["cancel_at_period_end"], true);

        // After the ban it stays canceled, and the member may resume it.
        let lifted = unban(&app, &ann, json!({ "reason": "A mistake of ours." })).await;
        assert_eq!(lifted.json()["subscription"]["cancel_at_period_end"], true);
        assert_eq!(app.cancel(&ann, false).await.status(), 200);
        app.deliver_events().await;
        assert_eq!(app.subscription(&ann).await["subscription"]["cancel_at_period_end"], false);
        assert_eq!(app.store.due_follow_ups(None, 100).await.unwrap().items, []);
        app.close().await;
    }
}

#[tokio::test]
async fn a_ban_for_a_while_leaves_the_subscription() {
    let (app, ann) = subscribed("ann", "pro").await;
    let until = app.now().plus(DAY * 3);
    let body = json!({ "reason": "To cool down.", "until": until });
    let answer = ban(&app, &ann, body).await;
    assert_eq!(answer.json()["subscription"]["cancel_at_period_end"], false);
    app.reconcile().await.unwrap();
    app.deliver_events().await;
    assert_eq!(app.subscription(&ann).await["subscription"]["cancel_at_period_end"], false);
    app.close().await;
}
