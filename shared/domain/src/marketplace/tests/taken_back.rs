//! What refunds and disputes take back, and what returns with them: the money, the entitlement, the
//! review, the sharer's reward.

use super::{
    purchase_updates::{paid, payment, purchase_update, settle, standing},
    *,
};
use crate::{
    account::{Account, AccountUpdate, Role},
    audit::{Action, Actor},
    billing::payment::Payment,
    id::ReviewId,
    marketplace::{
        community::{
            review::{Opinion, Review},
            reward::{Reward, RewardCancellation, RewardState, SameCard},
            share::Referral,
        },
        creator::{
            journal::LedgerAccount,
            sale::{SaleState, Split},
        },
        purchase::{
            PurchaseState,
            entitlement::EntitlementState,
            refund::{RefundError, RefundedBy},
            update::{PaymentFollowUp, PurchaseUpdate},
        },
    },
    money::Money,
};

#[test]
fn refunds_add_up_and_one_that_fails_is_undone() {
    let mut update = paid(999);
    let mut check = |refunded: i64, net: i64, state: PurchaseState| {
        settle(&mut update, &payment(999, refunded, 0, false), day(2));
        let owned = if state == PurchaseState::Refunded {
            (EntitlementState::Revoked, SaleState::Refunded, 0)
        } else {
            (EntitlementState::Active, SaleState::Held, 1)
        };
        assert_eq!(update.purchase.state, state, "{refunded}");
        assert_eq!(standing(&update), (Some(owned.0), Some(owned.1), net), "{refunded}");
        assert_eq!((update.stats.sales, update.purchase.taken_back), (owned.2, refunded));
        update.journals.len()
    };
    assert_eq!(check(0, 800, PurchaseState::Paid), 1);
    assert_eq!(check(1, 799, PurchaseState::Paid), 2);
    assert_eq!(check(1, 799, PurchaseState::Paid), 2);
    assert_eq!(check(500, 400, PurchaseState::Paid), 3);
    assert_eq!(check(998, 1, PurchaseState::Paid), 4);
    assert_eq!(check(999, 0, PurchaseState::Refunded), 5);
    assert_eq!(check(999, 0, PurchaseState::Refunded), 5);
    // The last one failed, and then all did.
    assert_eq!(check(500, 400, PurchaseState::Paid), 6);
    assert_eq!(check(0, 800, PurchaseState::Paid), 7);
    assert_eq!(check(999, 0, PurchaseState::Refunded), 8);
}

#[test]
fn a_dispute_suspends_and_freezes_until_it_is_over() {
    use EntitlementState::{Active, Revoked, Suspended};
    use SaleState::{Frozen, Held, Refunded};
    let check = |rows: &[(i64, i64, bool, EntitlementState, SaleState, i64)]| {
        let mut update = paid(500);
        for row in rows {
            let (refunded, withdrawn, disputed, owned, sale, net) = *row;
            settle(&mut update, &payment(500, refunded, withdrawn, disputed), day(2));
            assert_eq!(standing(&update), (Some(owned), Some(sale), net), "{row:?} of {rows:?}");
            let lost = owned == Revoked;
            assert_eq!(update.purchase.state == PurchaseState::Refunded, lost, "{row:?}");
            assert_eq!(update.stats.sales, u64::from(!lost), "{row:?}");
        }
    };
    // An inquiry withdraws nothing, and ends or becomes a dispute.
    check(&[(0, 0, true, Suspended, Frozen, 400), (0, 0, false, Active, Held, 400)]);
    check(&[(0, 0, true, Suspended, Frozen, 400), (0, 500, true, Suspended, Frozen, 0)]);
    // A dispute withdraws the money at once, and may return it. The bank may withdraw more.
    check(&[(0, 500, true, Suspended, Frozen, 0), (0, 0, false, Active, Held, 400)]);
    check(&[(0, 500, true, Suspended, Frozen, 0), (0, 500, false, Revoked, Refunded, 0)]);
    check(&[(0, 500, true, Suspended, Frozen, 0), (0, 515, false, Revoked, Refunded, 0)]);
    check(&[(0, 515, false, Revoked, Refunded, 0), (0, 0, false, Active, Held, 400)]);
    // A part of it.
    check(&[(0, 200, true, Suspended, Frozen, 240), (0, 200, false, Active, Held, 240)]);
    check(&[(300, 200, true, Suspended, Frozen, 0), (300, 200, false, Revoked, Refunded, 0)]);
    check(&[(300, 0, false, Active, Held, 160), (300, 500, true, Suspended, Frozen, 0)]);
    // A buyer who was refunded gets nothing back, whatever the outcome of the dispute.
    check(&[(500, 0, false, Revoked, Refunded, 0), (500, 0, true, Revoked, Frozen, 0)]);
}

