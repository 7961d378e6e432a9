//! Payments: packs by checkout, packs by a saved card, refunds and disputes.

use domain::billing::{
    external::{ChargeId, DisputeId},
    payment::PaymentState,
};
use sandbox::stripe::{Advance, Closing, Decision, Opening};

use super::{
    transport::{Reply, Server},
    *,
};
use crate::stripe::webhook_event::Subject;

fn pack() -> PackOrder {
    order(1, Pack::Small, Via::Checkout)
}

fn failed(code: &str) -> PaymentState {
    PaymentState::Failed { code: code.to_owned() }
}

#[tokio::test]
async fn a_pack_is_paid_on_its_page() {
    let visit = Visit::begin().await;
    let customer = visit.customer().await;
    let page = visit.stripe.open_pack_checkout(&pack(), &customer, &urls()).await.unwrap();
    let again = visit.stripe.open_pack_checkout(&pack(), &customer, &urls()).await.unwrap();
    assert_eq!(again, page);
    let session = visit.bought(&customer, &pack(), Card::Succeeds).await;
    assert_eq!((session.id.clone(), session.status), (page.session, SessionStatus::Complete));
    assert_eq!((session.order, session.user), (Some(pack().id), Some(member())));
    let payment = session.payment.unwrap();
    assert_eq!(payment.state, PaymentState::Succeeded);
    assert_eq!(payment.amount, Money::usd_cents(500));
    assert_eq!((payment.order.clone(), payment.user.clone()), (Some(pack().id), Some(member())));
    assert_eq!(payment.customer.as_ref(), Some(&customer));
    assert_eq!((payment.refunded, payment.withdrawn, payment.disputed), (0, 0, false));
    assert_eq!((session.purchase, &payment.purchase), (None, &None));
    // 2.9 % and 30 cents.
    assert_eq!(payment.fees, 45);
    assert_eq!(visit.payment(&payment.id).await, payment);

    let charge = payment.charge.unwrap();
    let found = visit.stripe.payment_of_charge(&charge).await.unwrap();
    assert_eq!(found.as_ref(), Some(&payment.id));
    assert_eq!(visit.stripe.invoice_of_payment(&payment.id).await.unwrap(), None);
    let unknown = ChargeId::parse("ch_unknown").unwrap();
    assert_eq!(visit.stripe.payment_of_charge(&unknown).await.unwrap_err(), StripeError::Missing);
}

#[tokio::test]
async fn a_declined_card_leaves_the_page_open() {
    let visit = Visit::begin().await;
    let customer = visit.customer().await;
    let session = visit.bought(&customer, &pack(), Card::Declines).await;
    assert_eq!(session.status, SessionStatus::Open);
    let paid = visit.bought(&customer, &pack(), Card::Succeeds).await;
    assert_eq!(paid.id, session.id);
    assert_eq!(paid.payment.unwrap().state, PaymentState::Succeeded);
}

#[tokio::test]
async fn a_bank_debit_is_pending_until_the_bank_decides() {
    for (decision, expected) in [(Decision::Succeed, "succeeded"), (Decision::Fail, "failed")] {
        let visit = Visit::begin().await;
        let customer = visit.customer().await;
        let session = visit.bought(&customer, &pack(), Card::Bank).await;
        assert_eq!(session.status, SessionStatus::Complete);
        let payment = session.payment.unwrap();
        assert_eq!(payment.state, PaymentState::Pending);
        visit.control().decide(session.id.as_str(), decision).unwrap();
        let state = serde_json::to_value(visit.payment(&payment.id).await.state).unwrap();
        assert_eq!(state["state"], expected);
    }
}

#[tokio::test]
async fn what_is_refunded_is_counted_and_refunded_once() {
    let visit = Visit::begin().await;
    let customer = visit.customer().await;
    let id = visit.bought(&customer, &pack(), Card::Succeeds).await.payment.unwrap().id;
    let refund = visit.control().refund(id.as_str(), Some(100)).unwrap();
    assert_eq!(visit.payment(&id).await.refunded, 100);
    visit.control().fail_refund(&refund).unwrap();
    assert_eq!(visit.payment(&id).await.refunded, 0);

    visit.spoil(Route::StripeRefunds, "POST", AnswerFault::BrokenConnection, 2);
    visit.stripe.refund(&id, "refund-1").await.unwrap();
    visit.stripe.refund(&id, "refund-2").await.unwrap();
    assert_eq!(visit.payment(&id).await.refunded, 500);
    assert_eq!(visit.happened("refund.created"), 2);
}

