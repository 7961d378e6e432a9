//! A member's Stripe customer: it has the member's email, and is created again after a deletion.

use domain::plan::Plan;
use sandbox::stripe::Card;
use serde_json::json;
use testing::Actor;

use crate::billing_app::{BillingApp, session_of};

async fn address_at_stripe(app: &BillingApp, of: &Actor) -> String {
    let customer = app.billing(of).await.customer.unwrap();
    let customer = app.stripe().object(customer.as_str()).unwrap();
    customer["email"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn an_address_changed_at_the_issuer_is_changed_at_stripe() {
    let app = BillingApp::new().await;
    let ann = app.new_member("ann");
    app.subscribe(&ann, "pro").await;
    let before = address_at_stripe(&app, &ann).await;
    // Any request carries the new email; the nightly run copies it to Stripe.
    let ann = ann.at_address("ann@new.test");
    let settings = json!({"enabled": true, "pack": "pack_50", "below": 5, "monthly_max": 1});
    assert_eq!(app.top_up(&ann, settings).await.status(), 200);
    assert_eq!(address_at_stripe(&app, &ann).await, before);
    app.reconcile().await.unwrap();
    assert_eq!(address_at_stripe(&app, &ann).await, "ann@new.test");
    assert_eq!(app.store.due_follow_ups(None, 100).await.unwrap().items, []);
    // Opening a hosted page copies it immediately.
    let ann = ann.at_address("ann@newer.test");
    assert_eq!(app.portal(&ann).await.status(), 200);
    assert_eq!(address_at_stripe(&app, &ann).await, "ann@newer.test");
    app.close().await;
}

#[tokio::test]
async fn a_customer_deleted_at_stripe_is_created_again() {
    let app = BillingApp::new().await;
    let ann = app.new_member("ann");
    app.subscribe(&ann, "pro").await;
    let first = app.billing(&ann).await.customer.unwrap();
    app.delete_customer(&ann).await;
    app.deliver_events().await;
    assert_eq!(app.account(&ann.id).await.plan, Plan::Free);
    assert_eq!(app.portal(&ann).await.status(), 200);
    let second = app.billing(&ann).await.customer.unwrap();
    assert_ne!(second, first);
    app.subscribe(&ann, "enterprise").await;
    app.buy(&ann, "pack_50").await;
    assert_eq!(app.billing(&ann).await.customer.unwrap(), second, "once");
    assert_eq!(app.account(&ann.id).await.plan, Plan::Enterprise);
    app.close().await;
}

/// An open session of the deleted customer is replaced.
#[tokio::test]
async fn an_open_page_of_a_deleted_customer_is_replaced() {
    let app = BillingApp::new().await;
    let ann = app.new_member("ann");
    let old = app.checkout(&ann, json!({"plan": "pro"})).await;
    app.delete_customer(&ann).await;
    let new = app.checkout(&ann, json!({"plan": "pro"})).await;
    assert_ne!(session_of(&new), session_of(&old));
    app.pay(&new, Card::Succeeds);
    app.deliver_events().await;
    assert_eq!(app.account(&ann.id).await.plan, Plan::Pro);
    app.close().await;
}

/// No card of a deleted customer is charged: the top-up pauses with its reason.
#[tokio::test]
async fn a_top_up_of_a_deleted_customer_stops() {
    let app = BillingApp::new().await;
    let ann = app.new_member("ann");
    app.buy(&ann, "pack_50").await;
    let settings = json!({"enabled": true, "pack": "pack_50", "below": 20, "monthly_max": 1});
    assert_eq!(app.top_up(&ann, settings).await.status(), 200);
    app.delete_customer(&ann).await;
    app.spend(&ann, 45).await;
    assert_eq!(app.relay_top_ups().await, 1);
    let shown = app.subscription(&ann).await;
    assert_eq!(shown["top_up"]["status"], "paused", "{shown}");
    app.close().await;
}

/// Staff subscribe a member in Stripe's dashboard who never opened a page of ours.
#[tokio::test]
async fn a_subscription_from_the_dashboard_brings_its_customer_by_event_or_at_night() {
    for is_delivered in [true, false] {
        let app = BillingApp::new().await;
        let ann = app.new_member("ann");
        let made = app.post_to_stripe("customers", &[("email", "ann@prolight.test")]).await;
        let customer = made["id"].as_str().unwrap();
        let price = app.price_of(Plan::Pro).await;
        app.subscribe_customer(&ann, customer, &price).await;
        match is_delivered {
            true => app.deliver_events().await,
            false => app.reconcile().await.unwrap(),
        }
        assert_eq!(app.account(&ann.id).await.plan, Plan::Pro);
        assert_eq!(app.billing(&ann).await.customer.unwrap().as_str(), customer);
        app.close().await;
    }
}
