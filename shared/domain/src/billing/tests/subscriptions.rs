//! Plans: grants, renewals, changes, ends, and events in every order.

use SubscriptionStatus::{
    Active, Canceled, Incomplete, IncompleteExpired, PastDue, Paused, Trialing, Unpaid,
};

use super::*;
use crate::billing::{
    checkout::{CheckoutError, CheckoutStatus, PlanCheckout, PlanCheckoutStep},
    subscription::ScheduledChange,
};

/// A member in the first month of a plan.
fn subscribed(plan: Plan) -> (Member, Subscription) {
    let mut member = Member::new();
    let theirs = subscription(plan, Active, period(0, 30));
    member.hear(START, &theirs, &mut month("1", plan, period(0, 30)));
    (member, theirs)
}

fn renewed(theirs: &Subscription, period: Period) -> Subscription {
    Subscription { period, ..theirs.clone() }
}

#[test]
fn a_paid_invoice_grants_its_plan_once_however_often_it_is_reported() {
    let mut member = Member::new();
    let theirs = subscription(Plan::Pro, Active, period(0, 30));
    let mut first = month("1", Plan::Pro, period(0, 30));
    for _ in 0..50 {
        member.hear(START, &theirs, &mut first);
    }
    assert_eq!((member.account.plan, member.available()), (Plan::Pro, 500));
    assert_eq!(member.totals().granted, 510, "the ten of Free expired");
    assert_eq!(member.account.plan_ends_at, Some(day(37)));
}

#[test]
fn nothing_is_granted_before_it_is_paid() {
    for status in [
        InvoiceStatus::Draft,
        InvoiceStatus::Open,
        InvoiceStatus::Void,
        InvoiceStatus::Uncollectible,
    ] {
        let mut member = Member::new();
        let theirs = subscription(Plan::Pro, Incomplete, period(0, 30));
        let mut unpaid = Invoice { status, ..month("1", Plan::Pro, period(0, 30)) };
        member.hear(START, &theirs, &mut unpaid);
        assert_eq!((member.account.plan, member.available()), (Plan::Free, 10), "{status:?}");
    }
}

#[test]
fn a_renewal_replaces_what_was_left_and_packs_stay() {
    let (mut member, theirs) = subscribed(Plan::Pro);
    member.at(START, |update, _| update.add_pack(LotId("pack:1".to_owned()), 50).unwrap());
    member.spend(day(1), 100);
    let theirs = renewed(&theirs, period(30, 60));
    // Stripe is in the next period, and its invoice is not paid yet: the old plan continues.
    member.at(day(30), |update, billing| billing.follow(&theirs, update).unwrap());
    assert_eq!((member.account.plan, member.available()), (Plan::Pro, 450));
    member.hear(day(31), &theirs, &mut month("2", Plan::Pro, period(30, 60)));
    assert_eq!(member.available(), 550);
    assert_eq!(member.account.usage.used(), 0, "a new period starts at zero");
}

#[test]
fn an_upgrade_ends_the_old_lot_first_and_never_goes_below_zero() {
    for spent in [0, 1, 500] {
        let (mut member, theirs) = subscribed(Plan::Pro);
        if spent > 0 {
            member.spend(day(1), spent);
        }
        let theirs = Subscription { plan: Plan::Enterprise, ..theirs };
        let mut upgrade = invoice(
            "2",
            InvoiceStatus::Paid,
            vec![
                line("back", Plan::Pro, -1933, period(10, 30)),
                line("on", Plan::Enterprise, 6600, period(10, 30)),
            ],
        );
        member.hear(day(10), &theirs, &mut upgrade);
        assert_eq!(member.account.plan, Plan::Enterprise, "after {spent} spent");
        assert!(member.account.credits.is_unlimited(day(10)));
        assert_eq!((member.available(), member.account.credits.debt), (0, 0));
        assert_eq!(member.totals().expired, 10 + 500 - spent);
        member.spend(day(11), 7);
    }
}

#[test]
fn a_downgrade_begins_with_the_next_paid_period() {
    let (mut member, theirs) = subscribed(Plan::Enterprise);
    let theirs = Subscription { plan: Plan::Pro, ..renewed(&theirs, period(30, 60)) };
    member.hear(day(30), &theirs, &mut month("2", Plan::Pro, period(30, 60)));
    assert_eq!((member.account.plan, member.available()), (Plan::Pro, 500));
    assert!(!member.account.credits.is_unlimited(day(30)));
}