#[tokio::test]
async fn a_part_is_refunded_once_under_a_key_and_found_by_it() {
    let visit = Visit::begin().await;
    let customer = visit.customer().await;
    let id = visit.bought(&customer, &pack(), Card::Succeeds).await.payment.unwrap().id;
    let part = async |amount, key: &str| {
        visit.stripe.refund_part(&id, amount, key, RefundReason::Requested).await
    };
    let first = part(Some(200), "part-1").await.unwrap();
    assert_eq!((first.amount, &first.state), (200, &RefundState::Succeeded));
    assert_eq!(part(Some(200), "part-1").await.unwrap(), first);
    visit.spoil(Route::StripeRefunds, "POST", AnswerFault::BrokenConnection, 3);
    let unknown = part(Some(100), "part-2").await.unwrap_err();
    assert!(matches!(unknown, StripeError::Unknown { .. }), "{unknown:?}");
    let refunds = visit.stripe.refunds(&id).await.unwrap();
    let keys: Vec<(i64, Option<&str>)> =
        refunds.iter().map(|it| (it.amount, it.key.as_deref())).collect();
    assert_eq!(keys, [(100, Some("part-2")), (200, Some("part-1"))]);
    assert_eq!(refunds[1], first);
    let StripeError::Refused { param, .. } = part(Some(201), "part-3").await.unwrap_err() else {
        panic!()
    };
    assert_eq!(param.as_deref(), Some("amount"));
    assert_eq!(part(None, "part-4").await.unwrap().amount, 200);
    let over = part(None, "part-5").await.unwrap_err();
    assert!(over.is_refused_as("charge_already_refunded"), "{over:?}");
    visit.control().fail_refund(first.id.as_str()).unwrap();
    let failed = visit.stripe.refunds(&id).await.unwrap().pop().unwrap();
    assert_eq!(failed.state, RefundState::Failed { code: "lost_or_stolen_card".into() });
}

#[tokio::test]
async fn a_refusal_is_final_unless_time_money_or_a_key_changes_it() {
    let visit = Visit::begin().await;
    let customer = visit.customer().await;
    let id = visit.bought(&customer, &pack(), Card::Succeeds).await.payment.unwrap().id;
    for (status, code, is_final) in [
        (400, "charge_disputed", true),
        (400, "charge_not_refundable", true),
        (400, "parameter_invalid_integer", true),
        (400, "resource_missing", true),
        (402, "card_declined", true),
        (404, "resource_missing", true),
        (400, "balance_insufficient", false),
        (400, "idempotency_error", false),
        (401, "api_key_expired", false),
        (403, "more_permissions_required", false),
        (409, "idempotency_key_in_use", false),
        (429, "lock_timeout", false),
        (429, "rate_limit", false),
    ] {
        let fault = AnswerFault::Refused { status, code: code.to_owned() };
        visit.spoil(Route::StripeRefunds, "POST", fault, 3);
        let refused = visit.stripe.refund(&id, "refund").await.unwrap_err();
        let expected = is_final.then_some(code);
        assert_eq!(refused.final_refusal(), expected, "{status} {code}: {refused:?}");
        visit.sandbox.clear_faults();
    }
    assert_eq!(visit.payment(&id).await.refunded, 0);
    visit.stripe.refund(&id, "refund").await.unwrap();
    visit.stripe.refund(&id, "again").await.unwrap();
    assert_eq!(visit.happened("refund.created"), 1, "what is refunded already is done");
}

