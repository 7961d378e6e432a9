//! A session, from creation to its effects.

use super::*;
use crate::stripe::{Advance, Decision};

#[tokio::test]
async fn a_pack_is_paid() {
    let account = Account::open().await;
    let customer = account.customer().await;
    let price = account.price("prolight_pack_50").await;
    let form = [
        ("mode", "payment"),
        ("customer", &customer),
        ("line_items[0][price]", &price),
        ("line_items[0][quantity]", "2"),
        ("client_reference_id", "m1"),
        ("metadata[pack]", "pack_50"),
        ("payment_intent_data[metadata][pack]", "pack_50"),
        ("payment_intent_data[setup_future_usage]", "off_session"),
        ("payment_intent_data[description]", "50 credits"),
        ("success_url", "https://prolight.test/done?session={CHECKOUT_SESSION_ID}"),
        ("expires_at", "1769857200"),
        ("invoice_creation[enabled]", "true"),
        ("expand[0]", "line_items"),
    ];
    let session = account.post("checkout/sessions", &form).await;
    let id = text(&session, "/id");
    assert_eq!(session["url"], format!("{}/stripe/pay/{id}", account.visit.sandbox.url));
    assert_eq!(int(&session, "/amount_total"), 1000);
    assert_eq!(int(&session, "/line_items/data/0/quantity"), 2);
    assert_eq!(
        (&session["status"], &session["payment_status"]),
        (&json!("open"), &json!("unpaid"))
    );

    let before = account.control().event_types().len();
    let paid = account.control().pay(&id, Card::Succeeds).unwrap();
    assert_eq!(paid, Payment::Complete(format!("https://prolight.test/done?session={id}")));
    assert_eq!(
        account.types_since(before),
        [
            "payment_intent.created",
            "charge.succeeded",
            "payment_intent.succeeded",
            "payment_method.attached",
            "invoice.created",
            "invoice.finalized",
            "invoice_payment.paid",
            "invoice.paid",
            "invoice.payment_succeeded",
            "checkout.session.completed",
        ]
    );
    let path = format!(
        "checkout/sessions/{id}?expand[]=payment_intent.latest_charge.balance_transaction\
         &expand[]=invoice"
    );
    let session = account.get(&path).await;
    assert_eq!(
        (&session["status"], &session["payment_status"]),
        (&json!("complete"), &json!("paid"))
    );
    assert_eq!(session["url"], Value::Null);
    let intent = &session["payment_intent"];
    assert_eq!(intent["metadata"], json!({ "pack": "pack_50" }));
    assert_eq!(intent["latest_charge"]["metadata"], json!({ "pack": "pack_50" }));
    // Stripe's fee is not known yet.
    assert_eq!(intent["latest_charge"]["balance_transaction"], Value::Null);
    account.control().book_charges();
    account.last("charge.updated");
    let later = account.get(&path).await;
    assert_eq!(int(&later, "/payment_intent/latest_charge/balance_transaction/fee"), 59);
    assert_eq!(session["invoice"]["status"], "paid");
    assert_eq!(session["invoice"]["lines"]["data"][0]["pricing"]["price_details"]["price"], price);
    is_found(&account, &session, &id).await;
}

/// A paid session, its payment and its invoice reference each other.
async fn is_found(account: &Account, session: &Value, id: &str) {
    let intent = &session["payment_intent"];
    let payments = format!(
        "invoice_payments?payment[type]=payment_intent&payment[payment_intent]={}",
        text(intent, "/id")
    );
    assert_eq!(account.get(&payments).await["data"][0]["invoice"], session["invoice"]["id"]);
    assert!(account.control().pay(id, Card::Succeeds).is_err(), "paid once");
    let found =
        account.get(&format!("checkout/sessions?payment_intent={}", text(intent, "/id"))).await;
    assert_eq!(found["data"][0]["id"], id);
}