#[test]
fn when_a_plan_ends() {
    let check = |status: SubscriptionStatus, cancels: bool, ends: Option<u32>| {
        let (mut member, theirs) = subscribed(Plan::Pro);
        let theirs = Subscription { status, cancel_at_period_end: cancels, ..theirs };
        member.at(day(5), |update, billing| billing.follow(&theirs, update).unwrap());
        let plan_on = |days: u32| {
            let mut later = member.clone();
            later.at(day(days), |_, _| ());
            (later.account.plan, later.available())
        };
        let last = ends.map_or(5, |end| end - 1);
        let (before, after) = (plan_on(last), plan_on(ends.unwrap_or(5)));
        if ends.is_some() {
            assert_eq!(before, (Plan::Pro, 500), "{status:?} {cancels}");
        }
        assert_eq!(after.0, Plan::Free, "{status:?} {cancels}");
    };
    // Seven days of grace after the paid period, which end without an event.
    check(Active, false, Some(37));
    check(Trialing, false, Some(37));
    check(PastDue, false, Some(37));
    // No grace if the member has cancelled.
    check(Active, true, Some(30));
    for over in [Canceled, IncompleteExpired, Unpaid, Paused, Incomplete] {
        check(over, false, None);
    }
}

#[test]
fn a_payment_in_the_grace_or_after_it_begins_the_plan_again() {
    for paid_on in [33, 45] {
        let (mut member, theirs) = subscribed(Plan::Pro);
        let late = Subscription { status: PastDue, ..renewed(&theirs, period(30, 60)) };
        member.at(day(31), |update, billing| billing.follow(&late, update).unwrap());
        let theirs = Subscription { status: Active, ..late };
        member.hear(day(paid_on), &theirs, &mut month("2", Plan::Pro, period(30, 60)));
        assert_eq!(member.account.plan, Plan::Pro);
        assert_eq!(member.account.plan_ends_at, Some(day(67)));
    }
}

#[test]
fn after_a_paid_plan_free_grants_only_when_its_month_is_due() {
    let (mut member, theirs) = subscribed(Plan::Pro);
    let over = Subscription { status: Canceled, ..theirs };
    member.at(day(5), |update, billing| billing.follow(&over, update).unwrap());
    assert_eq!(member.available(), 0, "this month's ten were granted before");
    member.at(day(40), |_, _| ());
    assert_eq!(member.available(), 10);
}

#[test]
fn news_of_a_subscription_that_is_over_brings_nothing_back() {
    let (mut member, theirs) = subscribed(Plan::Pro);
    let over = Subscription { status: Canceled, ended_at: Some(day(5)), ..theirs };
    member.at(day(5), |update, billing| billing.follow(&over, update).unwrap());
    // Its second month was paid and is reported late: it is granted, and expires at once.
    member.hear(day(31), &over, &mut month("2", Plan::Pro, period(30, 60)));
    assert_eq!((member.account.plan, member.totals().granted), (Plan::Free, 510 + 500 + 10));
    assert_eq!(member.available(), 10);
}

/// Stripe reports an invoice as paid before it reports its subscription as active.
#[test]
fn a_paid_period_waits_for_the_state_that_gives_access() {
    for status in [Incomplete, Unpaid, Paused] {
        let mut member = Member::new();
        let waits = subscription(Plan::Pro, status, period(0, 30));
        let mut first = month("1", Plan::Pro, period(0, 30));
        for _ in 0..2 {
            member.hear(day(1), &waits, &mut first);
        }
        assert_eq!((member.account.plan, member.available()), (Plan::Free, 10), "{status:?}");
        assert_eq!(first.granted, [], "{status:?}");

        // The status arrives, and the grant with it.
        let (mut active, mut granted) = (member.clone(), first.clone());
        let now = Subscription { status: Active, ..waits.clone() };
        active.hear(day(2), &now, &mut granted);
        assert_eq!((active.account.plan, active.available()), (Plan::Pro, 500), "{status:?}");

        // The subscription ends instead: it was paid before, and expires.
        let (mut ended, mut lapsed) = (member.clone(), first.clone());
        let now = Subscription { status: Canceled, ended_at: Some(day(2)), ..waits.clone() };
        ended.hear(day(2), &now, &mut lapsed);
        assert_eq!((lapsed.granted.len(), ended.available()), (1, 10), "{status:?}");

        // The status never arrives: an ended period expires.
        member.hear(day(30), &waits, &mut first);
        assert_eq!((first.granted.len(), member.account.plan), (1, Plan::Free), "{status:?}");
        assert_eq!(member.totals().expired, 500, "{status:?}");
        assert_eq!(member.available(), 10, "the free month continues, {status:?}");
    }
}