#[tokio::test]
async fn a_disputed_payment_is_answered_with_evidence_and_not_refunded() {
    let visit = Visit::begin().await;
    let customer = visit.customer().await;
    let id = visit.bought(&customer, &pack(), Card::Succeeds).await.payment.unwrap().id;
    assert_eq!(visit.stripe.open_disputes(&id).await.unwrap(), []);
    let dispute = visit.control().dispute(id.as_str(), Some(400), Opening::Chargeback).unwrap();
    let refused = visit.stripe.refund_part(&id, Some(1), "k", RefundReason::Requested).await;
    assert!(refused.unwrap_err().is_refused_as("charge_disputed"));
    let open = visit.stripe.open_disputes(&id).await.unwrap();
    let dispute_id = DisputeId::parse(&dispute).unwrap();
    let expected = OpenDispute {
        id: dispute_id.clone(),
        amount: 400,
        reason: "fraudulent".into(),
        due_by: Some(Timestamp::from_secs(BEGIN + 9 * 86_400)),
        wants_evidence: true,
    };
    assert_eq!(open, [expected]);
    let evidence = Evidence {
        product_description: Some("50 credits & more".into()),
        access_activity_log: Some("22 November: 50 images".into()),
        ..Evidence::default()
    };
    visit.stripe.stage_evidence(&dispute_id, &evidence).await.unwrap();
    assert!(visit.stripe.open_disputes(&id).await.unwrap()[0].wants_evidence);
    let more = Evidence { service_date: Some("2026-11-22".into()), ..Evidence::default() };
    visit.stripe.submit_evidence(&dispute_id, &more).await.unwrap();
    let now = visit.control().object(&dispute).unwrap();
    assert_eq!(now["evidence"]["product_description"], "50 credits & more");
    assert_eq!(now["evidence"]["service_date"], "2026-11-22");
    let open = visit.stripe.open_disputes(&id).await.unwrap();
    assert!(!open[0].wants_evidence);
    assert!(visit.stripe.submit_evidence(&dispute_id, &more).await.is_err(), "once");
    visit.control().close_dispute(&dispute, Closing::Won).unwrap();
    assert_eq!(visit.stripe.open_disputes(&id).await.unwrap(), []);
}

/// A charge is booked some time after it succeeded; Stripe's fee is known only then.
#[tokio::test]
async fn fees_are_known_once_a_charge_is_booked() {
    let visit = Visit::begin().await;
    let customer = visit.customer().await;
    let page = visit.stripe.open_pack_checkout(&pack(), &customer, &urls()).await.unwrap();
    visit.control().pay(page.session.as_str(), Card::Succeeds).unwrap();
    let payment = visit.stripe.session(&page.session).await.unwrap().payment.unwrap();
    assert_eq!((&payment.state, payment.fees), (&PaymentState::Succeeded, 0));
    visit.control().advance(Advance::Days(1)).unwrap();
    let events = visit.control().events();
    let updated = events.iter().rev().map(|body| WebhookEvent::parse(body.as_bytes()).unwrap());
    let updated = updated.into_iter().find(|notice| notice.kind == "charge.updated").unwrap();
    assert_eq!(updated.subject, Subject::Payment(payment.id.clone()));
    assert_eq!(visit.payment(&payment.id).await.fees, 45);
}

#[tokio::test]
async fn what_is_not_expanded_is_looked_up() {
    let visit = Visit::begin().await;
    let customer = visit.customer().await;
    let session = visit.bought(&customer, &pack(), Card::Succeeds).await;
    let payment = session.payment.clone().unwrap();
    visit.control().refund(payment.id.as_str(), Some(100)).unwrap();
    let object = |id: &str| Reply::object(&visit.control().object(id).unwrap());
    let charge = payment.charge.unwrap();
    let brought = visit.control().object(charge.as_str()).unwrap()["balance_transaction"].clone();
    let brought = brought.as_str().unwrap();
    let asked = [session.id.as_str(), payment.id.as_str(), charge.as_str(), brought];
    let server = Server::replying(asked.map(object)).await;
    let found = server.stripe.session(&session.id).await.unwrap().payment.unwrap();
    assert_eq!((found.refunded, found.state), (100, PaymentState::Succeeded));
    assert_eq!(found.fees, 45);
    assert_eq!(server.seen().len(), 4);
}

