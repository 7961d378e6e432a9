//! What an event says, and what it does not.

use serde_json::json;

use super::*;

fn event(kind: &str, object: Value) -> WebhookEvent {
    let body = json!({
        "id": "evt_1", "object": "event", "type": kind, "created": 1_700_000_000,
        "livemode": false, "data": {"object": object},
    });
    WebhookEvent::parse(body.to_string().as_bytes()).unwrap()
}

fn user(name: &str) -> Option<UserId> {
    UserId::parse(name).ok()
}

#[test]
fn every_handled_event_says_what_to_ask_about() {
    for (kind, about) in HANDLED {
        let object = json!({"id": "x_1", "payment_intent": "pi_1", "charge": "ch_1"});
        let expected = match about {
            About::Session => Subject::Session(SessionId::parse("x_1").unwrap()),
            About::Subscription => Subject::Subscription(SubscriptionId::parse("x_1").unwrap()),
            About::Invoice => Subject::Invoice(StripeInvoiceId::parse("x_1").unwrap()),
            About::Payment => Subject::Payment(PaymentId::parse("x_1").unwrap()),
            About::Charge | About::TakenBack => Subject::Payment(PaymentId::parse("pi_1").unwrap()),
            About::BankPayout => panic!("{kind} is not the platform's"),
        };
        assert_eq!(event(kind, object).subject, expected, "{kind}");
    }
    let mut kinds: Vec<&str> = HANDLED.iter().map(|(kind, _)| *kind).collect();
    kinds.sort_unstable();
    kinds.dedup();
    assert_eq!(kinds.len(), HANDLED.len());
}

#[test]
fn a_charge_without_a_payment_is_asked_about_itself() {
    let charge = |id| Subject::Charge(ChargeId::parse(id).unwrap());
    let refunded = event("charge.refunded", json!({"id": "ch_1", "payment_intent": null}));
    assert_eq!(refunded.subject, charge("ch_1"));
    let refund = event("refund.created", json!({"id": "re_1", "charge": "ch_2"}));
    assert_eq!(refund.subject, charge("ch_2"));
    let neither = event("refund.created", json!({"id": "re_1"}));
    assert!(matches!(neither.subject, Subject::Unreadable(_)), "{neither:?}");
}

#[test]
fn an_event_names_its_member_wherever_the_object_does() {
    let by_metadata = json!({"id": "cs_1", "customer": "cus_1", "metadata": {"user_id": "a"},
        "client_reference_id": "b"});
    let notice = event("checkout.session.completed", by_metadata);
    assert_eq!((notice.user, notice.customer.unwrap().as_str()), (user("a"), "cus_1"));
    let by_reference = json!({"id": "cs_1", "client_reference_id": "b"});
    assert_eq!(event("checkout.session.expired", by_reference).user, user("b"));
    let by_parent = json!({"id": "in_1", "metadata": {},
        "parent": {"subscription_details": {"metadata": {"user_id": "c"}}}});
    assert_eq!(event("invoice.paid", by_parent).user, user("c"));
    assert_eq!(event("invoice.paid", json!({"id": "in_1"})).user, None);
}

#[test]
fn an_event_names_its_purchase() {
    let purchase = |id: Value| {
        let object = json!({"id": "ch_1", "metadata": {"purchase_id": id}});
        event("charge.refunded", object).purchase.map(|it| it.to_string())
    };
    let id = "pur_01JD0000000000000000000000";
    assert_eq!(purchase(json!(id)), Some(id.to_owned()));
    assert_eq!(purchase(json!("ord_01JD0000000000000000000000")), None);
    assert_eq!(event("charge.refunded", json!({"id": "ch_1"})).purchase, None);
}

#[test]
fn unhandled_types_are_ignored_and_unreadable_events_are_reported() {
    assert_eq!(event("invoice.created", json!({"id": "in_1"})).subject, Subject::Ignored);
    assert_eq!(event("a.new.type", json!([1])).subject, Subject::Ignored);
    for object in [json!(null), json!([]), json!({"id": 7}), json!({"id": "not an id"})] {
        let notice = event("invoice.paid", object);
        assert!(matches!(notice.subject, Subject::Unreadable(_)), "{notice:?}");
        assert_eq!(notice.id.as_str(), "evt_1");
    }
}

fn of_account(kind: &str, account: Value) -> Subject {
    let body = json!({
        "id": "evt_1", "object": "event", "type": kind, "created": 1_700_000_000,
        "account": account, "data": {"object": {"id": "po_1"}},
    });
    WebhookEvent::parse(body.to_string().as_bytes()).unwrap().subject
}

#[test]
fn what_happens_to_a_creators_account_names_it() {
    let payout = BankPayoutId::parse("po_1").unwrap();
    let account = ConnectedAccountId::parse("acct_1").unwrap();
    for (kind, _) in HANDLED_OF_ACCOUNTS {
        let expected = Subject::BankPayout(account.clone(), payout.clone());
        assert_eq!(of_account(kind, json!("acct_1")), expected, "{kind}");
        assert_eq!(of_account(kind, Value::Null), Subject::Ignored, "the platform's {kind}");
    }
    assert_eq!(of_account("charge.refunded", json!("acct_1")), Subject::Ignored);
    let odd = of_account("payout.paid", json!("acct 1"));
    assert!(matches!(odd, Subject::Unreadable(_)), "{odd:?}");
}

#[test]
fn a_thin_event_names_the_account() {
    let thin = |kind: &str, related: Value| {
        let body = json!({
            "id": "evt_1", "object": "v2.core.event", "type": kind,
            "created": "2026-11-22T09:00:00.000Z", "livemode": false, "context": "acct_1",
            "related_object": related,
        });
        WebhookEvent::parse(body.to_string().as_bytes()).unwrap()
    };
    let related = json!({"id": "acct_1", "type": "v2.core.account", "url": "/v2/core/x"});
    for kind in HANDLED_THIN {
        let notice = thin(kind, related.clone());
        let account = ConnectedAccountId::parse("acct_1").unwrap();
        assert_eq!(notice.subject, Subject::Account(account), "{kind}");
        assert_eq!(notice.created_at, Timestamp::parse("2026-11-22T09:00:00Z").unwrap());
        assert!(matches!(thin(kind, Value::Null).subject, Subject::Unreadable(_)));
    }
    assert_eq!(thin("v2.core.account.created", related.clone()).subject, Subject::Ignored);
    assert_eq!(thin("v1.invoice.paid", related).subject, Subject::Ignored);
}

#[test]
fn what_is_no_event_is_none() {
    let timeless = r#"{"id": "evt_1", "type": "invoice.paid", "created": "soon"}"#;
    for body in ["", "null", "[]", "{}", r#"{"id": "evt_1"}"#, timeless, "<html>"] {
        assert!(WebhookEvent::parse(body.as_bytes()).is_err(), "{body}");
    }
    assert!(WebhookEvent::parse(&[0xff, 0xfe]).is_err());
}
