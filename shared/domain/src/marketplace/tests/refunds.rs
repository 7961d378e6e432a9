//! Refunds of purchases.

use super::{
    purchase_updates::{paid, payment, purchase_update, settle},
    *,
};
use crate::{
    account::Role,
    audit::Actor,
    marketplace::purchase::{
        PurchaseState,
        entitlement::EntitlementState,
        refund::{
            IdempotencyMark, ManualReview, Refund, RefundError, RefundObstacle, RefundRequest,
            RefundState, RefundedBy, ReviewOutcome,
        },
        update::{PaymentFollowUp, PurchaseUpdate},
    },
    money::{Currency, Money},
    time::DAY,
};

fn own_request() -> RefundRequest {
    RefundRequest { amount: None, by: RefundedBy::Buyer, reason: None, request: None }
}

fn ada() -> Actor {
    Actor::Staff { user_id: user("ada"), role: Role::Admin }
}

fn staff_request(cents: Option<i64>, key: &str) -> RefundRequest {
    RefundRequest {
        amount: cents.map(Money::usd_cents),
        by: RefundedBy::Staff { actor: ada(), origin: None },
        reason: Some("As agreed.".to_owned()),
        request: Some(IdempotencyMark { key: key.to_owned(), fingerprint: format!("{cents:?}") }),
    }
}

fn refunds(update: &PurchaseUpdate) -> Vec<(i64, &RefundState)> {
    update.purchase.refunds.iter().map(|it: &Refund| (it.amount, &it.state)).collect()
}

/// Stripe made the refund of this number, and so much of 1,000 cents is back.
fn refunded(
    update: &mut PurchaseUpdate,
    number: u32,
    cents: i64,
    at: Timestamp,
) -> PaymentFollowUp {
    update.end_refund(number, RefundState::Done);
    settle(update, &payment(1_000, cents, 0, false), at)
}

#[test]
fn what_was_never_opened_goes_back_at_once() {
    let mut update = paid(1_000);
    update.ask_refund(&own_request(), day(2)).unwrap();
    let owned = update.entitlement.as_ref().unwrap();
    assert_eq!(owned.state, EntitlementState::Suspended, "a buyer cannot use what they return");
    let next = settle(&mut update, &payment(1_000, 0, 0, false), day(2));
    assert!(matches!(next, PaymentFollowUp::Refund { number: 1, amount: 1_000, .. }));
    assert_eq!(update.purchase.due_at, Some(day(2)), "an interrupted run is resumed");
    update.ask_refund(&own_request(), day(2)).unwrap();
    assert_eq!(update.purchase.refunds.len(), 1, "a repeated request is the same refund");
    let next = refunded(&mut update, 1, 1_000, day(2));
    assert_eq!(
        (next, refunds(&update)),
        (PaymentFollowUp::Nothing, vec![(1_000, &RefundState::Done)])
    );
    assert_eq!((&update.purchase.state, update.purchase.due_at), (&PurchaseState::Refunded, None));
    assert_eq!(update.entitlement.unwrap().state, EntitlementState::Revoked);
}

#[test]
fn what_a_buyer_cannot_have_back_at_once_is_for_staff() {
    let check = |change: &dyn Fn(&mut PurchaseUpdate), at: Timestamp, expected: RefundObstacle| {
        let mut update = paid(1_000);
        change(&mut update);
        let owned = update.entitlement.as_ref();
        assert_eq!(update.purchase.refundable_until(owned, at), None);
        update.ask_refund(&own_request(), at).unwrap();
        let noted = update.purchase.refund_request.clone().unwrap();
        assert_eq!((noted.because, noted.at, noted.is_open()), (expected, at, true));
        assert_eq!((update.purchase.refunds.len(), update.purchase.due_at), (0, None));
        update.ask_refund(&own_request(), at.plus(DAY)).unwrap();
        assert_eq!(update.purchase.refund_request, Some(noted), "the first one waits");
        update.ask_refund(&staff_request(None, "k"), at).unwrap();
        let decision = update.purchase.refund_request.unwrap().decision.unwrap();
        assert_eq!((decision.outcome, decision.at), (ReviewOutcome::Granted, at));
        assert_eq!(decision.reason.as_deref(), Some("As agreed."));
    };
    let owned = |change: fn(&mut crate::marketplace::purchase::entitlement::Entitlement)| {
        move |update: &mut PurchaseUpdate| change(update.entitlement.as_mut().unwrap())
    };
    check(&owned(|it| it.downloaded_at = Some(day(1))), day(2), RefundObstacle::DownloadedAlready);
    check(&owned(|it| it.used_at = Some(day(1))), day(2), RefundObstacle::UsedAlready);
    let second = std::time::Duration::from_secs(1);
    check(&|_| {}, day(15).plus(second), RefundObstacle::RefundWindowOver);
    let mut frozen = paid(1_000);
    frozen.sale.as_mut().unwrap().frozen = true;
    assert_eq!(frozen.ask_refund(&own_request(), day(2)), Err(RefundError::InDispute));
    assert_eq!(frozen.purchase.refund_request, None);
    assert!(paid(1_000).ask_refund(&own_request(), day(15)).is_ok(), "to the end of the last day");
    assert_eq!(
        purchase_update(1_000).ask_refund(&own_request(), day(2)),
        Err(RefundError::NotPaid)
    );
}