#[test]
fn what_is_to_be_done_about_an_invoice_after_the_end() {
    let over = Subscription {
        status: Canceled,
        ended_at: Some(day(5)),
        ..subscription(Plan::Pro, Active, period(0, 30))
    };
    let refund = FollowUpTask::RefundInvoice { invoice: StripeInvoiceId::parse("in_2").unwrap() };
    let void = FollowUpTask::VoidInvoices { subscription: over.id.clone() };
    let pay = |on: u32, gone: i64| Invoice {
        paid_at: Some(day(on)),
        payment: Some(payment(0, 0).id),
        gone,
        ..month("2", Plan::Pro, period(0, 30))
    };
    let check = |invoice: Invoice, theirs: &Subscription, expected: Option<&FollowUpTask>| {
        assert_eq!(invoice.after_the_end(theirs).as_ref(), expected, "{invoice:?}");
        let (mut member, mut granted) = (Member::new(), invoice.clone());
        member.hear(day(6), theirs, &mut granted);
        let late = expected == Some(&refund);
        assert!(!late || granted.granted.is_empty(), "what is refunded is not granted");
    };
    check(pay(6, 0), &over, Some(&refund));
    check(pay(6, 1000), &over, Some(&refund));
    check(pay(6, 2900), &over, None);
    check(pay(4, 0), &over, None);
    check(Invoice { payment: None, ..pay(6, 0) }, &over, None);
    check(pay(6, 0), &subscription(Plan::Pro, Active, period(0, 30)), None);
    let open = Invoice { status: InvoiceStatus::Open, ..month("2", Plan::Pro, period(0, 30)) };
    check(open.clone(), &over, Some(&void));
    check(open.clone(), &subscription(Plan::Pro, PastDue, period(0, 30)), None);
    check(Invoice { status: InvoiceStatus::Void, ..open }, &over, None);
}

#[test]
fn whose_renewal_is_to_be_stopped() {
    let check = |until: Option<Option<u32>>, theirs: Subscription, stops: bool| {
        let (mut member, _) = subscribed(Plan::Pro);
        member.billing.subscription = Some(theirs.clone());
        let standing = match until {
            None => AccountStatus::Active,
            Some(until) => {
                AccountStatus::Suspended { reason: "no".to_owned(), until: until.map(day) }
            }
        };
        let found = member.billing.renewal_to_stop(&standing);
        assert_eq!(found.is_some(), stops, "{standing:?} {theirs:?}");
    };
    let theirs = subscription(Plan::Pro, Active, period(0, 30));
    check(None, theirs.clone(), false);
    check(Some(Some(9)), theirs.clone(), false);
    check(Some(None), theirs.clone(), true);
    for status in [Trialing, PastDue, Unpaid, Paused] {
        check(Some(None), Subscription { status, ..theirs.clone() }, true);
    }
    for status in [Canceled, IncompleteExpired, Incomplete] {
        check(Some(None), Subscription { status, ..theirs.clone() }, false);
    }
    check(Some(None), Subscription { cancel_at_period_end: true, ..theirs }, false);
}

/// What was paid from the customer's balance was revenue before.
#[test]
fn revenue_is_what_was_paid_without_its_tax() {
    let check = |total: i64, tax: i64, paid: i64, gone: i64, expected: (i64, i64)| {
        let mut it = Invoice {
            total,
            tax,
            subtotal: total - tax,
            amount_paid: paid,
            gone,
            ..month("1", Plan::Pro, period(0, 30))
        };
        it.state(START);
        let stated = serde_json::to_value(it.stated).unwrap();
        let sums = (stated["sold"].as_i64().unwrap(), stated["returned"].as_i64().unwrap());
        assert_eq!(sums, expected, "{paid} of {total}, {gone} went back");
    };
    check(2900, 0, 2900, 0, (2900, 0));
    check(2900, 0, 2000, 0, (2000, 0));
    check(2900, 0, 2000, 500, (2000, 500));
    check(2900, 0, 2000, 2000, (2000, 2000));
    check(2900, 0, 0, 0, (0, 0));
    check(3451, 551, 3451, 0, (2900, 0));
    check(3451, 551, 1726, 1726, (1450, 1450));
    // A downgrade that credits the balance.
    check(-4000, 0, 0, 0, (0, 0));
}

