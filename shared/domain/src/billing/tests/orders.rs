//! Packs: granted once, taken back as far as the payment was, and given back with it.

use proptest::prelude::*;

use super::*;

fn placed(member: &mut Member, via: Via) -> PackOrder {
    let id = OrderId::new(START, 7);
    let mut order =
        member.at(START, |update, _| PackOrder::place(id, Pack::Small, via, update)).unwrap();
    order.set_checkout_session(SessionId::parse("cs_1").unwrap(), "https://pay".to_owned());
    order
}

fn settle(member: &mut Member, order: &mut PackOrder, payment: &Payment) {
    member.at(day(1), |update, _| order.settle(payment, update).unwrap());
}

#[test]
fn a_paid_pack_is_granted_once_and_has_no_end() {
    let mut member = Member::new();
    let mut order = placed(&mut member, Via::Checkout);
    for _ in 0..50 {
        settle(&mut member, &mut order, &payment(0, 0));
    }
    assert_eq!(member.available(), 60);
    assert_eq!((&order.state, order.due_at), (&OrderState::Paid, None));
    assert_eq!(order.lot, Some(LotId("pack:cs_1".to_owned())));
    member.at(day(4000), |_, _| ());
    assert_eq!(member.available(), 60, "the pack, and a month of Free");
}

#[test]
fn what_an_order_comes_to() {
    let failed = || PaymentState::Failed { code: "card_declined".to_owned() };
    let check = |states: &[PaymentState], expected: OrderState, credits: u32| {
        let mut member = Member::new();
        let mut order = placed(&mut member, Via::Checkout);
        for state in states {
            settle(&mut member, &mut order, &Payment { state: state.clone(), ..payment(0, 0) });
        }
        assert_eq!((&order.state, member.available()), (&expected, 10 + credits), "{states:?}");
    };
    let code = "card_declined".to_owned();
    check(&[], OrderState::Open, 0);
    check(&[PaymentState::Pending], OrderState::Processing, 0);
    check(&[PaymentState::Pending, failed()], OrderState::Failed { code: code.clone() }, 0);
    check(&[PaymentState::Pending, PaymentState::Succeeded], OrderState::Paid, 50);
    // A card declined on the Checkout page: the buyer may try another.
    check(&[failed()], OrderState::Open, 0);
    check(&[failed(), PaymentState::Succeeded], OrderState::Paid, 50);
    check(&[PaymentState::Succeeded, PaymentState::Pending, failed()], OrderState::Paid, 50);
}

#[test]
fn an_order_expires_only_if_nothing_was_paid() {
    let mut member = Member::new();
    let mut order = placed(&mut member, Via::Checkout);
    order.expire();
    assert_eq!(order.state, OrderState::Expired);
    settle(&mut member, &mut order, &payment(0, 0));
    assert_eq!(order.state, OrderState::Paid, "money that arrives is never lost");
    order.expire();
    assert_eq!(order.state, OrderState::Paid);
}

#[test]
fn what_is_taken_back_follows_the_money() {
    let check = |refunded: i64, withdrawn: i64, credits: u32| {
        assert_eq!(payment(refunded, withdrawn).taken_back(50), credits);
    };
    check(0, 0, 0);
    check(9, 0, 0);
    check(10, 0, 1);
    check(250, 0, 25);
    check(499, 0, 49);
    check(500, 0, 50);
    check(250, 250, 50);
    // A dispute may exceed the payment, because of exchange rates.
    check(0, 700, 50);
    check(500, 500, 50);
    check(-5, -5, 0);
    let nothing = Payment { amount: Money::usd_cents(0), ..payment(5, 5) };
    assert_eq!(nothing.taken_back(50), 0);
}