/// The buyer's entitlement by a second purchase.
fn bought_again(update: &PurchaseUpdate, state: EntitlementState) -> Entitlement {
    Entitlement { version: 7, state, ..placed(2, &update.listing).entitlement(day(3)) }
}

#[test]
fn money_that_comes_back_after_a_second_purchase_is_returned() {
    use EntitlementState::{Active, Suspended};
    let refund = || PaymentFollowUp::Return { payment: payment(500, 0, 0, false).id, amount: None };
    let check = |lost: (i64, i64), back: (i64, i64, bool), expected: PaymentFollowUp| {
        for second in [Active, Suspended] {
            let mut update = shared("sharer", None);
            settle(&mut update, &payment(500, 0, 0, false), day(1));
            settle(&mut update, &payment(500, lost.0, lost.1, false), day(2));
            let other = bought_again(&update, second);
            update.entitlement = Some(other.clone());
            let now = payment(500, back.0, back.1, back.2);
            for _ in 0..2 {
                assert_eq!(settle(&mut update, &now, day(4)), expected, "{back:?}");
            }
            let returned = PurchaseState::Returned { reason: "already_owned".to_owned() };
            assert_eq!(
                (&update.purchase.state, update.entitlement.as_ref()),
                (&returned, Some(&other))
            );
            assert_eq!((update.stats.sales, update.book.money), (0, Split::default()));
            assert_eq!(update.sale.as_ref().unwrap().frozen, back.2);
            let owed = update.book.balances.owed(LedgerAccount::BuyerReturns);
            assert_eq!(owed, 500 - now.returned(), "{back:?}");
            let reward = RewardState::Cancelled { reason: RewardCancellation::Refunded };
            assert_eq!(update.reward.as_ref().unwrap().state, reward);
            let over = settle(&mut update, &payment(500, 500, 0, false), day(5));
            assert_eq!((over, update.purchase.due_at), (PaymentFollowUp::Nothing, None));
            assert_eq!(update.book.balances.owed(LedgerAccount::BuyerReturns), 0);
        }
    };
    // A refund failed, in part or as a whole.
    check((500, 0), (0, 0, false), refund());
    check((500, 0), (499, 0, false), refund());
    // A dispute was won after it was lost.
    check((0, 500), (0, 0, false), refund());
    check((0, 515), (0, 0, false), refund());
    // A refund failed while a dispute has the money, or a part of it.
    check((500, 0), (0, 500, true), PaymentFollowUp::Nothing);
    check((300, 200), (0, 200, true), PaymentFollowUp::Nothing);
    // What a lost dispute has left is the buyer's.
    check((300, 200), (0, 200, false), refund());
}

fn staff(name: &str) -> RefundedBy {
    let actor = Actor::Staff { user_id: user(name), role: Role::Admin };
    RefundedBy::Staff { actor, origin: None }
}

/// Records that `by` pays the buyer so many cents outside Stripe.
fn record(
    update: &mut PurchaseUpdate,
    by: &str,
    payment: &Payment,
    cents: i64,
) -> Result<bool, RefundError> {
    let said = (staff(by), "By bank transfer.".to_owned());
    update.record_paid_back(payment, Money::usd_cents(cents), said, day(5))
}

#[test]
fn what_was_paid_outside_stripe_is_not_due_any_more() {
    let left = payment(500, 0, 200, false);
    let mut update = paid(500);
    assert_eq!(record(&mut update, "ada", &left, 300), Err(RefundError::NotReturned));
    settle(&mut update, &payment(500, 300, 200, false), day(2));
    update.entitlement = Some(bought_again(&update, EntitlementState::Active));
    settle(&mut update, &left, day(4));
    let under_way = record(&mut update, "ada", &left, 300);
    assert_eq!(under_way, Err(RefundError::InProgress), "Stripe may refund it");
    update.fail_return();
    let disputed = payment(500, 0, 200, true);
    assert_eq!(record(&mut update, "ada", &disputed, 300), Err(RefundError::InDispute));
    let refused = record(&mut update, "creator", &left, 300);
    assert!(matches!(refused, Err(RefundError::Conflict(_))), "{refused:?}");
    for other in [299, 301, 500] {
        let owed = Err(RefundError::AmountChanged(Money::usd_cents(300)));
        assert_eq!(record(&mut update, "ada", &left, other), owed);
    }
    let before = update.purchase.clone();
    for is_first in [true, false] {
        assert_eq!(record(&mut update, "ada", &left, 300), Ok(is_first));
        assert_eq!(settle(&mut update, &left, day(6)), PaymentFollowUp::Nothing);
        let owed = |account| update.book.balances.owed(account);
        assert_eq!(owed(LedgerAccount::BuyerReturns), 0);
        assert_eq!(owed(LedgerAccount::OutsideStripe), 300);
        assert_eq!(update.book.balances.of(LedgerAccount::BuyerCash), 300, "it stays at Stripe");
        assert_eq!((update.purchase.due_at, update.purchase.money_back()), (None, 500));
    }
    for (by, cents) in [("bob", 300), ("ada", 299)] {
        let again = record(&mut update, by, &left, cents);
        assert_eq!(again, Err(RefundError::PaidBackAlready), "{by} {cents}");
    }
    let entries: Vec<_> = update.purchase.audit_entries_since(&before).collect();
    assert_eq!((entries.len(), entries[0].action), (1, Action::RecordPaidBack));
    assert_eq!(entries[0].reason.as_deref(), Some("By bank transfer."));
}