/// A year of events of one subscription, each with Stripe's state when it is processed; every order
/// of any six of them, doubled, ends in the same state.
#[test]
fn every_order_of_six_events_ends_in_one_state() {
    let now = Subscription {
        plan: Plan::Enterprise,
        ..subscription(Plan::Enterprise, Active, period(60, 90))
    };
    let months = [
        month("1", Plan::Pro, period(0, 30)),
        month("2", Plan::Pro, period(30, 60)),
        invoice(
            "3",
            InvoiceStatus::Paid,
            vec![
                line("back", Plan::Pro, -1000, period(50, 60)),
                line("on", Plan::Enterprise, 3000, period(50, 60)),
            ],
        ),
        month("4", Plan::Enterprise, period(60, 90)),
        Invoice { status: InvoiceStatus::Open, ..month("5", Plan::Enterprise, period(90, 120)) },
        invoice("6", InvoiceStatus::Paid, vec![]),
    ];
    let hear = |order: &[usize]| {
        let mut member = Member::new();
        let mut stored = months.clone();
        for nth in order.iter().chain(order) {
            member.hear(day(61), &now, &mut stored[*nth]);
        }
        let (account, totals) = (&member.account, member.totals());
        assert_eq!(account.plan, Plan::Enterprise, "{order:?}");
        assert_eq!(account.paid_period, Some(period(60, 90)), "{order:?}");
        assert_eq!(account.plan_ends_at, Some(day(97)), "{order:?}");
        assert!(account.credits.is_unlimited(day(61)), "{order:?}");
        (totals, member.billing.clone())
    };
    let mut order: Vec<usize> = (0..6).collect();
    let expected = hear(&order);
    permute(&mut order, 0, &mut |order| assert_eq!(hear(order), expected, "{order:?}"));
}

fn permute(order: &mut Vec<usize>, from: usize, visit: &mut impl FnMut(&[usize])) {
    if from == order.len() {
        return visit(order);
    }
    for nth in from..order.len() {
        order.swap(from, nth);
        permute(order, from + 1, visit);
        order.swap(from, nth);
    }
}

#[test]
fn of_two_subscriptions_the_older_one_stays_whichever_is_reported_first() {
    let older = subscription(Plan::Pro, Active, period(0, 30));
    let newer = Subscription {
        id: SubscriptionId::parse("sub_2").unwrap(),
        created_at: day(1),
        ..older.clone()
    };
    for both in [[&older, &newer], [&newer, &older]] {
        let mut member = Member::new();
        let said = both.map(|one| member.at(day(2), |d, b| b.follow(one, d).unwrap()));
        assert_eq!(said[1], Followed::Surplus(newer.id.clone()));
        assert_eq!(member.billing.subscription, Some(older.clone()));
    }
    // An ended one makes room, and is forgotten once another came.
    let over = Subscription { status: Canceled, ..older.clone() };
    let mut member = Member::new();
    let mut follow = |one: &Subscription| member.at(day(2), |d, b| b.follow(one, d).unwrap());
    assert_eq!(follow(&older), Followed::Theirs);
    assert_eq!(follow(&over), Followed::Theirs);
    assert_eq!(follow(&newer), Followed::Theirs);
    assert_eq!(follow(&over), Followed::Former);
    assert_eq!(member.billing.subscription, Some(newer));
}

