//! What a payment makes of a purchase.

use super::{
    purchase_updates::{hold_to_the_law, paid, payment, posted, purchase_update, settle, standing},
    *,
};
use crate::{
    billing::payment::{Payment, PaymentState},
    id::ReviewId,
    marketplace::{
        creator::{
            cause::Cause,
            journal::{Balances, Journal, LedgerAccount, Posting, Role},
            sale::{SaleState, Split},
        },
        listing::DelistedBy,
        purchase::{
            PurchaseState,
            entitlement::EntitlementState,
            update::{PaymentFollowUp, PurchaseUpdate},
        },
    },
    money::{Currency, Money},
};

#[test]
fn what_a_purchase_comes_to() {
    use PaymentState::{Pending, Succeeded};
    let declined = || PaymentState::Failed { code: "card_declined".to_owned() };
    let failed = || PurchaseState::Failed { code: "card_declined".to_owned() };
    let check = |states: &[Option<PaymentState>], expected: PurchaseState, due: bool| {
        let mut update = purchase_update(500);
        for state in states {
            match state {
                // Its Checkout Session expires.
                None => update.expire(),
                Some(state) => {
                    let state = state.clone();
                    let paying = Payment { state, ..payment(500, 0, 0, false) };
                    assert_eq!(settle(&mut update, &paying, day(1)), PaymentFollowUp::Nothing);
                }
            }
        }
        let paid = expected == PurchaseState::Paid;
        let found = (&update.purchase.state, update.purchase.due_at.is_some());
        assert_eq!(found, (&expected, due), "{states:?}");
        assert_eq!(update.entitlement.is_some_and(|owned| owned.is_active()), paid, "{states:?}");
        assert_eq!((update.stats.sales, update.journals.len()), if paid { (1, 1) } else { (0, 0) });
    };
    let [pending, succeeded] = [Some(Pending), Some(Succeeded)];
    let row = |states: &[&Option<PaymentState>]| {
        states.iter().map(|state| (*state).clone()).collect::<Vec<_>>()
    };
    let no = Some(declined());
    check(&row(&[]), PurchaseState::Pending, true);
    check(&row(&[&None]), PurchaseState::Expired, false);
    check(&row(&[&pending]), PurchaseState::Processing, true);
    check(&row(&[&succeeded]), PurchaseState::Paid, false);
    check(&row(&[&pending, &succeeded]), PurchaseState::Paid, false);
    check(&row(&[&pending, &no]), failed(), false);
    check(&row(&[&pending, &no, &succeeded]), PurchaseState::Paid, false);
    // A card declined on the Checkout page: the buyer may try another.
    check(&row(&[&no]), PurchaseState::Pending, true);
    check(&row(&[&no, &succeeded]), PurchaseState::Paid, false);
    // Late and repeated.
    check(&row(&[&None, &succeeded]), PurchaseState::Paid, false);
    check(&row(&[&pending, &None]), PurchaseState::Processing, true);
    check(&row(&[&succeeded, &None]), PurchaseState::Paid, false);
    check(&row(&[&succeeded, &succeeded]), PurchaseState::Paid, false);
    check(&row(&[&succeeded, &pending, &no]), PurchaseState::Paid, false);
    check(&row(&[&None, &pending]), PurchaseState::Expired, false);
}

#[test]
fn a_sale_is_shared_and_held_for_seven_days() {
    let update = paid(999);
    let sale = update.sale.unwrap();
    assert_eq!(sale.sold, Split { gross: 999, fee: 199, net: 800 });
    assert_eq!((sale.kept, sale.hold_until), (sale.sold, day(8)));
    let second = std::time::Duration::from_secs(1);
    assert_eq!(sale.state(day(8).minus(second)), SaleState::Held);
    assert_eq!(sale.state(day(8)), SaleState::Payable);
    assert_eq!(update.card.as_deref(), Some("card_1"));
    let [journal] = &update.journals[..] else { panic!("one: {:?}", update.journals) };
    assert_eq!(journal.cause.to_string(), "payment:pi_1");
    assert_eq!(journal.creator_id, user("creator"));
    let payable = LedgerAccount::CreatorPending;
    assert!(journal.legs.iter().any(|leg| leg.account == payable && leg.amount == -800));
}

