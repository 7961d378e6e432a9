//! Refunds of purchases.

use super::{
    deals::{deal, paid, payment, settle},
    *,
};
use crate::{
    account::Role,
    audit::Actor,
    marketplace::purchase::{
        PurchaseState,
        entitlement::EntitlementState,
        refund::{IdempotencyMark, Refund, RefundError, RefundRequest, RefundState, RefundedBy},
        update::{PaymentFollowUp, PurchaseUpdate},
    },
    money::{Currency, Money},
};

fn own_wish() -> RefundRequest {
    RefundRequest { amount: None, by: RefundedBy::Buyer, reason: None, request: None }
}

fn ada() -> Actor {
    Actor::Staff { user_id: user("ada"), role: Role::Admin }
}

fn staff_wish(cents: Option<i64>, key: &str) -> RefundRequest {
    RefundRequest {
        amount: cents.map(Money::usd_cents),
        by: RefundedBy::Staff { actor: ada(), origin: None },
        reason: Some("As agreed.".to_owned()),
        request: Some(IdempotencyMark { key: key.to_owned(), fingerprint: format!("{cents:?}") }),
    }
}

fn refunds(deal: &PurchaseUpdate) -> Vec<(i64, &RefundState)> {
    deal.purchase.refunds.iter().map(|it: &Refund| (it.amount, &it.state)).collect()
}

#[test]
fn what_was_never_opened_goes_back_at_once() {
    let mut deal = paid(1_000);
    deal.ask_refund(&own_wish(), day(2)).unwrap();
    let owned = deal.entitlement.as_ref().unwrap();
    assert_eq!(owned.state, EntitlementState::Suspended, "a buyer cannot use what they return");
    let next = settle(&mut deal, &payment(1_000, 0, 0, false), day(2));
    assert!(matches!(next, PaymentFollowUp::Refund { number: 1, amount: 1_000, .. }));
    assert_eq!(deal.purchase.due_at, Some(day(2)), "an interrupted run is resumed");
    deal.ask_refund(&own_wish(), day(2)).unwrap();
    assert_eq!(deal.purchase.refunds.len(), 1, "a repeated request is the same refund");
    let next = settle(&mut deal, &payment(1_000, 1_000, 0, false), day(2));
    assert_eq!(
        (next, refunds(&deal)),
        (PaymentFollowUp::Nothing, vec![(1_000, &RefundState::Done)])
    );
    assert_eq!((&deal.purchase.state, deal.purchase.due_at), (&PurchaseState::Refunded, None));
    assert_eq!(deal.entitlement.unwrap().state, EntitlementState::Revoked);
}

#[test]
fn what_a_buyer_cannot_have_back_at_once_is_for_staff() {
    let check = |change: &dyn Fn(&mut PurchaseUpdate), at: Timestamp, expected: RefundError| {
        let mut deal = paid(1_000);
        change(&mut deal);
        let refused = deal.ask_refund(&own_wish(), at).unwrap_err();
        assert_eq!(refused, expected);
        deal.note_refund_request(&refused, Some("Please."), at);
        let noted = deal.purchase.refund_request.clone();
        assert_eq!(noted.is_some(), expected.is_for_staff());
        assert_eq!(deal.purchase.refunds, []);
        if let Some(noted) = noted {
            assert_eq!((&noted.because[..], noted.at), (crate::DomainError::code(&expected), at));
            deal.ask_refund(&staff_wish(None, "k"), at).unwrap();
            assert_eq!(deal.purchase.refund_request, None, "it was decided");
        }
    };
    let owned = |change: fn(&mut crate::marketplace::purchase::entitlement::Entitlement)| {
        move |deal: &mut PurchaseUpdate| change(deal.entitlement.as_mut().unwrap())
    };
    check(&owned(|it| it.downloaded_at = Some(day(1))), day(2), RefundError::Downloaded);
    check(&owned(|it| it.used_at = Some(day(1))), day(2), RefundError::Used);
    let second = std::time::Duration::from_secs(1);
    check(&|_| {}, day(15).plus(second), RefundError::WindowOver);
    let frozen = |deal: &mut PurchaseUpdate| deal.sale.as_mut().unwrap().frozen = true;
    check(&frozen, day(2), RefundError::InDispute);
    assert!(paid(1_000).ask_refund(&own_wish(), day(15)).is_ok(), "to the end of the last day");
    assert_eq!(deal(1_000).ask_refund(&own_wish(), day(2)), Err(RefundError::NotPaid));
}

#[test]
fn staff_give_back_parts_and_never_more_than_was_paid() {
    let mut deal = paid(1_000);
    let mut refunded = 0;
    for (number, (cents, key)) in [(300, "a"), (300, "b"), (400, "c")].into_iter().enumerate() {
        deal.ask_refund(&staff_wish(Some(cents), key), day(20)).unwrap();
        let other = staff_wish(Some(1), "d");
        assert_eq!(deal.ask_refund(&other, day(20)), Err(RefundError::InProgress));
        refunded += cents;
        settle(&mut deal, &payment(1_000, refunded, 0, false), day(20));
        let too_much = deal.ask_refund(&staff_wish(Some(1_001 - refunded), "e"), day(20));
        let left = Money::usd_cents(1_000 - refunded);
        let expected = match number {
            2 => RefundError::Over,
            _ => RefundError::TooMuch(left),
        };
        assert_eq!(too_much, Err(expected));
    }
    assert_eq!(deal.purchase.state, PurchaseState::Refunded);
    assert_eq!(deal.sale.as_ref().unwrap().refund_reason.as_deref(), Some("As agreed."));
}

#[test]
fn a_key_is_for_one_refund() {
    let mut deal = paid(1_000);
    deal.ask_refund(&staff_wish(Some(300), "a"), day(2)).unwrap();
    settle(&mut deal, &payment(1_000, 300, 0, false), day(2));
    deal.ask_refund(&staff_wish(Some(300), "a"), day(3)).unwrap();
    assert_eq!(refunds(&deal), [(300, &RefundState::Done)]);
    let other = deal.ask_refund(&staff_wish(Some(301), "a"), day(3));
    assert_eq!(other, Err(RefundError::KeyReused));
}

#[test]
fn amounts_are_at_least_a_cent_of_the_same_currency() {
    let check = |amount: Money| {
        let wish = RefundRequest { amount: Some(amount), ..staff_wish(None, "k") };
        assert_eq!(paid(1_000).ask_refund(&wish, day(2)), Err(RefundError::Nothing));
    };
    check(Money::usd_cents(0));
    check(Money::usd_cents(-1));
    check(Money { amount: 1, currency: Currency::parse("eur").unwrap() });
}

#[test]
fn a_refund_that_stripe_refuses_is_over_and_the_buyer_keeps_it() {
    let mut deal = paid(1_000);
    deal.ask_refund(&own_wish(), day(2)).unwrap();
    deal.fail_refund(1, "charge_disputed");
    assert_eq!(deal.entitlement.as_ref().unwrap().state, EntitlementState::Active);
    assert_eq!((deal.purchase.open_refund(), deal.purchase.due_at), (None, None));
    deal.ask_refund(&own_wish(), day(3)).unwrap();
    assert_eq!(deal.purchase.refunds.len(), 2, "another may be asked for");
}