#[tokio::test]
async fn a_dispute_takes_and_may_return() {
    let check = async |cents, opening, closing, during: (i64, bool), after: i64| {
        let visit = Visit::begin().await;
        let customer = visit.customer().await;
        let id = visit.bought(&customer, &pack(), Card::Succeeds).await.payment.unwrap().id;
        let dispute = visit.control().dispute(id.as_str(), cents, opening).unwrap();
        let disputed = visit.payment(&id).await;
        assert_eq!((disputed.withdrawn, disputed.disputed), during, "{opening:?}");
        visit.control().close_dispute(&dispute, closing).unwrap();
        let closed = visit.payment(&id).await;
        assert_eq!((closed.withdrawn, closed.disputed), (after, false), "{closing:?}");
        assert_eq!(closed.state, PaymentState::Succeeded);
        assert_eq!(closed.fees, 45 + 1500, "a dispute fee applies, won or lost");
    };
    check(None, Opening::Chargeback, Closing::Won, (500, true), 0).await;
    check(None, Opening::Chargeback, Closing::Lost, (500, true), 500).await;
    check(Some(200), Opening::Chargeback, Closing::Lost, (200, true), 200).await;
}

#[tokio::test]
async fn an_inquiry_withdraws_nothing() {
    let visit = Visit::begin().await;
    let customer = visit.customer().await;
    let id = visit.bought(&customer, &pack(), Card::Succeeds).await.payment.unwrap().id;
    let dispute = visit.control().dispute(id.as_str(), None, Opening::Warning).unwrap();
    assert_eq!(visit.payment(&id).await.withdrawn, 0);
    visit.control().close_dispute(&dispute, Closing::WarningClosed).unwrap();
    let closed = visit.payment(&id).await;
    assert_eq!((closed.withdrawn, closed.disputed), (0, false));
}

#[tokio::test]
async fn a_saved_card_is_charged_once() {
    for fault in [
        AnswerFault::ServerErrorAfterAccepting,
        AnswerFault::BrokenConnection,
        AnswerFault::Silence,
        AnswerFault::MalformedJson,
    ] {
        for times in [1, 3] {
            let visit = Visit::begin().await;
            let customer = visit.customer().await;
            visit.control().set_card(customer.as_str(), Card::Succeeds).unwrap();
            let order = order(1, Pack::Medium, Via::TopUp);
            visit.spoil(Route::StripePayments, "POST", fault.clone(), times);
            let charged = visit.stripe.charge_saved_card(&order, &customer).await.unwrap();
            let Charged::Settled(payment) = &charged else { panic!("{charged:?}") };
            assert_eq!(payment.state, PaymentState::Succeeded, "{fault:?}");
            assert_eq!(payment.amount, Money::usd_cents(1800));
            assert_eq!(payment.order.as_ref(), Some(&order.id));
            let again = visit.stripe.charge_saved_card(&order, &customer).await.unwrap();
            assert_eq!(again, charged);
            assert_eq!(visit.happened("payment_intent.succeeded"), 1, "{fault:?}");
        }
    }
}

#[tokio::test]
async fn an_order_is_not_charged_again_when_its_key_is_forgotten() {
    let visit = Visit::begin().await;
    let customer = visit.customer().await;
    visit.control().set_card(customer.as_str(), Card::Succeeds).unwrap();
    let order = order(1, Pack::Small, Via::TopUp);
    let charged = visit.stripe.charge_saved_card(&order, &customer).await.unwrap();
    visit.control().advance(Advance::Days(3)).unwrap();
    let again = visit.stripe.charge_saved_card(&order, &customer).await.unwrap();
    let payment = |charged: &Charged| match charged {
        Charged::Settled(payment) => payment.id.clone(),
        other => panic!("{other:?}"),
    };
    assert_eq!(payment(&again), payment(&charged));
    assert_eq!(visit.happened("payment_intent.succeeded"), 1);
}

#[tokio::test]
async fn a_saved_card_that_is_not_charged_says_why() {
    for (card, code) in [
        (Card::Declines, "card_declined"),
        (Card::LacksFunds, "card_declined"),
        (Card::Authenticates, "authentication_required"),
    ] {
        let visit = Visit::begin().await;
        let customer = visit.customer().await;
        visit.control().set_card(customer.as_str(), card).unwrap();
        let order = order(1, Pack::Small, Via::TopUp);
        for _ in 0..2 {
            let charged = visit.stripe.charge_saved_card(&order, &customer).await.unwrap();
            let Charged::Settled(payment) = charged else { panic!("{card:?}") };
            assert_eq!(payment.state, failed(code), "{card:?}");
        }
        assert_eq!(visit.happened("payment_intent.payment_failed"), 1, "{card:?}");
    }
}