#[test]
fn tax_belongs_to_neither_and_is_returned_with_the_price() {
    let check = |refunded: i64, kept: i64, tax: i64| {
        let mut update = purchase_update(1_000);
        settle(&mut update, &payment(1_190, 0, 0, false), day(1));
        assert_eq!(posted(&update.journals, Role::Tax), -190);
        settle(&mut update, &payment(1_190, refunded, 0, false), day(2));
        assert_eq!(update.sale.unwrap().kept, Split::of(kept), "{refunded}");
        assert_eq!(posted(&update.journals, Role::Tax), -tax, "{refunded}");
        assert_eq!(posted(&update.journals, Role::BuyerCharge), 1_190 - refunded);
    };
    check(0, 1_000, 190);
    check(119, 900, 171);
    check(595, 500, 95);
    check(1, 1_000, 189);
    check(1_189, 1, 0);
    check(1_190, 0, 0);
}

#[test]
fn a_listing_that_costs_nothing_is_given() {
    let mut update = purchase_update(0);
    for _ in 0..2 {
        update.grant_free(day(1));
        hold_to_the_law(&update);
    }
    assert_eq!(update.purchase.state, PurchaseState::Paid);
    assert_eq!((update.purchase.paid, update.purchase.due_at), (Some(Money::usd_cents(0)), None));
    assert_eq!(standing(&update), (Some(EntitlementState::Active), None, 0));
    assert_eq!((update.stats.sales, update.book.sales, update.journals.len()), (1, 1, 0));
}

#[test]
fn what_can_no_longer_be_bought_is_paid_back() {
    let check = |change: &dyn Fn(&mut PurchaseUpdate), expected: &str| {
        let mut update = purchase_update(500);
        change(&mut update);
        let owned = update.entitlement.clone();
        let all = payment(500, 0, 0, false);
        let back = PaymentFollowUp::Return { payment: all.id.clone(), amount: None };
        let returned = PurchaseState::Returned { reason: expected.to_owned() };
        for now in [day(1), day(2)] {
            assert_eq!(settle(&mut update, &all, now), back, "{expected}");
            assert_eq!((&update.purchase.state, update.purchase.due_at), (&returned, Some(now)));
        }
        assert_eq!(settle(&mut update, &payment(500, 200, 0, false), day(2)), back, "{expected}");
        let done = payment(500, 500, 0, false);
        assert_eq!(settle(&mut update, &done, day(3)), PaymentFollowUp::Nothing);
        assert_eq!((&update.purchase.state, update.purchase.taken_back), (&returned, 500));
        assert_eq!(update.purchase.due_at, None, "it is not due any more");
        assert_eq!(update.entitlement, owned, "the buyer keeps what they had");
        assert_eq!((update.stats.sales, update.book.sales), (0, 0));
        assert_eq!(update.book.balances, Balances::default(), "it came and went");
        assert!(update.sale.is_none() && update.reward.is_none());
    };
    let bought_before = |state: EntitlementState| {
        move |update: &mut PurchaseUpdate| {
            let before = placed(2, &update.listing).entitlement(NOW);
            update.entitlement = Some(Entitlement { state, ..before });
        }
    };
    check(&bought_before(EntitlementState::Active), "already_owned");
    check(&bought_before(EntitlementState::Suspended), "already_owned");
    check(
        &|update| update.listing.delist(DelistedBy::Creator, None, NOW).unwrap(),
        "listing_unlisted",
    );
    check(
        &|update| update.listing.delist(DelistedBy::Staff, None, NOW).unwrap(),
        "listing_unlisted",
    );
    check(
        &|update| update.listing.published.as_mut().unwrap().price = Money::usd_cents(600),
        "price_changed",
    );
    check(&|update| update.seller = suspended(None).into(), "seller_suspended");
    check(&|update| update.seller = suspended(Some(day(9))).into(), "seller_suspended");
}

#[test]
fn what_a_dispute_took_is_not_paid_back_as_well() {
    let check = |refunded: i64, withdrawn: i64, disputed: bool, expected: bool| {
        let mut update = purchase_update(500);
        update.seller = suspended(None).into();
        let next = settle(&mut update, &payment(500, refunded, withdrawn, disputed), day(1));
        let back = matches!(next, PaymentFollowUp::Return { amount: None, .. });
        assert_eq!(back, expected, "{refunded} {withdrawn} {disputed}");
    };
    check(0, 0, false, true);
    check(499, 0, false, true);
    check(500, 0, false, false);
    check(0, 500, true, false);
    check(0, 500, false, false);
    check(0, 515, false, false);
    // What a bank holds is its to decide. What a lost dispute has left is the buyer's.
    check(0, 200, true, false);
    check(0, 200, false, true);
    check(300, 200, false, false);
    // An inquiry withdraws nothing.
    check(0, 0, true, true);
}

