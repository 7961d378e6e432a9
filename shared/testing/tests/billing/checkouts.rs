//! Opening Stripe's pages and paying on them.

use sandbox::stripe::Card;
use serde_json::json;

use crate::stage::Stage;

#[tokio::test]
async fn a_pack_is_paid_for_and_its_credits_are_there() {
    let stage = Stage::new().await;
    let ann = stage.member("ann");
    let order = stage.buy(&ann, "pack_50").await;
    assert_eq!(order.paid.unwrap().amount, 500);
    assert_eq!(stage.credits(&ann).await["available"], 60);
    let receipts = stage.invoices(&ann).await;
    assert_eq!((receipts.len(), &receipts[0]["total"]["amount"]), (1, &json!(500)));
    stage.close().await;
}

#[tokio::test]
async fn a_plan_is_subscribed_to_and_its_credits_are_there() {
    let stage = Stage::new().await;
    let ann = stage.member("ann");
    stage.subscribe(&ann, "pro").await;
    let credits = stage.credits(&ann).await;
    assert_eq!((&credits["plan"], &credits["available"]), (&json!("pro"), &json!(500)));
    let again = stage.try_checkout(&ann, "again", json!({ "plan": "pro" })).await;
    assert_eq!(again.brief(), "409 already_subscribed");
    stage.close().await;
}

#[tokio::test]
async fn a_declined_card_changes_nothing() {
    let stage = Stage::new().await;
    let ann = stage.member("ann");
    let url = stage.checkout(&ann, json!({ "pack": "pack_200" })).await;
    stage.pay(&url, Card::Declines);
    stage.hear().await;
    assert_eq!(stage.credits(&ann).await["available"], 10);
    stage.pay(&url, Card::Succeeds);
    stage.hear().await;
    assert_eq!(stage.credits(&ann).await["available"], 210);
    stage.close().await;
}