#[tokio::test]
async fn a_declined_session_stays_open() {
    let account = Account::open().await;
    let customer = account.customer().await;
    let id = text(&account.session(&customer, "payment", "prolight_pack_50").await, "/id");
    for (card, message) in [
        (Card::Declines, "Your card was declined."),
        (Card::LacksFunds, "Your card has insufficient funds."),
    ] {
        let told = account.control().pay(&id, card).unwrap();
        assert_eq!(told, Payment::Declined(message.to_owned()));
    }
    let fails = account.control().pay_without_authentication(&id, Card::Authenticates).unwrap();
    assert!(matches!(fails, Payment::Declined(_)));
    account.set(json!({ "fail_next_charges": 1 }));
    assert!(matches!(account.control().pay(&id, Card::Succeeds), Ok(Payment::Declined(_))));
    account.pay(&id, Card::Authenticates);
    let failed = account.get("charges").await;
    let statuses: Vec<&Value> =
        failed["data"].as_array().unwrap().iter().map(|charge| &charge["status"]).collect();
    assert_eq!(statuses, ["succeeded", "failed", "failed", "failed", "failed"]);
    assert_eq!(account.get("payment_intents").await["data"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_session_expires_by_itself_or_by_hand() {
    let account = Account::open().await;
    let customer = account.customer().await;
    let one = text(&account.session(&customer, "payment", "prolight_pack_50").await, "/id");
    let two = text(&account.session(&customer, "payment", "prolight_pack_50").await, "/id");
    let expired = account.post(&format!("checkout/sessions/{one}/expire"), &[]).await;
    assert_eq!((&expired["status"], &expired["url"]), (&json!("expired"), &Value::Null));
    assert_eq!(account.try_post(&format!("checkout/sessions/{one}/expire"), &[]).await.0, 400);
    account.control().advance(Advance::Days(1)).unwrap();
    assert_eq!(account.get(&format!("checkout/sessions/{two}")).await["status"], "expired");
    assert_eq!(account.last("checkout.session.expired")["data"]["object"]["id"], two);
    assert!(account.control().pay(&two, Card::Succeeds).is_err());
}

#[tokio::test]
async fn a_bank_decides_later() {
    for (decision, event, status) in [
        (Decision::Succeed, "checkout.session.async_payment_succeeded", "paid"),
        (Decision::Fail, "checkout.session.async_payment_failed", "unpaid"),
    ] {
        for (mode, key) in
            [("payment", "prolight_pack_50"), ("subscription", "prolight_pro_monthly")]
        {
            let account = Account::open().await;
            let customer = account.customer().await;
            let id = text(&account.session(&customer, mode, key).await, "/id");
            account.pay(&id, Card::Bank);
            let completed = account.last("checkout.session.completed");
            assert_eq!(completed["data"]["object"]["payment_status"], "unpaid");
            account.control().decide(&id, decision).unwrap();
            assert!(account.control().decide(&id, decision).is_err(), "decided once");
            assert_eq!(account.last(event)["data"]["object"]["payment_status"], status, "{mode}");
            if mode == "subscription" {
                let status = if decision == Decision::Fail { "past_due" } else { "active" };
                let all = account.get("subscriptions?status=all").await;
                assert_eq!(all["data"][0]["status"], status);
            }
        }
    }
}

#[tokio::test]
async fn a_card_is_saved_for_later() {
    let account = Account::open().await;
    let customer = account.customer().await;
    let form =
        [("mode", "setup"), ("customer", &customer), ("success_url", "https://prolight.test/")];
    let id = text(&account.post("checkout/sessions", &form).await, "/id");
    account.pay(&id, Card::SucceedsToo);
    let session = account.get(&format!("checkout/sessions/{id}?expand[]=setup_intent")).await;
    assert_eq!(session["payment_status"], "no_payment_required");
    let methods = account.get(&format!("customers/{customer}/payment_methods?type=card")).await;
    assert_eq!(methods["data"][0]["id"], session["setup_intent"]["payment_method"]);
    assert_eq!(methods["data"][0]["card"]["brand"], "mastercard");
    let method = text(&methods, "/data/0/id");
    let form = [("invoice_settings[default_payment_method]", method.as_str())];
    let updated = account.post(&format!("customers/{customer}"), &form).await;
    assert_eq!(updated["invoice_settings"]["default_payment_method"], method);
    let foreign = account.customer().await;
    assert_eq!(account.try_post(&format!("customers/{foreign}"), &form).await.0, 400);
}

#[tokio::test]
async fn a_price_made_on_the_spot_is_for_one_session() {
    let account = Account::open().await;
    let form = |amount: &'static str| {
        vec![
            ("mode", "payment"),
            ("success_url", "https://prolight.test/"),
            ("line_items[0][quantity]", "1"),
            ("line_items[0][price_data][currency]", "usd"),
            ("line_items[0][price_data][unit_amount]", amount),
            ("line_items[0][price_data][product_data][name]", "Haze <b>& co</b>"),
            ("line_items[0][price_data][product_data][description]", "Lights"),
            ("line_items[0][price_data][product_data][metadata][listing_id]", "lst_1"),
            ("payment_intent_data[metadata][purchase_id]", "pur_1"),
            ("payment_intent_data[transfer_group]", "pur_1"),
            ("expand[0]", "line_items.data.price.product"),
        ]
    };
    let session = account.post("checkout/sessions", &form("900")).await;
    let price = &session["line_items"]["data"][0]["price"];
    assert_eq!(price["product"]["metadata"], json!({ "listing_id": "lst_1" }));
    assert_eq!(price["product"]["description"], "Lights");
    let page = account.visit.http.get(text(&session, "/url")).send().await.unwrap();
    let page = page.text().await.unwrap();
    assert!(page.contains("1 × Haze &lt;b&gt;&amp; co&lt;/b&gt;</td><td>$9.00"), "{page}");
    account.pay(&text(&session, "/id"), Card::Succeeds);
    let charge = &account.last("charge.succeeded")["data"]["object"];
    assert_eq!(charge["metadata"], json!({ "purchase_id": "pur_1" }));
    assert_eq!(charge["transfer_group"], "pur_1");
    assert_eq!(charge["payment_method_details"]["card"]["fingerprint"], "sandbox4242");

    let again = [
        ("mode", "payment"),
        ("success_url", "https://prolight.test/"),
        ("line_items[0][quantity]", "1"),
        ("line_items[0][price]", &text(price, "/id")),
    ];
    let (status, refused) = account.try_post("checkout/sessions", &again).await;
    assert_eq!((status, &refused["error"]["param"]), (400, &json!("line_items[0][price]")));
    for amount in ["-1", "0", "49", "9.5"] {
        assert_eq!(account.try_post("checkout/sessions", &form(amount)).await.0, 400, "{amount}");
    }
}

#[tokio::test]
async fn tax_is_added_and_prices_are_made_on_the_spot() {
    let account = Account::open().await;
    account.set(json!({ "tax_bps": 1900 }));
    let form = |behavior: &'static str| {
        [
            ("mode", "payment"),
            ("success_url", "https://prolight.test/"),
            ("automatic_tax[enabled]", "true"),
            ("line_items[0][quantity]", "1"),
            ("line_items[0][price_data][currency]", "usd"),
            ("line_items[0][price_data][unit_amount]", "1190"),
            ("line_items[0][price_data][tax_behavior]", behavior),
            ("line_items[0][price_data][product_data][name]", "A listing"),
        ]
    };
    for (behavior, subtotal, tax, total) in
        [("exclusive", 1190, 226, 1416), ("inclusive", 1190, 190, 1190)]
    {
        let session = account.post("checkout/sessions", &form(behavior)).await;
        let sums = (
            int(&session, "/amount_subtotal"),
            int(&session, "/total_details/amount_tax"),
            int(&session, "/amount_total"),
        );
        assert_eq!(sums, (subtotal, tax, total), "{behavior}");
        account.pay(&text(&session, "/id"), Card::Succeeds);
    }
}

/// The caller has a real clock, however far this one was moved.
#[tokio::test]
async fn a_session_can_be_opened_after_the_clock_was_moved() {
    let account = Account::with(Setup::default()).await;
    account.control().advance(Advance::Months(1)).unwrap();
    let customer = account.customer().await;
    let price = account.price("prolight_pack_50").await;
    let in_an_hour = crate::clock::unix_time().as_secs() + 3_600;
    let form = [
        ("mode", "payment"),
        ("customer", &customer),
        ("line_items[0][price]", &price),
        ("line_items[0][quantity]", "1"),
        ("success_url", "https://prolight.test/done"),
        ("expires_at", &in_an_hour.to_string()),
    ];
    let id = text(&account.post("checkout/sessions", &form).await, "/id");
    account.pay(&id, Card::Succeeds);
}
