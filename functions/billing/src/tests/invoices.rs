//! Invoices, and which of them have a PDF.

use domain::{
    billing::invoice::{Invoice, InvoiceStatus},
    id::InvoiceId,
};
use expect_test::expect;
use serde_json::json;
use store::{Applied, BillingUpdate, Wanted};
use testing::{Actor, TestApp};

/// Writes an invoice of a subscription that Stripe has no PDF of.
async fn invoiced(app: &TestApp, member: &Actor, id: &InvoiceId, status: InvoiceStatus) {
    let invoice = json!({
        "id": id, "user_id": member.id, "kind": "subscription", "invoice": "in_1",
        "status": status, "currency": "usd", "subtotal": 2900, "tax": 0, "total": 2900,
        "amount_paid": 0, "amount_due": 2900, "created_at": app.now(),
        "lines": [{"id": "il_1", "description": "Pro", "quantity": 1, "amount": 2900}],
    });
    let invoice: Invoice = serde_json::from_value(invoice).unwrap();
    let read = app.store.billing(&member.id).await.unwrap();
    let decide = |update: &mut BillingUpdate| update.invoices.push(invoice.clone());
    let (wanted, now) = (Wanted::default(), app.now());
    let written = app.store.apply_billing(&read, &wanted, None, now, decide).await;
    assert_eq!(written.unwrap(), Applied::Now(()));
}

#[tokio::test]
async fn a_draft_has_a_pdf_once_it_is_final() {
    let app = TestApp::serving(&[crate::functions]);
    let kim = app.sign_in("kim");
    let id = InvoiceId::new(app.now(), 1);
    let path = format!("/api/v1/billing/invoices/{id}/pdf");
    expect!["404 invoice_not_found"].assert_eq(&kim.get(&path).await.brief());
    invoiced(&app, &kim, &id, InvoiceStatus::Draft).await;
    expect!["409 invoice_not_final"].assert_eq(&kim.get(&path).await.brief());
    assert!(app.records_bucket().keys().await.is_empty(), "nothing is stored");
    let other = app.sign_in("ada").get(&path).await;
    expect!["404 invoice_not_found"].assert_eq(&other.brief());
    invoiced(&app, &kim, &id, InvoiceStatus::Open).await;
    assert_eq!(kim.get(&path).await.status(), 302);
    assert_eq!(app.records_bucket().keys().await.len(), 1);
}