#[tokio::test]
async fn the_card_is_the_default_or_the_subscriptions_or_the_first_saved() {
    let visit = Visit::begin().await;
    let customer = visit.customer().await;
    let charge = async |nth| {
        let order = order(nth, Pack::Small, Via::TopUp);
        visit.stripe.charge_saved_card(&order, &customer).await.unwrap()
    };
    assert_eq!(charge(1).await, Charged::NoPaymentMethod);
    // A pack paid by checkout saves the card, without making it the default.
    visit.bought(&customer, &order(2, Pack::Small, Via::Checkout), Card::Succeeds).await;
    assert!(matches!(charge(3).await, Charged::Settled(_)));
    visit.subscribed(&customer, Plan::Pro, Card::DeclinesLater).await;
    let Charged::Settled(payment) = charge(4).await else { panic!() };
    assert_eq!(payment.state, failed("card_declined"));
    visit.control().set_card(customer.as_str(), Card::SucceedsToo).unwrap();
    let Charged::Settled(payment) = charge(5).await else { panic!() };
    assert_eq!(payment.state, PaymentState::Succeeded);
}

#[tokio::test]
async fn what_happened_is_listed_newest_first_and_every_page_leads_on() {
    let visit = Visit::begin().await;
    let customer = visit.customer().await;
    for nth in 1..=20 {
        visit.bought(&customer, &order(nth, Pack::Small, Via::Checkout), Card::Succeeds).await;
    }
    let (mut listed, mut after, mut pages) = (Vec::new(), None, 0);
    loop {
        let since = Timestamp::from_secs(BEGIN);
        let page = visit.stripe.events((since, None), after.as_ref()).await.unwrap();
        after = page.items.last().map(|event| event.notice.id.clone());
        listed.extend(page.items);
        pages += 1;
        if !page.more {
            break;
        }
    }
    let made = visit.control().events();
    let notice = |body: &str| WebhookEvent::parse(body.as_bytes()).unwrap();
    let expected: Vec<WebhookEvent> = made.iter().rev().map(|body| notice(body)).collect();
    assert!(listed.iter().all(|event| notice(&event.body) == event.notice));
    let listed: Vec<WebhookEvent> = listed.into_iter().map(|event| event.notice).collect();
    assert_eq!(listed, expected);
    assert!(pages > 1, "{} events", listed.len());
    let sessions = listed.iter().filter(|it| matches!(it.subject, Subject::Session(_)));
    assert_eq!(sessions.count(), 20);
    assert!(listed.iter().all(|it| !matches!(it.subject, Subject::Unreadable(_))));
    let (begin, second) = (Timestamp::from_secs(BEGIN), Timestamp::from_secs(BEGIN + 1));
    for nothing in [(second, None), (begin, Some(begin))] {
        let page = visit.stripe.events(nothing, None).await.unwrap();
        assert!(page.items.is_empty() && !page.more, "{nothing:?}");
    }
    let page = visit.stripe.events((begin, Some(second)), None).await.unwrap();
    assert!(page.more, "all of them are of the first second");
}

#[tokio::test]
async fn the_sandbox_signs_as_stripe_does() {
    let visit = Visit::begin().await;
    visit.customer().await;
    let body = visit.control().events().remove(0);
    let signature = visit.control().sign(&body, "whsec_1", BEGIN);
    let mut headers = reqwest::header::HeaderMap::new();
    headers.insert(webhook::SIGNATURE_HEADER, signature.parse().unwrap());
    let verify = |secret| {
        let now = Timestamp::from_secs(BEGIN);
        webhook::verify(&[Secret::new(secret)], &headers, body.as_bytes(), now)
    };
    assert_eq!(verify("whsec_1"), Ok(()));
    assert_eq!(verify("whsec_2"), Err(webhook::SignatureError::Signature));
}