#[test]
fn a_refund_takes_what_is_left_and_the_rest_is_owed() {
    let check = |spent: u32, refunded: i64, available: u32, debt: u32| {
        let mut member = Member::new();
        let mut order = placed(&mut member, Via::Checkout);
        settle(&mut member, &mut order, &payment(0, 0));
        // The ten of Free are spent first.
        if spent > 0 {
            member.spend(day(1), 10 + spent);
        }
        for _ in 0..3 {
            settle(&mut member, &mut order, &payment(refunded, 0));
        }
        let found = (member.available(), member.account.credits.debt);
        assert_eq!(found, (available, debt), "{spent} spent, {refunded} cents back");
    };
    check(0, 500, 10, 0);
    check(0, 100, 50, 0);
    check(20, 100, 20, 0);
    check(50, 500, 0, 50);
    check(45, 100, 0, 5);
    check(45, 500, 0, 45);
}

#[test]
fn what_is_owed_blocks_and_is_paid_by_what_comes_next() {
    let mut member = Member::new();
    let mut order = placed(&mut member, Via::Checkout);
    settle(&mut member, &mut order, &payment(0, 0));
    member.spend(day(1), 60);
    settle(&mut member, &mut order, &payment(0, 500));
    assert_eq!(member.account.credits.debt, 50);
    member.at(day(40), |update, _| {
        assert_eq!(update.account().credits.debt, 40, "the month's ten");
        update.start_job("gen", 1).unwrap_err();
        update.add_pack(LotId("pack:cs_2".to_owned()), 50).unwrap();
        update.start_job("gen", 1).unwrap();
    });
    assert_eq!((member.available(), member.account.credits.debt), (9, 0));
}

#[test]
fn an_unlimited_plan_neither_pays_what_is_owed_nor_is_blocked_by_it() {
    let mut member = Member::new();
    let mut order = placed(&mut member, Via::Checkout);
    settle(&mut member, &mut order, &payment(0, 0));
    member.spend(day(1), 60);
    settle(&mut member, &mut order, &payment(500, 0));
    let theirs = subscription(Plan::Enterprise, SubscriptionStatus::Active, period(2, 32));
    member.hear(day(2), &theirs, &mut month("1", Plan::Enterprise, period(2, 32)));
    assert_eq!(member.account.credits.debt, 50);
    member.spend(day(2), 1);
    // Counted credits repay it: a gift first, and Free once the plan has ended.
    let gift = LotId("gift".to_owned());
    member.at(day(3), |update, _| update.add_promo(gift, 5, day(300)).unwrap());
    assert_eq!((member.available(), member.account.credits.debt), (0, 45));
    member.at(day(40), |update, _| update.start_job("gen", 1).unwrap_err());
    assert_eq!((member.available(), member.account.credits.debt), (0, 35));
}

#[test]
fn a_released_hold_pays_what_became_owed_meanwhile() {
    let mut member = Member::new();
    let mut order = placed(&mut member, Via::Checkout);
    settle(&mut member, &mut order, &payment(0, 0));
    let hold = member.at(day(1), |update, _| update.start_job("gen", 60).unwrap());
    settle(&mut member, &mut order, &payment(500, 0));
    assert_eq!(member.account.credits.debt, 50);
    member.at(day(1), |update, _| update.release_job("gen", &hold).unwrap());
    assert_eq!((member.available(), member.account.credits.debt), (10, 0));
}

#[test]
fn a_dispute_that_is_won_restores_what_it_took() {
    let mut member = Member::new();
    let mut order = placed(&mut member, Via::Checkout);
    settle(&mut member, &mut order, &payment(0, 0));
    member.spend(day(1), 40);
    settle(&mut member, &mut order, &payment(0, 500));
    assert_eq!((member.available(), member.account.credits.debt), (0, 30));
    settle(&mut member, &mut order, &payment(0, 0));
    assert_eq!((member.available(), member.account.credits.debt), (20, 0));
    assert_eq!(order.taken_back, 0);
}

