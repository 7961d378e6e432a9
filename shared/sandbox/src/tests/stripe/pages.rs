//! The pages, in a browser without scripts.

use super::*;
use crate::stripe::{Advance, Lasts, Off};

impl Account {
    async fn browse(&self, url: &str) -> (u16, String) {
        let answer = self.visit.http.get(url).send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    }

    /// Submits a page's form. Returns the status, the redirect URL and the page.
    async fn send(&self, url: &str, form: &[(&str, &str)]) -> (u16, String, String) {
        let request = self.visit.http.post(url).body(encoded(form));
        let answer = request.send().await.unwrap();
        let next = answer.headers().get("location").map(|next| next.to_str().unwrap().to_owned());
        (answer.status().as_u16(), next.unwrap_or_default(), answer.text().await.unwrap())
    }
}

#[tokio::test]
async fn a_session_is_paid_on_its_page() {
    let account = Account::open().await;
    let customer = account.customer().await;
    let session = account.session(&customer, "subscription", "prolight_pro_monthly").await;
    let (id, url) = (text(&session, "/id"), text(&session, "/url"));
    let (status, page) = account.browse(&url).await;
    assert_eq!(status, 200);
    for piece in [
        "ProLight Pro",
        "$29.00",
        "per month",
        "4242 4242 4242 4242",
        "https://prolight.test/plans",
    ] {
        assert!(page.contains(piece), "{piece} in {page}");
    }
    assert!(!page.contains("<script") && !page.contains("src="), "self-contained");

    let (status, _, page) = account.send(&url, &[("card", "4000000000000002")]).await;
    assert_eq!(status, 402);
    assert!(page.contains("Your card was declined."));
    let (status, _, page) = account.send(&url, &[("card", "4000002760003184")]).await;
    assert_eq!(status, 200);
    assert!(page.contains("Complete authentication") && page.contains("Fail authentication"));
    let form = [("card", "4000002760003184"), ("authentication", "fail")];
    assert_eq!(account.send(&url, &form).await.0, 402);
    let (status, next, _) = account.send(&url, &[("card", "4242424242424242")]).await;
    assert_eq!((status, next), (303, format!("https://prolight.test/done?session={id}")));
    let (status, page) = account.browse(&url).await;
    assert_eq!(status, 200);
    assert!(page.contains("You are all done") && !page.contains("<form"));
    let (_, _, page) = account.send(&url, &[("card", "4242424242424242")]).await;
    assert!(page.contains("You are all done"), "paid once");
    assert_eq!(account.get("subscriptions").await["data"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn expired_and_unknown_pages_say_so() {
    let account = Account::open().await;
    let customer = account.customer().await;
    let url = text(&account.session(&customer, "payment", "prolight_pack_50").await, "/url");
    account.control().advance(Advance::Days(2)).unwrap();
    assert!(account.browse(&url).await.1.contains("This page has expired"));
    let root = &account.visit.sandbox.url;
    for page in [
        "pay/cs_test_none",
        "pay/cus_none",
        "portal/bps_none",
        "invoices/in_none",
        "invoices/in_none/pdf",
    ] {
        assert_eq!(account.browse(&format!("{root}/stripe/{page}")).await.0, 404, "{page}");
    }
    assert_eq!(account.browse(&format!("{root}/stripe/pay/{customer}")).await.0, 404);
}

#[tokio::test]
async fn what_was_typed_in_cannot_become_markup() {
    let account = Account::open().await;
    let form = [
        ("mode", "payment"),
        ("success_url", "https://prolight.test/\"><script>"),
        ("cancel_url", "https://prolight.test/\"><script>"),
        ("line_items[0][quantity]", "1"),
        ("line_items[0][price_data][currency]", "usd"),
        ("line_items[0][price_data][unit_amount]", "500"),
        ("line_items[0][price_data][product_data][name]", "<script>alert(1)</script>"),
    ];
    let session = account.post("checkout/sessions", &form).await;
    let (_, page) = account.browse(&text(&session, "/url")).await;
    assert!(!page.contains("<script"), "{page}");
}

#[tokio::test]
async fn a_plan_is_managed_on_the_portal() {
    let account = Account::open().await;
    let customer = account.customer().await;
    let plan = account.subscription(&customer, "prolight_pro_monthly", Card::Succeeds).await;
    let path = format!("subscriptions/{}", text(&plan, "/id"));
    let form = [("customer", customer.as_str()), ("return_url", "https://prolight.test/billing")];
    let portal = text(&account.post("billing_portal/sessions", &form).await, "/url");
    let (_, page) = account.browse(&portal).await;
    for piece in [
        "ProLight Pro",
        "Renews on 2026-02-28",
        "Change to ProLight Enterprise",
        "https://prolight.test/billing",
    ] {
        assert!(page.contains(piece), "{piece} in {page}");
    }
    assert!(account.send(&portal, &[("action", "cancel")]).await.2.contains("Ends on 2026-02-28"));
    assert_eq!(account.get(&path).await["cancel_at_period_end"], true);
    account.send(&portal, &[("action", "resume")]).await;
    assert_eq!(account.get(&path).await["cancel_at_period_end"], false);
    account.send(&portal, &[("action", "card"), ("card", "5555555555554444")]).await;
    let method = text(&account.get(&path).await, "/default_payment_method");
    assert_eq!(account.get(&format!("payment_methods/{method}")).await["card"]["last4"], "4444");

    let enterprise = account.price("prolight_enterprise_monthly").await;
    account.send(&portal, &[("action", "switch"), ("price", &enterprise)]).await;
    assert_eq!(account.get(&path).await["items"]["data"][0]["price"]["id"], enterprise);
    assert_eq!(
        account.last("invoice.paid")["data"]["object"]["billing_reason"],
        "subscription_update"
    );

    // The cheaper plan starts with the next period.
    let pro = account.price("prolight_pro_monthly").await;
    let (_, _, page) = account.send(&portal, &[("action", "switch"), ("price", &pro)]).await;
    assert!(page.contains("Becomes ProLight Pro on 2026-02-28"), "{page}");
    assert_eq!(account.get(&path).await["items"]["data"][0]["price"]["id"], enterprise);
    account.control().advance(Advance::Days(28)).unwrap();
    assert_eq!(account.get(&path).await["items"]["data"][0]["price"]["id"], pro);
    assert_eq!(int(&account.last("invoice.paid"), "/data/object/amount_paid"), 2900);
}

#[tokio::test]
async fn a_flow_of_the_portal_leads_back() {
    let account = Account::open().await;
    let customer = account.customer().await;
    let plan =
        text(&account.subscription(&customer, "prolight_pro_monthly", Card::Succeeds).await, "/id");
    let form = [
        ("customer", customer.as_str()),
        ("flow_data[type]", "subscription_cancel"),
        ("flow_data[subscription_cancel][subscription]", &plan),
        ("flow_data[after_completion][type]", "redirect"),
        ("flow_data[after_completion][redirect][return_url]", "https://prolight.test/bye"),
    ];
    let session = account.post("billing_portal/sessions", &form).await;
    assert_eq!(session["flow"]["subscription_cancel"]["subscription"], plan);
    let (status, next, _) = account.send(&text(&session, "/url"), &[("action", "cancel")]).await;
    assert_eq!((status, next.as_str()), (303, "https://prolight.test/bye"));
    assert_eq!(
        account.try_post("billing_portal/sessions", &form).await.0,
        400,
        "already cancelled"
    );

    let features = [
        ("features[subscription_cancel][enabled]", "true"),
        ("features[invoice_history][enabled]", "true"),
        ("business_profile[headline]", "ProLight"),
        ("metadata[set_up_by]", "script"),
    ];
    let made = account.post("billing_portal/configurations", &features).await;
    assert_eq!(made["features"]["subscription_cancel"]["enabled"], true);
    let path = format!("billing_portal/configurations/{}", text(&made, "/id"));
    account.post(&path, &[("features[invoice_history][enabled]", "false")]).await;
    assert_eq!(
        account.get("billing_portal/configurations").await["data"][0]["features"]["invoice_history"]
            ["enabled"],
        false
    );
    assert_eq!(account.try_post(&path, &[("feature", "x")]).await.0, 400);
}

#[tokio::test]
async fn an_invoice_has_a_page_and_a_pdf() {
    let account = Account::open().await;
    let customer = account.customer().await;
    let plan = account.subscription(&customer, "prolight_pro_monthly", Card::Succeeds).await;
    let invoice = account.get(&format!("invoices?customer={customer}")).await["data"][0].clone();
    let (status, page) = account.browse(&text(&invoice, "/hosted_invoice_url")).await;
    assert_eq!(status, 200);
    assert!(page.contains(&text(&invoice, "/number")) && page.contains("$29.00"), "{page}");
    let answer = account.visit.http.get(text(&invoice, "/invoice_pdf")).send().await.unwrap();
    assert_eq!(answer.headers()["content-type"], "application/pdf");
    let pdf = answer.bytes().await.unwrap();
    assert!(pdf.starts_with(b"%PDF-1.4") && pdf.ends_with(b"%%EOF\n"));

    let control = account.control();
    control.discount(&text(&plan, "/id"), Off::Percent(25.0), Lasts::Forever).unwrap();
    control.renew(&text(&plan, "/id")).unwrap();
    let invoice = account.get(&format!("invoices?customer={customer}")).await["data"][0].clone();
    let (_, page) = account.browse(&text(&invoice, "/hosted_invoice_url")).await;
    for row in ["$29.00</td>", "<td>Discount</td><td>-$7.25</td>", "<b>$21.75</b>"] {
        assert!(page.contains(row), "{row} in {page}");
    }
}
