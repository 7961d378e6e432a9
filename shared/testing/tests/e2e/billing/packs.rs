//! Credit packs: paid on Stripe's page, granted by its webhook, with our receipt.

use demo::api::fresh_key;
use serde_json::json;

use super::stripe::{self, AUTHENTICATES, DECLINED, PAYS};
use crate::member::{Member, text};

#[tokio::test]
async fn a_pack_is_paid_for_and_has_a_receipt() {
    let member = Member::new().await;
    let url = member.checkout(json!({ "pack": "pack_50" })).await;
    let page = stripe::page(&url).await;
    assert!(page.contains("$5.00") && page.contains("50 credits"), "{page}");
    assert_eq!(member.credits().await["available"], 10, "nothing is paid yet");
    stripe::pay(&url).await;
    let credits = member.has(60).await;
    assert_eq!((&credits["plan"], &credits["debt"]), (&json!("free"), &json!(0)));
    assert!(stripe::page(&url).await.contains("You are all done"), "it is not paid twice");

    let receipts = member.invoices().await;
    assert_eq!(receipts.len(), 1);
    let receipt = &receipts[0];
    assert_eq!((&receipt["kind"], &receipt["status"]), (&json!("pack"), &json!("paid")));
    assert_eq!(receipt["total"], json!({ "amount": 500, "currency": "usd" }));
    let link = member.pdf_of(receipt).await;
    assert!(link.contains("X-Amz-Signature="), "{link}");
    let pdf = stripe::visit(&link).await;
    assert_eq!((pdf.status, pdf.header("content-type")), (200, Some("application/pdf")));
    assert!(pdf.body.starts_with(b"%PDF-"), "a document");
    let again = stripe::visit(&member.pdf_of(receipt).await).await;
    assert!(again.body == pdf.body, "it is made once");

    let other = Member::new().await;
    other.get(text(&receipt["links"]["pdf"])).await.problem(404, "invoice_not_found");
    assert!(other.invoices().await.is_empty());
    member.check_books().await;
}

#[tokio::test]
async fn a_card_that_does_not_pay_leaves_the_page_open() {
    let member = Member::new().await;
    let url = member.checkout(json!({ "pack": "pack_50" })).await;
    let declined = stripe::send(&url, &format!("card={DECLINED}")).await;
    declined.ok(402);
    assert!(String::from_utf8_lossy(&declined.body).contains("Your card was declined."));
    let asks = stripe::send(&url, &format!("card={AUTHENTICATES}")).await;
    asks.ok(200);
    assert!(String::from_utf8_lossy(&asks.body).contains("Complete authentication"));
    let form = |outcome: &str| format!("card={AUTHENTICATES}&action=pay&authentication={outcome}");
    stripe::send(&url, &form("fail")).await.ok(402);
    assert_eq!(member.credits().await["available"], 10);
    let paid = stripe::send(&url, &form("complete")).await;
    stripe::leads_back(&paid, &url).await;
    member.has(60).await;
    assert_eq!(member.invoices().await.len(), 1);
    member.check_books().await;
}

#[tokio::test]
async fn a_debit_is_granted_when_the_bank_has_paid() {
    let member = Member::new().await;
    let url = member.checkout(json!({ "pack": "pack_200" })).await;
    stripe::leads_back(&stripe::send(&url, "card=bank").await, &url).await;
    let session = stripe::session_of(&url);
    assert_eq!(member.credits().await["available"], 10, "not before");
    stripe::make("async", json!({ "session": session, "outcome": "succeed" })).await;
    member.has(210).await;
    member.check_books().await;
}

#[tokio::test]
async fn two_tabs_pay_twice_and_one_key_opens_one_page() {
    let member = Member::new().await;
    let (key, path) = (fresh_key(), "/api/v1/billing/checkout");
    let body = json!({ "pack": "pack_50" });
    let first = member.post_under(&key, path, &body).await.ok(201);
    assert_eq!(member.post_under(&key, path, &body).await.ok(201), first);
    let reused = member.post_under(&key, path, &json!({ "pack": "pack_200" })).await;
    reused.problem(422, "idempotency_key_reused");
    let second = member.checkout(body).await;
    for url in [text(&first["checkout_url"]), &second] {
        stripe::leads_back(&stripe::send(url, &format!("card={PAYS}")).await, url).await;
    }
    member.has(110).await;
    assert_eq!(member.invoices().await.len(), 2);
    member.check_books().await;
}