#[test]
fn packs_are_one_lot_and_each_refund_takes_its_own_number() {
    let mut member = Member::new();
    let mut orders: Vec<PackOrder> = (1..=100)
        .map(|nth| {
            let id = OrderId::new(START, nth);
            let place = |update: &mut AccountUpdate, _: &mut Billing| {
                PackOrder::place(id, Pack::Small, Via::Checkout, update).unwrap()
            };
            let mut order = member.at(START, place);
            let session = SessionId::parse(&format!("cs_{nth}")).unwrap();
            order.set_checkout_session(session, "https://pay".to_owned());
            order
        })
        .collect();
    for order in &mut orders {
        settle(&mut member, order, &payment(0, 0));
        settle(&mut member, order, &payment(0, 0));
    }
    assert_eq!(member.available(), 10 + 100 * 50);
    assert_eq!(member.account.credits.lots.len(), 2, "the month of Free and the packs");
    // The month of Free and all packs but one are spent.
    member.spend(day(1), 10 + 99 * 50);
    settle(&mut member, &mut orders[7], &payment(500, 0));
    assert_eq!((member.available(), member.account.credits.debt), (0, 0));
    settle(&mut member, &mut orders[8], &payment(250, 0));
    assert_eq!((member.available(), member.account.credits.debt), (0, 25));
    settle(&mut member, &mut orders[7], &payment(0, 0));
    assert_eq!((member.available(), member.account.credits.debt), (25, 0));
}

proptest! {
    /// Whatever Stripe reports of a payment, in any order, and whatever is spent in between: its
    /// last report determines how much is taken back, and the ledger stays consistent.
    #[test]
    fn the_last_word_decides(
        steps in prop::collection::vec((0i64..=600, 0i64..=600, 0u32..=20), 1..20),
    ) {
        let mut member = Member::new();
        let mut order = placed(&mut member, Via::Checkout);
        settle(&mut member, &mut order, &payment(0, 0));
        for (refunded, withdrawn, spend) in &steps {
            if *spend > 0 && member.account.credits.debt == 0 && member.available() >= *spend {
                member.spend(day(1), *spend);
            }
            settle(&mut member, &mut order, &payment(*refunded, *withdrawn));
        }
        let (refunded, withdrawn, _) = steps[steps.len() - 1];
        let gone = payment(refunded, withdrawn).taken_back(50);
        prop_assert_eq!(order.taken_back, gone);
        // Paid for: the ten of Free and what is left of the pack.
        let totals = member.totals();
        let has = i64::from(totals.available + totals.spent) - i64::from(member.account.credits.debt);
        prop_assert_eq!(has, 60 - i64::from(gone));
    }
}

/// The table of packs may change after an order was created; older orders do not store their terms.
#[test]
fn an_order_remembers_what_it_sold() {
    let mut member = Member::new();
    let mut order = placed(&mut member, Via::Checkout);
    let table = order.sold();
    assert_eq!(order.sold.as_ref(), Some(&table));
    order.sold = Some(Sold { name: "80 credits".to_owned(), credits: 80, price_cents: 1_000 });
    let paid = Payment { amount: Money::usd_cents(1_190), ..payment(0, 0) };
    settle(&mut member, &mut order, &paid);
    assert_eq!(member.available(), 10 + 80);
    settle(&mut member, &mut order, &Payment { refunded: 595, ..paid });
    assert_eq!((order.taken_back, member.available()), (40, 10 + 40));
    let receipt = Invoice::receipt(&order, InvoiceId::new(START, 1), None).unwrap();
    assert_eq!((receipt.subtotal, receipt.tax), (1_000, 190));
    assert_eq!(receipt.lines[0].description, "Pack of 80 credits");
    order.state(START);
    let stated = serde_json::to_value(order.stated).unwrap();
    assert_eq!((&stated["sold"], &stated["returned"]), (&1_000.into(), &500.into()));

    let mut older = serde_json::to_value(&order).unwrap();
    older.as_object_mut().unwrap().remove("sold");
    let older: PackOrder = serde_json::from_value(older).unwrap();
    assert_eq!(older.sold(), table);
}
