//! Plans: subscribed on Stripe's page, managed in its portal and here, renewed automatically.

use serde_json::{Value, json};

use super::stripe::{self, DECLINED, PAYS};
use crate::member::{Member, quick, text, until};

#[tokio::test]
async fn a_plan_is_subscribed_to_used_upgraded_cancelled_and_kept() {
    let member = Member::new().await;
    member.subscribe("pro").await;
    let credits = member.has(500).await;
    assert_eq!((&credits["plan"], &credits["unlimited"]), (&json!("pro"), &json!(false)));
    let told = member.subscription().await;
    assert_eq!(told["plan"], "pro");
    let theirs = &told["subscription"];
    assert_eq!((&theirs["status"], &theirs["payment_due"]), (&json!("active"), &json!(false)));
    assert_eq!(told["checkout"], json!(null), "the checkout is paid");
    let second = member.post("/api/v1/billing/checkout", &json!({ "plan": "enterprise" })).await;
    second.problem(409, "already_subscribed");

    member.make(&quick("a bottle of ink")).await;
    let usage = member.get("/api/v1/billing/usage").await.ok(200);
    let told = [&usage["used"], &usage["limit"], &usage["remaining"], &usage["by_day"][0]["used"]];
    assert_eq!(told, [1, 500, 499, 1]);

    let portal = member.portal().await;
    let page = stripe::page(&portal).await;
    assert!(page.contains("Change to ProLight Enterprise ($99.00 per month)"), "{page}");
    let price = page.split("name=price value=\"").nth(1).and_then(|rest| rest.split('"').next());
    stripe::send(&portal, &format!("action=switch&price={}", price.unwrap())).await.ok(200);
    let credits = member.credits_when("no limit", |credits| credits["unlimited"] == true).await;
    assert_eq!(credits["plan"], "enterprise");
    member.make(&quick("another bottle of ink")).await;

    let told = member.cancel(json!({})).await;
    assert_eq!(told["subscription"]["cancel_at_period_end"], true);
    assert_eq!(told["plan_ends_at"], told["subscription"]["current_period"]["ends_at"]);
    assert!(stripe::page(&portal).await.contains("Keep my plan"), "Stripe has the cancellation");
    let told = member.cancel(json!({ "cancel_at_period_end": false })).await;
    assert_eq!(told["subscription"]["cancel_at_period_end"], false);

    let invoices = member.invoices().await;
    assert_eq!(invoices.len(), 2, "a month of Pro, and the difference");
    for invoice in &invoices {
        assert_eq!(invoice["kind"], "subscription");
        let link = member.pdf_of(invoice).await;
        let pdf = stripe::visit(&link).await;
        assert!(link.contains("/stripe/invoices/") && pdf.body.starts_with(b"%PDF-"), "{link}");
    }
    member.check_books().await;
}

#[tokio::test]
async fn a_plan_renews_fails_to_and_is_paid_later() {
    let member = Member::new().await;
    let subscription = member.subscribe("pro").await;
    member.make(&quick("a glass of water")).await;
    member.has(499).await;
    stripe::make("renew", json!({ "subscription": subscription })).await;
    let credits = member.has(500).await;
    assert_eq!(credits["totals"]["expired"].as_u64().unwrap(), 499 + 10, "months do not add up");
    assert_eq!(member.get("/api/v1/billing/usage").await.ok(200)["used"], 0);
    assert_eq!(member.invoices().await.len(), 2);

    let customer = customer_of(&subscription).await;
    stripe::make("card", json!({ "customer": customer, "card": DECLINED })).await;
    stripe::make("renew", json!({ "subscription": subscription })).await;
    let due = |told: &Value| told["subscription"]["payment_due"] == true;
    let told = member.subscription_when("the missing payment", due).await;
    assert_eq!(
        (&told["plan"], &told["subscription"]["status"]),
        (&json!("pro"), &json!("past_due"))
    );
    let open = until("the open invoice", async || {
        member.invoices().await.into_iter().find(|invoice| invoice["status"] == "open")
    });
    let open = open.await;
    assert_eq!(open["amount_due"]["amount"], 2900);
    let hosted = text(&open["links"]["hosted"]);
    assert!(stripe::page(hosted).await.contains("Pay $29.00"));
    stripe::send(&format!("{hosted}/pay"), &format!("card={PAYS}")).await.ok(303);
    let paid = |told: &Value| told["subscription"]["status"] == "active";
    member.subscription_when("the payment", paid).await;
    let granted = |credits: &Value| credits["totals"]["granted"] == 10 + 3 * 500;
    member.credits_when("the third month", granted).await;
    assert!(member.invoices().await.iter().all(|invoice| invoice["status"] == "paid"));
    member.check_books().await;
}

#[tokio::test]
async fn a_cancelled_plan_ends_with_its_period_and_packs_stay() {
    let member = Member::new().await;
    let subscription = member.subscribe("pro").await;
    member.has(500).await;
    member.buy_50().await;
    member.cancel(json!({ "cancel_at_period_end": true })).await;
    stripe::make("renew", json!({ "subscription": subscription })).await;
    let credits = member.credits_when("the end", |credits| credits["plan"] == "free").await;
    let left = credits["lots"].as_array().unwrap().iter();
    let bought: u64 = left
        .filter(|lot| lot["source"] == "purchase")
        .map(|lot| lot["available"].as_u64().unwrap())
        .sum();
    assert_eq!(bought, 50);
    assert_eq!(member.subscription().await["subscription"]["status"], "canceled");
    let refused = member.post("/api/v1/billing/subscription/cancel", &json!({})).await;
    refused.problem(409, "not_subscribed");
    member.check_books().await;
}

/// The customer of a subscription at Stripe.
async fn customer_of(subscription: &str) -> String {
    let events = stripe::events_about(subscription).await;
    let made = events.iter().find(|event| event["type"] == "customer.subscription.created");
    let event: Value = serde_json::from_str(text(&made.unwrap()["body"])).unwrap();
    text(&event["data"]["object"]["customer"]).to_owned()
}
