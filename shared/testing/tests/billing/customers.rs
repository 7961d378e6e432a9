//! A member's Stripe customer: it has the member's email, and is created again after a deletion.

use domain::plan::Plan;
use sandbox::stripe::Card;
use serde_json::json;
use testing::Actor;

use crate::stage::{Stage, session_of};

async fn address_at_stripe(stage: &Stage, of: &Actor) -> String {
    let customer = stage.billing(of).await.customer.unwrap();
    let customer = stage.at_stripe().object(customer.as_str()).unwrap();
    customer["email"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn an_address_that_changed_at_the_issuer_changes_at_stripe() {
    let stage = Stage::new().await;
    let ann = stage.member("ann");
    stage.subscribe(&ann, "pro").await;
    let before = address_at_stripe(&stage, &ann).await;
    // Any request carries the new email; the nightly run copies it to Stripe.
    let ann = ann.at_address("ann@new.test");
    let wish = json!({"enabled": true, "pack": "pack_50", "below": 5, "monthly_max": 1});
    assert_eq!(stage.top_up(&ann, wish).await.status(), 200);
    assert_eq!(address_at_stripe(&stage, &ann).await, before);
    stage.reconcile().await.unwrap();
    assert_eq!(address_at_stripe(&stage, &ann).await, "ann@new.test");
    assert_eq!(stage.app.store.due_follow_ups(100).await.unwrap(), []);
    // Opening a hosted page copies it immediately.
    let ann = ann.at_address("ann@newer.test");
    assert_eq!(stage.portal(&ann).await.status(), 200);
    assert_eq!(address_at_stripe(&stage, &ann).await, "ann@newer.test");
    stage.close().await;
}

#[tokio::test]
async fn a_customer_who_was_deleted_at_stripe_is_made_anew() {
    let stage = Stage::new().await;
    let ann = stage.member("ann");
    stage.subscribe(&ann, "pro").await;
    let first = stage.billing(&ann).await.customer.unwrap();
    stage.delete_customer(&ann).await;
    stage.hear().await;
    assert_eq!(stage.account(&ann).await.plan, Plan::Free);
    assert_eq!(stage.portal(&ann).await.status(), 200);
    let second = stage.billing(&ann).await.customer.unwrap();
    assert_ne!(second, first);
    stage.subscribe(&ann, "enterprise").await;
    stage.buy(&ann, "pack_50").await;
    assert_eq!(stage.billing(&ann).await.customer.unwrap(), second, "once");
    assert_eq!(stage.account(&ann).await.plan, Plan::Enterprise);
    stage.close().await;
}

/// An open session of the deleted customer is replaced.
#[tokio::test]
async fn an_open_page_of_a_deleted_customer_is_replaced() {
    let stage = Stage::new().await;
    let ann = stage.member("ann");
    let old = stage.checkout(&ann, json!({"plan": "pro"})).await;
    stage.delete_customer(&ann).await;
    let new = stage.checkout(&ann, json!({"plan": "pro"})).await;
    assert_ne!(session_of(&new), session_of(&old));
    stage.pay(&new, Card::Succeeds);
    stage.hear().await;
    assert_eq!(stage.account(&ann).await.plan, Plan::Pro);
    stage.close().await;
}

/// No card of a deleted customer is charged: the top-up pauses with its reason.
#[tokio::test]
async fn a_top_up_of_a_deleted_customer_stops() {
    let stage = Stage::new().await;
    let ann = stage.member("ann");
    stage.buy(&ann, "pack_50").await;
    let wish = json!({"enabled": true, "pack": "pack_50", "below": 20, "monthly_max": 1});
    assert_eq!(stage.top_up(&ann, wish).await.status(), 200);
    stage.delete_customer(&ann).await;
    stage.spend(&ann, 45).await;
    assert_eq!(stage.work_on_top_ups().await, 1);
    let told = stage.subscription(&ann).await;
    assert_eq!(told["top_up"]["state"], "paused", "{told}");
    stage.close().await;
}
