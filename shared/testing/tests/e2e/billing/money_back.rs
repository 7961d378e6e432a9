//! Refunds: unspent credits are removed, spent ones become debt.

use serde_json::{Value, json};

use super::stripe;
use crate::member::{GENERATIONS, Member, quick};

#[tokio::test]
async fn what_was_spent_of_money_taken_back_is_owed() {
    let member = Member::new().await;
    let refunded = member.buy_50().await;
    // The ten free credits, which expire, are spent first.
    for nth in 1..=11 {
        member.make(&quick(&format!("coin number {nth}"))).await;
    }
    member.has(49).await;
    stripe::make("refund", json!({ "payment_intent": payment_of(&refunded).await })).await;
    owes(&member, 1).await;
    let receipt = &member.invoices().await[0];
    assert_eq!(receipt["amount_refunded"]["amount"], 500);
    let document = stripe::visit(&member.pdf_of(receipt).await).await;
    assert!(document.body.starts_with(b"%PDF-"), "the receipt shows the refund");

    let disputed = member.pay_for(json!({ "pack": "pack_50" })).await;
    assert_eq!(member.has(49).await["debt"], 0, "the next pack pays the debt first");
    member.make(&quick("a coin, after all")).await;
    member.has(48).await;
    let dispute = json!({ "payment_intent": payment_of(&disputed).await });
    let dispute = stripe::make("dispute", dispute).await["dispute"].clone();
    owes(&member, 2).await;
    stripe::make("dispute/close", json!({ "dispute": dispute, "outcome": "won" })).await;
    assert_eq!(member.has(48).await["debt"], 0, "the credits return");
    member.make(&quick("the last coin")).await;
    member.check_books().await;
}

/// Asserts that no credit is left, this many are owed, and no image is made until they are paid.
async fn owes(member: &Member, debt: u64) {
    let credits = member.credits_when("a debt", |credits| credits["debt"] == debt).await;
    assert_eq!(credits["available"], 0);
    let refused = member.post(GENERATIONS, &quick("one more coin")).await;
    let problem = refused.problem(402, "insufficient_credits");
    assert_eq!((&problem["debt"], &problem["missing"]), (&json!(debt), &json!(debt + 1)));
    let told = problem["detail"].as_str().unwrap();
    assert!(told.contains(&format!("{debt} owed")), "{problem}");
}

/// The payment of a paid checkout.
async fn payment_of(checkout: &str) -> Value {
    stripe::completed(checkout).await["payment_intent"].clone()
}
