//! Off-session payments, refunds, disputes, the balance.

use super::*;
use crate::stripe::{Closing, Opening};

#[tokio::test]
async fn a_saved_card_is_charged_off_session() {
    for (card, status, code, event) in [
        (Card::Succeeds, 200, "", "payment_intent.succeeded"),
        (Card::DeclinesLater, 402, "card_declined", "payment_intent.payment_failed"),
        (Card::LacksFunds, 402, "card_declined", "charge.failed"),
        (Card::Authenticates, 402, "authentication_required", "payment_intent.payment_failed"),
        (Card::Bank, 200, "", "payment_intent.processing"),
    ] {
        let account = Account::open().await;
        let customer = account.customer().await;
        let method = account.control().set_card(&customer, card).unwrap();
        let form = [
            ("amount", "500"),
            ("currency", "usd"),
            ("customer", &customer),
            ("payment_method", &method),
            ("off_session", "true"),
            ("confirm", "true"),
            ("error_on_requires_action", "true"),
            ("metadata[top_up]", "t1"),
            ("description", "50 credits"),
            ("expand[0]", "latest_charge"),
        ];
        let (got, body) = account.try_post("payment_intents", &form).await;
        assert_eq!(got, status, "{card:?}: {body}");
        account.last(event);
        if status == 402 {
            let error = &body["error"];
            assert_eq!((&error["type"], &error["code"]), (&json!("card_error"), &json!(code)));
            assert_eq!(error["payment_intent"]["status"], "requires_payment_method");
            assert_eq!(error["payment_intent"]["metadata"], json!({ "top_up": "t1" }));
        } else {
            assert_eq!(body["latest_charge"]["payment_intent"], body["id"]);
        }
    }
}