#[test]
fn what_comes_back_after_it_was_paid_outside_stripe_is_owed_as_well() {
    let mut update = paid(500);
    settle(&mut update, &payment(500, 500, 0, false), day(2));
    update.entitlement = Some(bought_again(&update, EntitlementState::Active));
    let some = payment(500, 200, 0, false);
    settle(&mut update, &some, day(4));
    update.fail_return();
    let whole = update.purchase.return_key(1);
    assert_eq!(record(&mut update, "ada", &some, 300), Ok(true));
    assert_ne!(update.purchase.return_key(1), whole, "a key is of one amount");
    assert_eq!(settle(&mut update, &some, day(5)), PaymentFollowUp::Nothing);
    // The refund that was done fails too. What was paid outside is not refunded with it.
    let all = payment(500, 0, 0, false);
    let rest = PaymentFollowUp::Return { payment: all.id.clone(), amount: Some(200) };
    assert_eq!(settle(&mut update, &all, day(6)), rest);
    assert_eq!(update.purchase.due_at, Some(day(6)));
    assert_eq!(update.book.balances.owed(LedgerAccount::BuyerReturns), 200);
    assert!(!update.purchase.contests(&payment(500, 0, 0, true)), "200 is owed to her");
    update.fail_return();
    let owed = Err(RefundError::AmountChanged(Money::usd_cents(200)));
    assert_eq!(record(&mut update, "bob", &all, 300), owed, "it is not what was recorded before");
    let before = update.purchase.clone();
    assert_eq!(record(&mut update, "ada", &all, 300), Ok(false), "a repeat");
    assert_eq!(update.purchase, before);
    assert_eq!(record(&mut update, "bob", &all, 200), Ok(true));
    assert_eq!(record(&mut update, "ada", &all, 300), Ok(false), "after a colleague, too");
    assert_eq!(settle(&mut update, &all, day(7)), PaymentFollowUp::Nothing);
    assert_eq!(update.book.balances.owed(LedgerAccount::BuyerReturns), 0);
    assert_eq!(update.book.balances.owed(LedgerAccount::OutsideStripe), 500);
    assert_eq!((update.purchase.due_at, update.purchase.money_back()), (None, 500));
    assert_eq!(update.purchase.audit_entries_since(&before).count(), 1);
    assert!(update.purchase.contests(&payment(500, 0, 500, true)), "it would be paid twice");
}

#[test]
fn a_dispute_is_contested_unless_its_money_is_owed_to_the_buyer() {
    let disputed = |refunded: i64| payment(500, refunded, 0, true);
    let mut update = purchase_update(500);
    assert!(!update.purchase.contests(&disputed(0)), "nothing is known of its payment");
    update = paid(500);
    assert!(update.purchase.contests(&disputed(0)));
    settle(&mut update, &payment(500, 500, 0, false), day(2));
    assert!(update.purchase.contests(&disputed(500)), "the money would go back twice");
    assert!(!update.purchase.contests(&disputed(0)), "its refund has failed");
    update.entitlement = Some(bought_again(&update, EntitlementState::Active));
    settle(&mut update, &disputed(0), day(3));
    assert!(!update.purchase.contests(&disputed(0)), "it is owed to her");
    assert!(update.purchase.contests(&disputed(500)), "it went back, and would go back again");
}

#[test]
fn what_was_bought_twice_and_lost_twice_belongs_to_the_purchase_whose_money_comes_back() {
    let mut update = paid(500);
    settle(&mut update, &payment(500, 500, 0, false), day(2));
    update.entitlement = Some(bought_again(&update, EntitlementState::Revoked));
    let next = settle(&mut update, &payment(500, 0, 0, false), day(4));
    assert_eq!((next, &update.purchase.state), (PaymentFollowUp::Nothing, &PurchaseState::Paid));
    assert_eq!(standing(&update), (Some(EntitlementState::Active), Some(SaleState::Held), 400));
    let owned = update.entitlement.unwrap();
    assert_eq!((owned.purchase_id, owned.version, owned.granted_at), (purchase_id(1), 7, day(4)));
}