#[test]
fn one_checkout_of_a_plan_is_open_at_a_time() {
    let mut billing = Member::new().billing;
    let Ok(PlanCheckoutStep::Open(first)) = billing.subscribe(Plan::Pro, START) else { panic!() };
    // Stripe's answer was lost: the same checkout again, under the same key.
    let again = billing.subscribe(Plan::Pro, day(0)).unwrap();
    assert_eq!(again, PlanCheckoutStep::Open(first.clone()));

    let session = SessionId::parse("cs_1").unwrap();
    billing.opened(first.nth, session.clone(), "https://pay".to_owned());
    assert_eq!(billing.subscribe(Plan::Pro, START), Ok(PlanCheckoutStep::Again(session.clone())));
    let other = billing.subscribe(Plan::Enterprise, START);
    assert_eq!(other, Ok(PlanCheckoutStep::Replace(session.clone())));

    billing.closed(&SessionId::parse("cs_other").unwrap(), None);
    assert!(billing.checkout.is_some(), "the end of another session does not affect it");
    let paid = SubscriptionId::parse("sub_1").unwrap();
    billing.closed(&session, Some(&paid));
    let state = |billing: &Billing, of: &PlanCheckout, now| {
        billing.plan_checkout(&of.id(), now).map(|(_, theirs, status)| (theirs.cloned(), status))
    };
    assert_eq!(state(&billing, &first, day(9)), Some((Some(paid), CheckoutStatus::Paid)));
    let Ok(PlanCheckoutStep::Open(second)) = billing.subscribe(Plan::Enterprise, START) else {
        panic!()
    };
    assert_eq!((second.nth, second.plan), (2, Plan::Enterprise));
    let Ok(PlanCheckoutStep::Open(third)) = billing.subscribe(Plan::Pro, day(1)) else { panic!() };
    assert_eq!(third.nth, 3, "the second has expired");
    assert_eq!(state(&billing, &second, day(1)), Some((None, CheckoutStatus::Expired)));
    assert_eq!(state(&billing, &third, day(1)), Some((None, CheckoutStatus::Open)));
    assert_eq!(state(&billing, &third, day(2)), Some((None, CheckoutStatus::Expired)));
    for days in 2..12 {
        billing.subscribe(Plan::Pro, day(days)).unwrap();
    }
    assert_eq!(state(&billing, &first, day(12)), None, "only the latest are kept");
}

#[test]
fn a_change_of_plan_is_known_in_advance() {
    let theirs = subscription(Plan::Enterprise, Active, period(0, 30));
    let end = theirs.period.ends_at;
    let to = |plan| Some(ScheduledChange { plan, at: end });
    assert_eq!((theirs.renews_at(), theirs.next_change()), (Some(end), None));
    let scheduled = Subscription { scheduled: to(Plan::Pro), ..theirs.clone() };
    assert_eq!((scheduled.renews_at(), scheduled.next_change()), (Some(end), to(Plan::Pro)));
    let cancelled = Subscription { cancel_at_period_end: true, ..scheduled };
    assert_eq!((cancelled.renews_at(), cancelled.next_change()), (None, to(Plan::Free)));
    let over = Subscription { status: Canceled, ..cancelled };
    assert_eq!((over.renews_at(), over.next_change()), (None, None));
}

#[test]
fn who_has_a_subscription_is_sent_to_the_portal() {
    let check = |status: SubscriptionStatus, refused: bool| {
        let (member, theirs) = subscribed(Plan::Pro);
        let mut billing = member.billing;
        billing.subscription = Some(Subscription { status, ..theirs });
        let said = billing.subscribe(Plan::Enterprise, day(1));
        assert_eq!(said.err(), refused.then_some(CheckoutError::Subscribed(Plan::Pro)));
    };
    for status in [Active, Trialing, PastDue, Unpaid, Paused, Incomplete] {
        check(status, true);
    }
    check(Canceled, false);
    check(IncompleteExpired, false);
    let mut billing = Member::new().billing;
    assert_eq!(billing.subscribe(Plan::Free, START), Err(CheckoutError::NotSold));
}

#[test]
fn a_refunded_month_loses_what_is_left_and_owes_nothing() {
    let (mut member, theirs) = subscribed(Plan::Pro);
    let mut first = month("1", Plan::Pro, period(0, 30));
    first.granted = vec![LotId("plan:il_1".to_owned())];
    member.spend(day(1), 120);
    let part = Payment { amount: Money::usd_cents(2900), ..payment(1000, 0) };
    member.at(day(2), |update, _| first.settle(&part, update).unwrap());
    assert_eq!(member.available(), 380, "a part of it is a courtesy");
    let whole = Payment { refunded: 2900, ..part };
    for _ in 0..3 {
        member.at(day(2), |update, billing| {
            first.settle(&whole, update).unwrap();
            billing.follow(&theirs, update).unwrap();
        });
    }
    assert_eq!((member.available(), member.account.credits.debt), (0, 0));
    assert_eq!((first.taken_back, first.amount_refunded), (380, 2900));
}