#[tokio::test]
async fn a_payment_is_refunded_in_parts_and_not_beyond() {
    let account = Account::open().await;
    let customer = account.customer().await;
    let session = account.pack(&customer).await;
    let intent = text(&session, "/payment_intent/id");
    let before = account.control().event_types().len();
    let part = account
        .post("refunds", &[("payment_intent", &intent), ("amount", "200"), ("metadata[why]", "w")])
        .await;
    assert_eq!(
        account.types_since(before),
        ["charge.refunded", "refund.created", "refund.updated", "charge.refund.updated"]
    );
    let told = account.last("charge.refunded");
    assert_eq!(told["data"]["previous_attributes"], json!({ "amount_refunded": 0 }));
    assert_eq!(told["data"]["object"]["refunded"], false);
    let (status, body) =
        account.try_post("refunds", &[("payment_intent", &intent), ("amount", "301")]).await;
    assert_eq!((status, body["error"]["param"].as_str()), (400, Some("amount")));
    account.control().refund(&intent, None).unwrap();
    let told = account.last("charge.refunded");
    assert_eq!(
        told["data"]["previous_attributes"],
        json!({ "amount_refunded": 200, "refunded": false })
    );
    let (_, body) = account.try_post("refunds", &[("payment_intent", &intent)]).await;
    assert_eq!(body["error"]["code"], "charge_already_refunded");
    let all = account.get(&format!("refunds?payment_intent={intent}")).await;
    assert_eq!(all["data"].as_array().unwrap().len(), 2);

    let id = text(&part, "/id");
    account.control().fail_refund(&id).unwrap();
    assert!(account.control().fail_refund(&id).is_err());
    assert_eq!(
        account.last("refund.failed")["data"]["object"]["failure_reason"],
        "lost_or_stolen_card"
    );
    let charge = text(&session, "/payment_intent/latest_charge/id");
    let charge = account.get(&format!("charges/{charge}?expand[]=refunds")).await;
    assert_eq!((int(&charge, "/amount_refunded"), &charge["refunded"]), (300, &json!(false)));
    assert_eq!(charge["refunds"]["data"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn disputes_end_in_three_ways() {
    let opened = ["charge.updated", "charge.dispute.created", "charge.dispute.funds_withdrawn"];
    for (opening, closing, first, last, status) in [
        (
            Opening::Chargeback,
            Closing::Won,
            &opened[..],
            &["charge.dispute.funds_reinstated", "charge.dispute.closed"][..],
            "won",
        ),
        (Opening::Chargeback, Closing::Lost, &opened[..], &["charge.dispute.closed"][..], "lost"),
        (
            Opening::Warning,
            Closing::WarningClosed,
            &opened[..2],
            &["charge.dispute.closed"][..],
            "warning_closed",
        ),
    ] {
        let account = Account::open().await;
        let customer = account.customer().await;
        let session = account.pack(&customer).await;
        let intent = text(&session, "/payment_intent/id");
        let before = account.control().event_types().len();
        // More than was paid: banks convert currencies and add fees.
        let id = account.control().dispute(&intent, Some(700), opening).unwrap();
        assert_eq!(account.types_since(before), first);
        let before = account.control().event_types().len();
        account.control().close_dispute(&id, closing).unwrap();
        assert_eq!(account.types_since(before), last);
        let dispute = account.get(&format!("disputes/{id}")).await;
        assert_eq!((&dispute["status"], int(&dispute, "/amount")), (&json!(status), 700));
        let moved = dispute["balance_transactions"].as_array().unwrap();
        let net: i64 = moved.iter().map(|moved| int(moved, "/amount")).sum();
        assert_eq!(net, if status == "lost" { -700 } else { 0 });
        assert!(account.control().close_dispute(&id, closing).is_err(), "closed once");
        let found = account.get(&format!("disputes?payment_intent={intent}")).await;
        assert_eq!(found["data"][0]["id"], id);
    }
}

#[tokio::test]
async fn a_disputed_charge_is_not_refunded_and_evidence_is_taken_once() {
    let account = Account::open().await;
    let customer = account.customer().await;
    let session = account.pack(&customer).await;
    let charge = text(&session, "/payment_intent/latest_charge/id");
    let id = account.control().dispute(&charge, None, Opening::Chargeback).unwrap();
    let (_, body) = account.try_post("refunds", &[("charge", &charge)]).await;
    assert_eq!(body["error"]["code"], "charge_disputed");
    let form = [("evidence[product_description]", "50 credits"), ("submit", "true")];
    let updated = account.post(&format!("disputes/{id}"), &form).await;
    assert_eq!(updated["status"], "under_review");
    assert_eq!(updated["evidence"]["product_description"], "50 credits");
    account.last("charge.dispute.updated");
    assert_eq!(account.try_post(&format!("disputes/{id}"), &form).await.0, 400);
}

#[tokio::test]
async fn evidence_is_staged_and_submitted_later() {
    let account = Account::open().await;
    let customer = account.customer().await;
    let session = account.pack(&customer).await;
    let charge = text(&session, "/payment_intent/latest_charge/id");
    let id = account.control().dispute(&charge, None, Opening::Chargeback).unwrap();
    let path = format!("disputes/{id}");
    let form = [
        ("evidence[access_activity_log]", "2026-01-31 downloaded"),
        ("evidence[service_date]", "2026-01-31"),
        ("submit", "false"),
    ];
    let staged = account.post(&path, &form).await;
    assert_eq!(staged["status"], "needs_response");
    assert_eq!(staged["evidence_details"]["has_evidence"], true);
    let submitted = account.post(&path, &[("submit", "true")]).await;
    assert_eq!(submitted["status"], "under_review");
    assert_eq!(submitted["evidence"]["service_date"], "2026-01-31");
    assert_eq!(int(&submitted, "/evidence_details/submission_count"), 1);
    let (_, body) = account.try_post(&path, &[("evidence[excuse]", "none")]).await;
    assert_eq!(body["error"]["code"], "parameter_unknown");
}

#[tokio::test]
async fn the_balance_is_what_was_charged_less_fees() {
    let account = Account::open().await;
    account.set(json!({ "funds_available_at_once": false }));
    let customer = account.customer().await;
    account.pack(&customer).await;
    assert_eq!(int(&account.get("balance").await, "/pending/0/amount"), 0, "it is not booked yet");
    account.control().book_charges();
    // 500 less 2.9 % and 30 cents.
    assert_eq!(int(&account.get("balance").await, "/pending/0/amount"), 455);
    account.control().advance(crate::stripe::Advance::Days(2)).unwrap();
    assert_eq!(int(&account.get("balance").await, "/available/0/amount"), 455);
    let all = account.get("balance_transactions").await;
    assert_eq!(all["data"][0]["status"], "available");
}