fn review(update: &mut PurchaseUpdate) {
    let opinion = Opinion { rating: 4, comment: None };
    let (owned, before) = (update.entitlement.as_mut(), update.stats.clone());
    let id = ReviewId::new(NOW, 1);
    let written = Review::write(id, owned, None, (None, opinion), &mut update.stats, day(1));
    update.review = Some(written.unwrap());
    update.book.follow_ratings(&before, &update.stats);
}

#[test]
fn a_review_goes_and_comes_with_its_purchase() {
    let mut update = paid(500);
    review(&mut update);
    let mut check = |payment: &Payment, withdrawn: bool| {
        settle(&mut update, payment, day(2));
        assert_eq!(update.review.as_ref().unwrap().withdrawn, withdrawn);
        assert_eq!((update.stats.ratings(), update.book.ratings), {
            if withdrawn { (0, 0) } else { (1, 1) }
        });
    };
    check(&payment(500, 499, 0, false), false);
    check(&payment(500, 500, 0, false), true);
    check(&payment(500, 0, 0, false), false);
    check(&payment(500, 0, 500, true), false);
    check(&payment(500, 0, 500, false), true);
}

#[test]
fn a_review_that_stands_on_another_purchase_stays() {
    let mut update = paid(500);
    review(&mut update);
    let other = placed(2, &update.listing).entitlement(day(2));
    update.entitlement = Some(other);
    settle(&mut update, &payment(500, 500, 0, false), day(3));
    assert!(!update.review.unwrap().withdrawn);
}

/// A purchase through a share link.
fn shared(sharer: &str, email: Option<&str>) -> PurchaseUpdate {
    let mut update = purchase_update(500);
    update.purchase.referral = Some(Referral {
        code: "abc".to_owned(),
        sharer_id: user(sharer),
        sharer_email: email.map(str::to_owned),
        clicked_at: NOW,
    });
    update
}

#[test]
fn who_is_rewarded_for_a_sale() {
    let check = |sharer: &str, email: Option<&str>, expected: bool| {
        let mut update = shared(sharer, email);
        for _ in 0..2 {
            settle(&mut update, &payment(500, 0, 0, false), day(1));
        }
        let reward = update.reward.as_ref();
        assert_eq!(reward.is_some(), expected, "{sharer} {email:?}");
        assert_eq!(reward.and_then(Reward::due_at), expected.then(|| day(15)));
        assert_eq!(reward.and_then(|it| it.fingerprint.as_deref()), expected.then_some("card_1"));
    };
    check("sharer", None, true);
    check("sharer", Some("ana@example.test"), true);
    check("sharer", Some("Bo+shop@example.test"), false);
    check("creator", None, false);
    check("buyer", None, false);
}

#[test]
fn a_reward_goes_with_its_sale() {
    let lost = payment(500, 500, 0, false);
    let refunded = RewardState::Cancelled { reason: RewardCancellation::Refunded };
    let mut update = shared("sharer", None);
    settle(&mut update, &payment(500, 0, 0, false), day(1));
    let held = update.clone();

    // While it is held. A dispute cancels it at once, and a won one restores it.
    settle(&mut update, &payment(500, 499, 0, false), day(2));
    settle(&mut update, &payment(500, 0, 0, true), day(2));
    assert_eq!(update.reward, held.reward);
    settle(&mut update, &payment(500, 0, 500, true), day(2));
    assert_eq!(update.reward.as_ref().unwrap().state, refunded);
    settle(&mut update, &payment(500, 0, 0, false), day(3));
    assert_eq!(update.reward, held.reward);

    // Once it was granted.
    let mut update = held;
    let account = Account::open(user("sharer"), NOW);
    let mut sharer: AccountUpdate = account.begin_update(day(16)).unwrap();
    update.reward.as_mut().unwrap().grant(&mut sharer, SameCard::No).unwrap();
    assert_eq!(sharer.account().credits.totals().available, 15);
    update.sharer = Some(sharer);
    for _ in 0..2 {
        settle(&mut update, &lost, day(16));
        let credits = &update.sharer.as_ref().unwrap().account().credits;
        assert_eq!((credits.totals().available, credits.debt), (10, 0));
    }
    assert_eq!(update.reward.as_ref().unwrap().state, refunded);
    // The refund failed: the reward is accrued again, and due.
    settle(&mut update, &payment(500, 0, 0, false), day(17));
    assert_eq!(update.reward.unwrap().due_at(), Some(day(15)));
}
