//! What a payment makes of a purchase.

use super::{
    deals::{deal, hold_to_the_law, paid, payment, posted, settle, standing},
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
        let mut deal = deal(500);
        for state in states {
            match state {
                // Its Checkout Session expires.
                None => deal.expire(),
                Some(state) => {
                    let state = state.clone();
                    let paying = Payment { state, ..payment(500, 0, 0, false) };
                    assert_eq!(settle(&mut deal, &paying, day(1)), PaymentFollowUp::Nothing);
                }
            }
        }
        let paid = expected == PurchaseState::Paid;
        let found = (&deal.purchase.state, deal.purchase.due_at.is_some());
        assert_eq!(found, (&expected, due), "{states:?}");
        assert_eq!(deal.entitlement.is_some_and(|owned| owned.is_active()), paid, "{states:?}");
        assert_eq!((deal.stats.sales, deal.journals.len()), if paid { (1, 1) } else { (0, 0) });
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
    let deal = paid(999);
    let sale = deal.sale.unwrap();
    assert_eq!(sale.sold, Split { gross: 999, fee: 199, net: 800 });
    assert_eq!((sale.kept, sale.hold_until), (sale.sold, day(8)));
    let second = std::time::Duration::from_secs(1);
    assert_eq!(sale.state(day(8).minus(second)), SaleState::Held);
    assert_eq!(sale.state(day(8)), SaleState::Payable);
    assert_eq!(deal.card.as_deref(), Some("card_1"));
    let [journal] = &deal.journals[..] else { panic!("one: {:?}", deal.journals) };
    assert_eq!(journal.cause.to_string(), "payment:pi_1");
    assert_eq!(journal.creator_id, user("creator"));
    let payable = LedgerAccount::CreatorPending;
    assert!(journal.legs.iter().any(|leg| leg.account == payable && leg.amount == -800));
}