#[test]
fn after_a_refund_it_may_be_bought_again() {
    let mut first = paid(500);
    settle(&mut first, &payment(500, 500, 0, false), day(2));
    let mut second = purchase_update(500);
    second.purchase = placed(2, &second.listing);
    let kept = Entitlement { version: 7, ..first.entitlement.clone().unwrap() };
    second.entitlement = Some(Entitlement { review_id: Some(ReviewId::new(NOW, 1)), ..kept });
    settle(&mut second, &payment(500, 0, 0, false), day(3));
    let owned = second.entitlement.clone().unwrap();
    assert_eq!((owned.state, &owned.purchase_id), (EntitlementState::Active, &purchase_id(2)));
    assert_eq!((owned.version, owned.granted_at), (7, day(3)), "it replaces the one before");
    assert_eq!(owned.review_id, Some(ReviewId::new(NOW, 1)));

    // Changes of the first purchase do not affect the second one's entitlement.
    first.entitlement = Some(owned.clone());
    for refunded in [0, 500] {
        settle(&mut first, &payment(500, refunded, 0, false), day(4));
        assert_eq!(first.entitlement.as_ref(), Some(&owned), "{refunded}");
    }
}

#[test]
fn a_journal_balances_or_is_none() {
    let leg = |role: Role, amount: i64| Posting::new(role, LedgerAccount::BuyerCash, amount);
    let build = |legs: &[Posting]| {
        let about = (user("creator"), "pay_1".to_owned());
        Journal::build(about, Cause::Release(purchase_id(1)), Currency::USD, legs.to_vec(), NOW)
    };
    let fits = [leg(Role::BuyerCharge, 500), leg(Role::Tax, 0), leg(Role::PlatformFee, -500)];
    assert_eq!(build(&fits).unwrap().legs.len(), 2, "postings of zero are dropped");
    assert_eq!(build(&[]).unwrap().legs, []);
    let unbalanced = build(&[leg(Role::BuyerCharge, 500), leg(Role::Tax, -499)]).unwrap_err();
    assert_eq!((unbalanced.sum, unbalanced.cause), (1, Cause::Release(purchase_id(1))));
    let twice = [leg(Role::Tax, 500), leg(Role::Tax, -500)];
    assert!(build(&twice).is_err(), "a journal has a role at most once");
}

#[test]
fn stripe_fees_are_borne_by_the_platform() {
    let mut update = purchase_update(1_000);
    let fees = Payment { fees: 59, ..payment(1_000, 0, 0, false) };
    settle(&mut update, &fees, day(1));
    let disputed = Payment { fees: 1_559, ..payment(1_000, 0, 1_000, true) };
    settle(&mut update, &disputed, day(2));
    let balances = &update.book.balances;
    assert_eq!(balances.of(LedgerAccount::ProcessorFees), 1_559);
    assert_eq!(balances.of(LedgerAccount::BuyerCash), -1_559);
    assert_eq!(balances.owed(LedgerAccount::CreatorPending), 0);
    assert_eq!(balances.sum(), 0);
}

/// A bank may take more than was paid: the creator loses their share and no more.
#[test]
fn a_dispute_larger_than_the_payment_is_claimed_and_then_lost() {
    let mut update = purchase_update(1_000);
    settle(&mut update, &payment(1_000, 0, 0, false), day(1));
    let of = |update: &PurchaseUpdate, account| update.book.balances.of(account);
    settle(&mut update, &payment(1_000, 0, 1_200, true), day(2));
    assert_eq!(of(&update, LedgerAccount::DisputesReceivable), 200);
    assert_eq!(of(&update, LedgerAccount::BuyerCash), -200);
    assert_eq!(of(&update, LedgerAccount::CreatorPending), 0);
    settle(&mut update, &payment(1_000, 0, 1_200, false), day(3));
    assert_eq!(of(&update, LedgerAccount::DisputesReceivable), 0);
    assert_eq!(of(&update, LedgerAccount::DisputeLosses), 200);
    settle(&mut update, &payment(1_000, 0, 0, false), day(4));
    assert_eq!(of(&update, LedgerAccount::DisputeLosses), 0);
    assert_eq!(of(&update, LedgerAccount::CreatorPending), -800);
}

#[test]
fn money_for_what_could_not_be_bought_is_the_buyers_until_it_is_back() {
    let mut update = purchase_update(500);
    update.listing.delist(DelistedBy::Creator, None, day(1)).unwrap();
    let next = update.settle(&payment(500, 0, 0, false), day(1)).unwrap();
    assert!(matches!(next, PaymentFollowUp::Return { amount: None, .. }));
    assert_eq!(update.book.balances.owed(LedgerAccount::BuyerReturns), 500);
    update.settle(&payment(500, 500, 0, false), day(2)).unwrap();
    assert_eq!(update.book.balances, Balances::default());
}