/// A payment of this amount, with the parts refunded and withdrawn by a dispute.
fn paid(cents: i64, refunded: i64, withdrawn: i64) -> Payment {
    Payment { amount: Money::usd_cents(cents), ..payment(refunded, withdrawn) }
}

#[test]
fn an_unlimited_month_ends_with_its_payment_and_comes_back_with_it() {
    let (mut member, theirs) = subscribed(Plan::Enterprise);
    let mut first = month("1", Plan::Enterprise, period(0, 30));
    first.granted = vec![LotId("plan:il_1".to_owned())];
    let settle = |member: &mut Member, first: &mut Invoice, now: Timestamp, payment: Payment| {
        for _ in 0..3 {
            member.at(now, |update, billing| {
                first.settle(&payment, update).unwrap();
                billing.follow(&theirs, update).unwrap();
            });
        }
        (member.account.credits.is_unlimited(now), member.account.credits.debt)
    };
    member.spend(day(1), 40);
    let hold = member.at(day(1), |update, _| update.start_job("gen", 2).unwrap());
    let part = settle(&mut member, &mut first, day(2), paid(9900, 5000, 0));
    assert_eq!(part, (true, 0), "a part of it is a courtesy");
    for taken in [paid(9900, 9900, 0), paid(9900, 0, 9900), paid(9900, 5000, 4900)] {
        assert_eq!(settle(&mut member, &mut first, day(3), taken), (false, 0));
        member.at(day(3), |update, _| update.start_job("gen", 1).unwrap_err());
        assert_eq!(settle(&mut member, &mut first, day(4), paid(9900, 0, 0)), (true, 0));
        member.spend(day(4), 3);
    }
    // What was held before belongs to an ended lot.
    member.at(day(5), |update, _| update.release_job("gen", &hold).unwrap());
    assert!(member.account.credits.is_unlimited(day(36)), "until the end of its grace");
    member.at(day(37), |_, _| ());
    assert_eq!((member.account.plan, member.available()), (Plan::Free, 10));
}

#[test]
fn what_a_dispute_took_of_a_month_is_given_back_while_that_lasts() {
    let check = |back_on: u32, renewed_before: bool, expected: u32| {
        let (mut member, theirs) = subscribed(Plan::Pro);
        let mut first = month("1", Plan::Pro, period(0, 30));
        first.granted = vec![LotId("plan:il_1".to_owned())];
        member.spend(day(1), 120);
        let hold = member.at(day(1), |update, _| update.start_job("gen", 30).unwrap());
        member.at(day(2), |update, _| first.settle(&paid(2900, 0, 2900), update).unwrap());
        assert_eq!((member.available(), first.taken_back), (0, 350));
        member.at(day(2), |update, _| update.release_job("gen", &hold).unwrap());
        assert_eq!(member.available(), 0, "what was held expires");
        if renewed_before {
            let theirs = renewed(&theirs, period(30, 60));
            member.hear(day(30), &theirs, &mut month("2", Plan::Pro, period(30, 60)));
        }
        for _ in 0..3 {
            member.at(day(back_on), |update, _| first.settle(&paid(2900, 0, 0), update).unwrap());
        }
        assert_eq!((member.available(), first.taken_back), (expected, 0), "day {back_on}");
    };
    check(20, false, 350);
    check(31, true, 500);
    // Its grace has ended: only a month of Free is left.
    check(37, false, 10);
}

#[test]
fn a_month_whose_money_went_back_while_its_grant_waited_is_not_there() {
    for plan in [Plan::Pro, Plan::Enterprise] {
        let has =
            |member: &Member| (member.available(), member.account.credits.is_unlimited(day(2)));
        let cents = i64::from(plan.terms().monthly_price_cents);
        let (mut member, mut first) = (Member::new(), month("1", plan, period(0, 30)));
        let waiting = subscription(plan, Incomplete, period(0, 30));
        member.hear(START, &waiting, &mut first);
        member.at(day(1), |update, _| first.settle(&paid(cents, 0, cents), update).unwrap());
        let active = Subscription { status: Active, ..waiting };
        for _ in 0..2 {
            member.hear(day(2), &active, &mut first);
            assert_eq!(has(&member), (0, false), "{plan:?}");
        }
        member.at(day(2), |update, _| first.settle(&paid(cents, 0, 0), update).unwrap());
        let expected = if plan == Plan::Pro { (500, false) } else { (0, true) };
        assert_eq!(has(&member), expected, "the dispute is won");
    }
}