#[test]
fn a_request_is_declined_once_and_with_a_reason() {
    let by = || RefundedBy::Staff { actor: ada(), origin: None };
    let used = || {
        let mut update = paid(1_000);
        update.entitlement.as_mut().unwrap().used_at = Some(day(1));
        update
    };
    let decline = |update: &mut PurchaseUpdate, reason: &str, at: Timestamp| {
        update.decline_refund(by(), reason.to_owned(), at)
    };
    let mut update = used();
    assert_eq!(decline(&mut update, "Used.", day(3)), Err(RefundError::NoRequest));
    update.ask_refund(&own_request(), day(2)).unwrap();
    let before = update.purchase.clone();
    assert_eq!(decline(&mut update, "Used.", day(3)), Ok((day(2), day(3))));
    assert_eq!(decline(&mut update, "Used.", day(4)), Ok((day(2), day(3))), "a repeat");
    assert_eq!(decline(&mut update, "Other.", day(4)), Err(RefundError::NoRequest));
    let entries: Vec<_> = update.purchase.audit_entries_since(&before).collect();
    assert_eq!((entries.len(), entries[0].reason.as_deref()), (1, Some("Used.")));
    assert_eq!(update.purchase.audit_entries_since(&update.purchase).count(), 0);
    let again = update.ask_refund(&own_request(), day(5));
    assert_eq!(again, Err(RefundError::Declined("Used.".to_owned())));
    update.ask_refund(&staff_request(Some(300), "k"), day(6)).unwrap();
    let outcome = |update: &PurchaseUpdate| {
        let request = update.purchase.refund_request.as_ref().unwrap();
        request.decision.as_ref().map(|it| it.outcome)
    };
    assert_eq!(outcome(&update), Some(ReviewOutcome::Granted), "staff may change their mind");
    refunded(&mut update, 1, 300, day(6));
    update.ask_refund(&own_request(), day(7)).unwrap();
    assert_eq!(outcome(&update), None, "after a refund of a part another may be asked for");
}

/// A purchase from before decisions were stored.
#[test]
fn a_stored_request_without_a_decision_waits() {
    let stored = r#"{"at": "2026-11-02T00:00:00.000Z", "because": "used_already"}"#;
    let request: ManualReview = serde_json::from_str(stored).unwrap();
    assert_eq!((request.because, request.is_open()), (RefundObstacle::UsedAlready, true));
}

#[test]
fn a_buyer_sees_until_when_it_can_go_back() {
    let update = paid(1_000);
    let owned = update.entitlement.as_ref();
    assert_eq!(update.purchase.refundable_until(owned, day(2)), Some(day(15)));
    assert_eq!(update.purchase.refundable_until(None, day(2)), None);
    let mut asked = update.clone();
    asked.ask_refund(&own_request(), day(2)).unwrap();
    assert_eq!(asked.purchase.refundable_until(asked.entitlement.as_ref(), day(2)), None);
}

