//! Automatic top-ups: from a spent credit through stream and queue to the saved card.

use reqwest::Method;
use serde_json::{Value, json};

use super::stripe::{self, DECLINED, PAYS};
use crate::member::{Member, answer, quick, text};

fn settings(below: u32) -> Value {
    json!({ "enabled": true, "pack": "pack_50", "below": below, "monthly_max": 3 })
}

#[tokio::test]
async fn a_pack_is_bought_when_the_balance_falls_below() {
    let member = Member::new().await;
    let url = member.buy_50().await;
    let told = member.top_up(settings(60)).await;
    assert_eq!((&told["status"], &told["bought_this_month"]), (&json!("armed"), &json!(0)));
    member.make(&quick("a jar of coins")).await;
    member.has(109).await;
    let told = &member.subscription().await["top_up"];
    assert_eq!((&told["status"], &told["bought_this_month"]), (&json!("armed"), &json!(1)));
    assert_eq!(member.invoices().await.len(), 2);

    let customer = stripe::completed(&url).await["customer"].clone();
    stripe::make("card", json!({ "customer": customer, "card": DECLINED })).await;
    member.top_up(settings(200)).await;
    let paused = |told: &Value| told["top_up"]["status"] == "paused";
    let told = member.subscription_when("the declined card", paused).await;
    assert_eq!(told["top_up"]["reason"], "card_declined");
    assert_eq!(member.credits().await["available"], 109);

    stripe::make("card", json!({ "customer": customer, "card": PAYS })).await;
    member.top_up(settings(150)).await;
    member.has(159).await;
    assert_eq!(member.top_up(json!({ "enabled": false })).await, json!(null));
    member.check_books().await;
}

#[tokio::test]
async fn without_a_card_it_says_so() {
    let member = Member::new().await;
    let request = member.request(Method::PUT, "/api/v1/billing/top-up").json(&settings(20));
    let problem = answer(request).await.problem(409, "no_saved_card");
    stripe::page(text(&problem["add_card_url"])).await;
    assert_eq!(member.subscription().await["top_up"], Value::Null);
    member.check_books().await;
}
