//! The lifecycle of a subscription.

use super::*;
use crate::stripe::{Advance, Lasts, Off};

/// A new customer's subscription to Pro.
async fn pro(account: &Account, card: Card) -> (String, Value) {
    let customer = account.customer().await;
    let subscription = account.subscription(&customer, "prolight_pro_monthly", card).await;
    (customer, subscription)
}

fn advance(account: &Account, advance: Advance) {
    account.control().advance(advance).unwrap();
}

#[tokio::test]
async fn it_begins_with_a_paid_session() {
    let account = Account::open().await;
    let customer = account.customer().await;
    let before = account.control().event_types().len();
    let pro = account.subscription(&customer, "prolight_pro_monthly", Card::Succeeds).await;
    assert_eq!(
        account.types_since(before),
        [
            "payment_intent.created",
            "charge.succeeded",
            "payment_intent.succeeded",
            "payment_method.attached",
            "customer.updated",
            "customer.subscription.created",
            "invoice.created",
            "invoice.finalized",
            "invoice_payment.paid",
            "invoice.paid",
            "invoice.payment_succeeded",
            "customer.subscription.updated",
            "checkout.session.completed",
        ]
    );
    assert_eq!(pro["status"], "active");
    let period = (
        int(&pro, "/items/data/0/current_period_start"),
        int(&pro, "/items/data/0/current_period_end"),
    );
    // From January 31 to February 28, at the same time of day.
    assert_eq!(period, (BEGINNING, BEGINNING + 28 * 86_400));
    let path =
        format!("subscriptions/{}?expand[]=latest_invoice&expand[]=customer", text(&pro, "/id"));
    let expanded = account.get(&path).await;
    let invoice = &expanded["latest_invoice"];
    assert_eq!(
        (&invoice["status"], &invoice["billing_reason"]),
        (&json!("paid"), &json!("subscription_create"))
    );
    assert_eq!(invoice["parent"]["subscription_details"]["subscription"], pro["id"]);
    assert_eq!(int(invoice, "/lines/data/0/period/end"), period.1);
    assert_eq!(int(invoice, "/amount_paid"), 2900);
    assert_eq!(
        expanded["default_payment_method"],
        expanded["customer"]["invoice_settings"]["default_payment_method"]
    );
    let updated = account.last("customer.subscription.updated");
    assert_eq!(updated["data"]["previous_attributes"]["status"], "incomplete");
}

#[tokio::test]
async fn it_renews_each_month_on_its_day() {
    let account = Account::open().await;
    let (customer, _) = pro(&account, Card::Succeeds).await;
    let before = account.control().event_types().len();
    advance(&account, Advance::Days(28));
    assert_eq!(
        account.types_since(before),
        [
            // The first payment's fee is known late.
            "charge.updated",
            "customer.subscription.updated",
            "invoice.created",
            "invoice.finalized",
            "payment_intent.created",
            "charge.succeeded",
            "payment_intent.succeeded",
            "invoice_payment.paid",
            "invoice.paid",
            "invoice.payment_succeeded",
        ]
    );
    advance(&account, Advance::Months(11));
    let invoices = account.get(&format!("invoices?customer={customer}&limit=100")).await;
    let invoices = invoices["data"].as_array().unwrap();
    assert_eq!(invoices.len(), 12);
    let mut numbers: Vec<String> =
        invoices.iter().map(|invoice| text(invoice, "/number")).collect();
    numbers.dedup();
    assert_eq!(numbers.len(), 12);
    let periods: Vec<i64> =
        invoices.iter().map(|i| int(i, "/lines/data/0/period/start")).rev().collect();
    // The 31st returns after February.
    assert_eq!(periods[1] - BEGINNING, 28 * 86_400);
    assert_eq!(periods[2] - BEGINNING, 59 * 86_400);
    assert!(invoices.iter().all(|invoice| invoice["status"] == "paid"));
}