#[test]
fn tax_belongs_to_neither_and_is_returned_with_the_price() {
    let check = |refunded: i64, kept: i64, tax: i64| {
        let mut deal = deal(1_000);
        settle(&mut deal, &payment(1_190, 0, 0, false), day(1));
        assert_eq!(posted(&deal.journals, Role::Tax), -190);
        settle(&mut deal, &payment(1_190, refunded, 0, false), day(2));
        assert_eq!(deal.sale.unwrap().kept, Split::of(kept), "{refunded}");
        assert_eq!(posted(&deal.journals, Role::Tax), -tax, "{refunded}");
        assert_eq!(posted(&deal.journals, Role::BuyerCharge), 1_190 - refunded);
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
    let mut deal = deal(0);
    for _ in 0..2 {
        deal.grant_free(day(1));
        hold_to_the_law(&deal);
    }
    assert_eq!(deal.purchase.state, PurchaseState::Paid);
    assert_eq!((deal.purchase.paid, deal.purchase.due_at), (Some(Money::usd_cents(0)), None));
    assert_eq!(standing(&deal), (Some(EntitlementState::Active), None, 0));
    assert_eq!((deal.stats.sales, deal.book.sales, deal.journals.len()), (1, 1, 0));
}

#[test]
fn what_can_no_longer_be_bought_is_paid_back() {
    let check = |change: &dyn Fn(&mut PurchaseUpdate), expected: &str| {
        let mut deal = deal(500);
        change(&mut deal);
        let owned = deal.entitlement.clone();
        let all = payment(500, 0, 0, false);
        let back = PaymentFollowUp::RefundInFull(all.id.clone());
        let returned = PurchaseState::Returned { reason: expected.to_owned() };
        for now in [day(1), day(2)] {
            assert_eq!(settle(&mut deal, &all, now), back, "{expected}");
            assert_eq!((&deal.purchase.state, deal.purchase.due_at), (&returned, Some(now)));
        }
        assert_eq!(settle(&mut deal, &payment(500, 200, 0, false), day(2)), back, "{expected}");
        let done = payment(500, 500, 0, false);
        assert_eq!(settle(&mut deal, &done, day(3)), PaymentFollowUp::Nothing);
        assert_eq!((&deal.purchase.state, deal.purchase.taken_back), (&returned, 500));
        assert_eq!(deal.purchase.due_at, None, "it is not due any more");
        assert_eq!(deal.entitlement, owned, "the buyer keeps what they had");
        assert_eq!((deal.stats.sales, deal.book.sales), (0, 0));
        assert_eq!(deal.book.balances, Balances::default(), "it came and went");
        assert!(deal.sale.is_none() && deal.reward.is_none());
    };
    let bought_before = |state: EntitlementState| {
        move |deal: &mut PurchaseUpdate| {
            let before = placed(2, &deal.listing).entitlement(NOW);
            deal.entitlement = Some(Entitlement { state, ..before });
        }
    };
    check(&bought_before(EntitlementState::Active), "already_owned");
    check(&bought_before(EntitlementState::Suspended), "already_owned");
    check(&|deal| deal.listing.delist(DelistedBy::Creator, None, NOW).unwrap(), "listing_unlisted");
    check(&|deal| deal.listing.delist(DelistedBy::Staff, None, NOW).unwrap(), "listing_unlisted");
    check(
        &|deal| deal.listing.published.as_mut().unwrap().price = Money::usd_cents(600),
        "price_changed",
    );
    check(&|deal| deal.seller = suspended(None).into(), "seller_suspended");
    check(&|deal| deal.seller = suspended(Some(day(9))).into(), "seller_suspended");
}

#[test]
fn what_a_dispute_took_is_not_paid_back_as_well() {
    let check = |refunded: i64, withdrawn: i64, disputed: bool, expected: bool| {
        let mut deal = deal(500);
        deal.seller = suspended(None).into();
        let next = settle(&mut deal, &payment(500, refunded, withdrawn, disputed), day(1));
        let back = matches!(next, PaymentFollowUp::RefundInFull(_));
        assert_eq!(back, expected, "{refunded} {withdrawn} {disputed}");
    };
    check(0, 0, false, true);
    check(499, 0, false, true);
    check(500, 0, false, false);
    check(0, 500, true, false);
    check(0, 500, false, false);
    check(0, 515, false, false);
    // Stripe refunds nothing of a charge that a dispute has withdrawn from; an inquiry withdraws
    // nothing.
    check(0, 200, false, false);
    check(0, 0, true, true);
}

#[test]
fn after_a_refund_it_may_be_bought_again() {
    let mut first = paid(500);
    settle(&mut first, &payment(500, 500, 0, false), day(2));
    let mut second = deal(500);
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
    let mut deal = deal(1_000);
    let fees = Payment { fees: 59, ..payment(1_000, 0, 0, false) };
    settle(&mut deal, &fees, day(1));
    let disputed = Payment { fees: 1_559, ..payment(1_000, 0, 1_000, true) };
    settle(&mut deal, &disputed, day(2));
    let balances = &deal.book.balances;
    assert_eq!(balances.of(LedgerAccount::ProcessorFees), 1_559);
    assert_eq!(balances.of(LedgerAccount::BuyerCash), -1_559);
    assert_eq!(balances.owed(LedgerAccount::CreatorPending), 0);
    assert_eq!(balances.sum(), 0);
}

/// A bank may take more than was paid: the creator loses their share and no more.
#[test]
fn a_dispute_larger_than_the_payment_is_claimed_and_then_lost() {
    let mut deal = deal(1_000);
    settle(&mut deal, &payment(1_000, 0, 0, false), day(1));
    let of = |deal: &PurchaseUpdate, account| deal.book.balances.of(account);
    settle(&mut deal, &payment(1_000, 0, 1_200, true), day(2));
    assert_eq!(of(&deal, LedgerAccount::DisputesReceivable), 200);
    assert_eq!(of(&deal, LedgerAccount::BuyerCash), -200);
    assert_eq!(of(&deal, LedgerAccount::CreatorPending), 0);
    settle(&mut deal, &payment(1_000, 0, 1_200, false), day(3));
    assert_eq!(of(&deal, LedgerAccount::DisputesReceivable), 0);
    assert_eq!(of(&deal, LedgerAccount::DisputeLosses), 200);
    settle(&mut deal, &payment(1_000, 0, 0, false), day(4));
    assert_eq!(of(&deal, LedgerAccount::DisputeLosses), 0);
    assert_eq!(of(&deal, LedgerAccount::CreatorPending), -800);
}

#[test]
fn money_for_what_could_not_be_bought_is_the_buyers_until_it_is_back() {
    let mut deal = deal(500);
    deal.listing.delist(DelistedBy::Creator, None, day(1)).unwrap();
    let next = deal.settle(&payment(500, 0, 0, false), day(1)).unwrap();
    assert!(matches!(next, PaymentFollowUp::RefundInFull(_)));
    assert_eq!(deal.book.balances.owed(LedgerAccount::BuyerReturns), 500);
    deal.settle(&payment(500, 500, 0, false), day(2)).unwrap();
    assert_eq!(deal.book.balances, Balances::default());
}