#[test]
fn staff_give_back_parts_and_never_more_than_was_paid() {
    let mut update = paid(1_000);
    let mut back = 0;
    for (number, cents, key) in [(1, 300, "a"), (2, 300, "b"), (3, 400, "c")] {
        update.ask_refund(&staff_request(Some(cents), key), day(20)).unwrap();
        let other = staff_request(Some(1), "d");
        assert_eq!(update.ask_refund(&other, day(20)), Err(RefundError::InProgress));
        back += cents;
        refunded(&mut update, number, back, day(20));
        let too_much = update.ask_refund(&staff_request(Some(1_001 - back), "e"), day(20));
        let left = Money::usd_cents(1_000 - back);
        let expected = match number {
            3 => RefundError::Over,
            _ => RefundError::TooMuch(left),
        };
        assert_eq!(too_much, Err(expected));
    }
    assert_eq!(update.purchase.state, PurchaseState::Refunded);
    assert_eq!(update.sale.as_ref().unwrap().refund_reason.as_deref(), Some("As agreed."));
}

#[test]
fn a_key_is_for_one_refund() {
    let mut update = paid(1_000);
    update.ask_refund(&staff_request(Some(300), "a"), day(2)).unwrap();
    refunded(&mut update, 1, 300, day(2));
    update.ask_refund(&staff_request(Some(300), "a"), day(3)).unwrap();
    assert_eq!(refunds(&update), [(300, &RefundState::Done)]);
    let other = update.ask_refund(&staff_request(Some(301), "a"), day(3));
    assert_eq!(other, Err(RefundError::KeyReused));
}

#[test]
fn amounts_are_at_least_a_cent_of_the_same_currency() {
    let check = |amount: Money| {
        let request = RefundRequest { amount: Some(amount), ..staff_request(None, "k") };
        assert_eq!(paid(1_000).ask_refund(&request, day(2)), Err(RefundError::Nothing));
    };
    check(Money::usd_cents(0));
    check(Money::usd_cents(-1));
    check(Money { amount: 1, currency: Currency::parse("eur").unwrap() });
}

#[test]
fn a_refund_that_stripe_refuses_is_over_and_the_buyer_keeps_it() {
    let mut update = paid(1_000);
    update.ask_refund(&own_request(), day(2)).unwrap();
    update.end_refund(1, RefundState::Failed { code: "charge_disputed".to_owned() });
    let next = settle(&mut update, &payment(1_000, 0, 0, false), day(2));
    assert_eq!(next, PaymentFollowUp::Nothing);
    assert_eq!(update.entitlement.as_ref().unwrap().state, EntitlementState::Active);
    assert_eq!((update.purchase.open_refund(), update.purchase.due_at), (None, None));
    update.ask_refund(&own_request(), day(3)).unwrap();
    assert_eq!(update.purchase.refunds.len(), 2, "another may be asked for");
}

/// What else was refunded or failed meanwhile says nothing of it.
#[test]
fn a_refund_ends_as_its_own_refund_at_stripe_and_not_by_a_total() {
    let mut update = paid(1_000);
    update.ask_refund(&staff_request(Some(800), "a"), day(2)).unwrap();
    refunded(&mut update, 1, 800, day(2));
    update.ask_refund(&staff_request(Some(100), "b"), day(3)).unwrap();
    let code = || "lost_or_stolen_card".to_owned();
    update.end_refund(1, RefundState::Failed { code: code() });
    let next = settle(&mut update, &payment(1_000, 900, 0, false), day(3));
    assert!(matches!(next, PaymentFollowUp::Refund { number: 2, amount: 100, .. }), "{next:?}");
    assert_eq!(refunded(&mut update, 2, 100, day(3)), PaymentFollowUp::Nothing);
    let ended = [(800, &RefundState::Failed { code: code() }), (100, &RefundState::Done)];
    assert_eq!((refunds(&update), update.purchase.due_at), (ended.to_vec(), None));
}

#[test]
fn what_the_bank_did_not_take_can_be_asked_for_again() {
    let mut update = paid(1_000);
    update.ask_refund(&own_request(), day(2)).unwrap();
    refunded(&mut update, 1, 1_000, day(2));
    update.ask_refund(&own_request(), day(3)).unwrap();
    assert_eq!(update.purchase.refunds.len(), 1, "a repeated request is the same refund");
    update.end_refund(1, RefundState::Failed { code: "expired_or_canceled_card".to_owned() });
    settle(&mut update, &payment(1_000, 0, 0, false), day(4));
    assert_eq!(update.entitlement.as_ref().unwrap().state, EntitlementState::Active);
    update.ask_refund(&own_request(), day(5)).unwrap();
    assert_eq!(update.purchase.open_refund().map(|it| it.number), Some(2));
}