#[tokio::test]
async fn one_can_be_renewed_without_all_others() {
    let account = Account::open().await;
    let (customer, one) = pro(&account, Card::Succeeds).await;
    let (_, other) = pro(&account, Card::Succeeds).await;
    let path = |pro: &Value| format!("subscriptions/{}", text(pro, "/id"));
    advance(&account, Advance::Days(3));
    account.control().renew(&text(&one, "/id")).unwrap();
    let renewed = account.get(&path(&one)).await;
    let now = BEGINNING + 3 * 86_400;
    assert_eq!(int(&renewed, "/items/data/0/current_period_start"), now);
    // From February 3 to March 3.
    assert_eq!(int(&renewed, "/items/data/0/current_period_end"), now + 28 * 86_400);
    let invoices = account.get(&format!("invoices?customer={customer}")).await;
    let reasons = [&invoices["data"][0], &invoices["data"][1]].map(|i| i["billing_reason"].clone());
    assert_eq!(reasons, ["subscription_cycle", "subscription_create"]);
    assert_eq!(account.get(&path(&other)).await["items"], other["items"]);

    account.post(&path(&one), &[("cancel_at_period_end", "true")]).await;
    account.control().renew(&text(&one, "/id")).unwrap();
    assert_eq!(account.get(&path(&one)).await["status"], "canceled");
    account.control().renew(&text(&one, "/id")).unwrap_err();
}

#[tokio::test]
async fn it_ends_with_its_period_unless_it_is_resumed() {
    let account = Account::open().await;
    let (customer, pro) = pro(&account, Card::Succeeds).await;
    let path = format!("subscriptions/{}", text(&pro, "/id"));
    let ends = account.post(&path, &[("cancel_at_period_end", "true")]).await;
    assert_eq!(ends["cancel_at"], pro["items"]["data"][0]["current_period_end"]);
    assert_eq!(ends["cancellation_details"]["reason"], "cancellation_requested");
    let told = account.last("customer.subscription.updated");
    assert_eq!(told["data"]["previous_attributes"]["cancel_at_period_end"], false);
    let goes_on = account.post(&path, &[("cancel_at_period_end", "false")]).await;
    assert_eq!((&goes_on["cancel_at"], &goes_on["canceled_at"]), (&Value::Null, &Value::Null));
    account.post(&path, &[("cancel_at_period_end", "true")]).await;
    let before = account.control().event_types().len();
    advance(&account, Advance::Months(2));
    let told = ["charge.updated", "customer.subscription.deleted"];
    assert_eq!(account.types_since(before), told);
    assert_eq!(account.get(&path).await["status"], "canceled");
    assert_eq!(account.get(&format!("subscriptions?customer={customer}")).await["data"], json!([]));
    assert_eq!(account.try_post(&path, &[("cancel_at_period_end", "false")]).await.0, 400);
}

#[tokio::test]
async fn a_failing_card_is_tried_again_then_it_ends() {
    let account = Account::open().await;
    let (_, pro) = pro(&account, Card::DeclinesLater).await;
    let path = format!("subscriptions/{}?expand[]=latest_invoice", text(&pro, "/id"));
    advance(&account, Advance::Days(28));
    let late = account.get(&path).await;
    assert_eq!(late["status"], "past_due");
    assert_eq!(int(&late, "/latest_invoice/next_payment_attempt"), BEGINNING + 31 * 86_400);
    assert_eq!(account.last("invoice.payment_failed")["data"]["object"]["attempt_count"], 1);
    advance(&account, Advance::Days(3));
    let late = account.get(&path).await;
    assert_eq!(int(&late, "/latest_invoice/next_payment_attempt"), BEGINNING + 36 * 86_400);
    assert_eq!(late["status"], "past_due");
    let before = account.control().event_types().len();
    advance(&account, Advance::Days(5));
    assert_eq!(
        account.types_since(before),
        [
            "charge.failed",
            "payment_intent.payment_failed",
            "invoice.payment_failed",
            "customer.subscription.deleted",
        ]
    );
    let ended = account.get(&path).await;
    assert_eq!(ended["cancellation_details"]["reason"], "payment_failed");
    assert_eq!(ended["latest_invoice"]["status"], "open", "it can still be paid");
}

#[tokio::test]
async fn a_new_card_saves_a_late_subscription() {
    let account = Account::open().await;
    let (customer, pro) = pro(&account, Card::DeclinesLater).await;
    advance(&account, Advance::Days(29));
    account.control().set_card(&customer, Card::Succeeds).unwrap();
    advance(&account, Advance::Days(2));
    let path = format!("subscriptions/{}", text(&pro, "/id"));
    assert_eq!(account.get(&path).await["status"], "active");
    assert_eq!(
        account.last("customer.subscription.updated")["data"]["previous_attributes"],
        json!({ "status": "past_due" })
    );
}

#[tokio::test]
async fn a_renewal_may_need_authentication() {
    let account = Account::open().await;
    let (customer, pro) = pro(&account, Card::Authenticates).await;
    advance(&account, Advance::Days(28));
    let asked = account.last("invoice.payment_action_required");
    let invoice = text(&asked, "/data/object/id");
    let page = text(&asked, "/data/object/hosted_invoice_url");
    let answer = account.visit.http.post(format!("{page}/pay"));
    let form = "card=4000002760003184&authentication=complete";
    let answer = answer.body(form).send().await.unwrap();
    assert_eq!(answer.status(), 303);
    assert_eq!(account.get(&format!("invoices/{invoice}")).await["status"], "paid");
    assert_eq!(
        account.get(&format!("subscriptions/{}", text(&pro, "/id"))).await["status"],
        "active"
    );
    assert_eq!(
        account.get(&format!("invoices?customer={customer}&status=open")).await["data"],
        json!([])
    );
}

#[tokio::test]
async fn an_upgrade_charges_the_difference_now() {
    let account = Account::open().await;
    let (_, pro) = pro(&account, Card::Succeeds).await;
    let enterprise = account.price("prolight_enterprise_monthly").await;
    // Half of the period.
    advance(&account, Advance::Days(14));
    let item = text(&pro, "/items/data/0/id");
    let form = [
        ("items[0][id]", item.as_str()),
        ("items[0][price]", enterprise.as_str()),
        ("proration_behavior", "always_invoice"),
        ("expand[0]", "latest_invoice"),
    ];
    let before = account.control().event_types().len();
    let changed = account.post(&format!("subscriptions/{}", text(&pro, "/id")), &form).await;
    assert_eq!(account.types_since(before).first().unwrap(), "customer.subscription.updated");
    assert_eq!(changed["items"]["data"][0]["price"]["lookup_key"], "prolight_enterprise_monthly");
    assert_eq!(
        changed["items"]["data"][0]["current_period_end"],
        pro["items"]["data"][0]["current_period_end"]
    );
    let invoice = &changed["latest_invoice"];
    assert_eq!(
        (&invoice["billing_reason"], &invoice["status"]),
        (&json!("subscription_update"), &json!("paid"))
    );
    let amounts: Vec<i64> = invoice["lines"]["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|line| int(line, "/amount"))
        .collect();
    assert_eq!(amounts, [-1450, 4950]);
    assert_eq!(int(invoice, "/amount_paid"), 3500);
    let credit = &invoice["lines"]["data"][0]["parent"]["subscription_item_details"];
    assert_eq!(credit["proration"], true);
    assert_eq!(credit["proration_details"]["credited_items"]["invoice"], pro["latest_invoice"]);
    advance(&account, Advance::Days(14));
    assert_eq!(int(&account.last("invoice.paid"), "/data/object/amount_paid"), 9900);
}

#[tokio::test]
async fn an_upgrade_charges_what_a_discount_leaves() {
    let account = Account::open().await;
    let (_, pro) = pro(&account, Card::Succeeds).await;
    let enterprise = account.price("prolight_enterprise_monthly").await;
    let item = text(&pro, "/items/data/0/id");
    account.control().discount(&item, Off::Percent(50.0), Lasts::Forever).unwrap();
    advance(&account, Advance::Days(28 + 14));
    let form = [
        ("items[0][id]", item.as_str()),
        ("items[0][price]", enterprise.as_str()),
        ("proration_behavior", "always_invoice"),
        ("expand[0]", "latest_invoice"),
    ];
    let changed = account.post(&format!("subscriptions/{}", text(&pro, "/id")), &form).await;
    // March has 31 days, of which 17 are left: half of 29 dollars back, half of 99 to pay.
    let lines = changed["latest_invoice"]["lines"]["data"].as_array().unwrap().iter();
    let amounts: Vec<i64> = lines.map(|line| int(line, "/amount")).collect();
    assert_eq!(amounts, [-795, 2_715]);
}

/// Subtotal and total of the newest invoice, and the amount of each discount.
async fn billed(account: &Account, pro: &Value) -> (i64, i64, Vec<i64>) {
    let path = format!("subscriptions/{}?expand[]=latest_invoice", text(pro, "/id"));
    let invoice = account.get(&path).await["latest_invoice"].clone();
    assert_eq!(invoice["amount_paid"], invoice["total"]);
    assert_eq!(invoice["total_excluding_tax"], invoice["total"]);
    let off = invoice["total_discount_amounts"].as_array().unwrap();
    let off = off.iter().map(|off| int(off, "/amount")).collect();
    (int(&invoice, "/subtotal"), int(&invoice, "/total"), off)
}

#[tokio::test]
async fn a_discount_is_taken_off_what_is_billed_while_it_lasts() {
    let account = Account::open().await;
    let (_, pro) = pro(&account, Card::Succeeds).await;
    let (id, item) = (text(&pro, "/id"), text(&pro, "/items/data/0/id"));
    let give = |to: &str, off, lasts| account.control().discount(to, off, lasts).unwrap();
    give(&id, Off::Cents(100), Lasts::Forever);
    let own = give(&item, Off::Percent(50.0), Lasts::Months(2));
    give(&item, Off::Cents(50), Lasts::Once);
    let told = account.last("customer.subscription.updated");
    assert_eq!(told["data"]["object"]["items"]["data"][0]["discounts"][0], own.as_str());

    // The item's discount first, then the subscription's on the remainder.
    advance(&account, Advance::Days(28));
    assert_eq!(billed(&account, &pro).await, (1_400, 1_300, vec![1_450, 50, 100]));
    advance(&account, Advance::Days(31));
    assert_eq!(billed(&account, &pro).await, (2_900, 2_800, vec![100]), "two months are over");
    give(&item, Off::Percent(100.0), Lasts::Forever);
    advance(&account, Advance::Days(30));
    assert_eq!(billed(&account, &pro).await, (0, 0, vec![2_900, 0]));
}

#[tokio::test]
async fn a_discount_is_shown_with_its_coupon_where_that_is_asked_for() {
    let account = Account::open().await;
    let (_, pro) = pro(&account, Card::Succeeds).await;
    let (id, item) = (text(&pro, "/id"), text(&pro, "/items/data/0/id"));
    let control = account.control();
    let own = control.discount(&item, Off::Percent(33.33), Lasts::Months(3)).unwrap();
    let found = account.get(&format!("subscription_items/{item}")).await;
    assert_eq!(found["discounts"], json!([own]));
    let found =
        account.get(&format!("subscription_items/{item}?expand[]=discounts.source.coupon")).await;
    let (discount, coupon) = (&found["discounts"][0], &found["discounts"][0]["source"]["coupon"]);
    assert_eq!(discount["subscription_item"], item.as_str());
    assert_eq!((&coupon["percent_off"], &coupon["duration"]), (&json!(33.33), &json!("repeating")));
    // Three months after January 31.
    assert_eq!(int(discount, "/end"), BEGINNING + 89 * 86_400);
    let deep = format!("subscriptions/{id}?expand[]=items.data.discounts.source.coupon");
    assert_eq!(account.try_get(&deep).await.0, 400, "deeper than the API expands");
    assert_eq!(account.try_get("subscription_items/si_unknown").await.0, 404);
    for (to, off, lasts) in [
        ("si_unknown", Off::Cents(1), Lasts::Once),
        ("sub_unknown", Off::Cents(1), Lasts::Once),
        (&id, Off::Cents(0), Lasts::Once),
        (&id, Off::Percent(100.01), Lasts::Once),
        (&id, Off::Cents(1), Lasts::Months(0)),
    ] {
        control.discount(to, off, lasts).unwrap_err();
    }
}

#[tokio::test]
async fn a_downgrade_now_leaves_credit_for_the_next_invoice() {
    let account = Account::open().await;
    let customer = account.customer().await;
    let plan = account.subscription(&customer, "prolight_enterprise_monthly", Card::Succeeds).await;
    let pro = account.price("prolight_pro_monthly").await;
    advance(&account, Advance::Days(14));
    let item = text(&plan, "/items/data/0/id");
    let form = [
        ("items[0][id]", item.as_str()),
        ("items[0][price]", pro.as_str()),
        ("proration_behavior", "always_invoice"),
    ];
    account.post(&format!("subscriptions/{}", text(&plan, "/id")), &form).await;
    assert_eq!(int(&account.get(&format!("customers/{customer}")).await, "/balance"), -3500);
    advance(&account, Advance::Days(14));
    let covered = account.last("invoice.paid");
    assert_eq!(
        (int(&covered, "/data/object/total"), int(&covered, "/data/object/amount_due")),
        (2900, 0)
    );
    assert_eq!(int(&account.get(&format!("customers/{customer}")).await, "/balance"), -600);
}

#[tokio::test]
async fn it_is_cancelled_at_once() {
    let account = Account::open().await;
    let (customer, pro) = pro(&account, Card::Succeeds).await;
    let id = text(&pro, "/id");
    let path = format!("subscriptions/{id}");
    let form =
        [("cancellation_details[comment]", "moved"), ("prorate", "true"), ("invoice_now", "true")];
    let answer = account.request("DELETE", &path, &form).send().await.unwrap();
    let (status, ended) = taken_apart(answer).await;
    assert_eq!((status, &ended["status"]), (200, &json!("canceled")));
    assert_eq!(ended["cancellation_details"]["comment"], "moved");
    assert_eq!(int(&account.get(&format!("customers/{customer}")).await, "/balance"), -2900);
    assert_eq!(account.request("DELETE", &path, &[]).send().await.unwrap().status(), 404);

    let (_, other) = self::pro(&account, Card::Succeeds).await;
    account.control().cancel(&text(&other, "/id")).unwrap();
    assert_eq!(account.last("customer.subscription.deleted")["data"]["object"]["id"], other["id"]);
}

#[tokio::test]
async fn an_open_invoice_is_voided_or_paid_by_hand() {
    let account = Account::open().await;
    let (customer, _) = pro(&account, Card::DeclinesLater).await;
    advance(&account, Advance::Days(28));
    let open = account.get(&format!("invoices?customer={customer}&status=open")).await;
    let id = text(&open, "/data/0/id");
    let (status, body) = account.try_post(&format!("invoices/{id}/pay"), &[]).await;
    assert_eq!((status, body["error"]["code"].as_str()), (402, Some("card_declined")));
    let voided = account.post(&format!("invoices/{id}/void"), &[]).await;
    assert_eq!(voided["status"], "void");
    assert_eq!(account.last("invoice.voided")["data"]["object"]["id"], id);
    assert_eq!(account.try_post(&format!("invoices/{id}/void"), &[]).await.0, 400);
    assert_eq!(account.try_post(&format!("invoices/{id}/pay"), &[]).await.0, 400);
    let payments = account.get(&format!("invoice_payments?invoice={id}")).await;
    assert_eq!(payments["data"][0]["status"], "canceled");
}

/// docs.stripe.com/billing/subscriptions/subscription-schedules: a subscription under a schedule
/// cannot be canceled directly.
#[tokio::test]
async fn a_schedule_has_to_be_released_before_the_end_is_changed() {
    let account = Account::open().await;
    let (_, pro) = pro(&account, Card::Succeeds).await;
    let id = text(&pro, "/id");
    account.control().plan_switch(&id, "prolight_pro_monthly").unwrap();
    let path = format!("subscriptions/{id}");
    for value in ["true", "false"] {
        let (status, body) = account.try_post(&path, &[("cancel_at_period_end", value)]).await;
        assert_eq!((status, &body["error"]["param"]), (400, &json!("cancel_at_period_end")));
        let message = text(&body, "/error/message");
        assert!(message.contains("is managed by the subscription schedule"), "{message}");
    }
    let schedule = text(&account.get(&path).await, "/schedule");
    let release = format!("subscription_schedules/{schedule}/release");
    assert_eq!(account.post(&release, &[]).await["status"], "released");
    assert_eq!(account.try_post(&release, &[]).await.0, 400);
    let ends = account.post(&path, &[("cancel_at_period_end", "true")]).await;
    assert_eq!((&ends["schedule"], &ends["cancel_at_period_end"]), (&json!(null), &json!(true)));
}

/// docs.stripe.com/api/customers/delete
#[tokio::test]
async fn a_deleted_customer_is_told_as_such_and_used_no_more() {
    let account = Account::open().await;
    let (customer, pro) = pro(&account, Card::Succeeds).await;
    account.control().delete_customer(&customer).unwrap();
    let deleted = account.get(&format!("customers/{customer}")).await;
    assert_eq!(deleted, json!({ "id": customer, "object": "customer", "deleted": true }));
    let path = format!("subscriptions/{}", text(&pro, "/id"));
    assert_eq!(account.get(&path).await["status"], "canceled");
    let used = account.try_post("billing_portal/sessions", &[("customer", &customer)]).await;
    assert_eq!((used.0, &used.1["error"]["code"]), (400, &json!("resource_missing")));
    let changed = account.try_post(&format!("customers/{customer}"), &[]).await;
    assert_eq!(changed.0, 404);
}
