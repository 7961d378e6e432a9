//! Automatic top-up.

use super::*;
use crate::billing::top_up::{TopUp, TopUpPause, TopUpSettings, TopUpState};

fn watching(below: u32, monthly_max: u32) -> Member {
    let mut member = Member::new();
    member.at(START, |update, _| {
        update.allow_top_up(Some(TopUpSettings::new(Pack::Small, below, monthly_max).unwrap()));
    });
    member
}

fn top_up(member: &Member) -> &TopUp {
    member.account.top_up.as_ref().unwrap()
}

/// Buys the pack that is due, as the worker does; `None` if none is.
fn buy(member: &mut Member, now: Timestamp) -> Option<OrderId> {
    matches!(top_up(member).state, TopUpState::Due { .. }).then(|| {
        let id = OrderId::new(now, u128::from(member.account.version));
        member.at(now, |update, _| {
            update.change_top_up(|top_up, _| top_up.begin(id.clone()));
        });
        id
    })
}

fn end(member: &mut Member, now: Timestamp, id: &OrderId, failed: Option<&str>) {
    member.at(now, |update, _| {
        let mut order = PackOrder::place(id.clone(), Pack::Small, Via::TopUp, update).unwrap();
        match failed {
            None => {
                let id = PaymentId::parse(&format!("pi_{}", update.account().version)).unwrap();
                order.settle(&Payment { id, ..payment(0, 0) }, update).unwrap();
            }
            Some(code) => order.fail(code, update),
        }
    });
}

#[test]
fn a_pack_is_due_once_the_balance_is_below_what_was_set() {
    let mut member = watching(8, 3);
    member.spend(START, 2);
    assert_eq!(top_up(&member).state, TopUpState::Armed, "eight is not below eight");
    member.spend(START, 1);
    assert_eq!(top_up(&member).state, TopUpState::Due { since: START });
    let id = buy(&mut member, START).unwrap();
    assert_eq!(buy(&mut member, START), None, "one at a time");
    end(&mut member, START, &id, None);
    assert_eq!((&top_up(&member).state, member.available()), (&TopUpState::Armed, 57));
}

#[test]
fn it_is_no_longer_due_when_credits_come_from_elsewhere() {
    let mut member = watching(10, 3);
    member.spend(START, 1);
    member.at(START, |update, _| update.add_pack(LotId("pack:cs".to_owned()), 50).unwrap());
    assert_eq!(top_up(&member).state, TopUpState::Armed);
}

#[test]
fn at_most_so_many_a_month() {
    let mut member = watching(1_000, 2);
    let mut bought = 0;
    while let Some(id) = buy(&mut member, START) {
        member.at(START, |update, _| {
            update.add_pack(LotId(format!("pack:{id}")), 50).unwrap();
            update.change_top_up(|top_up, _| top_up.bought_by(&id));
        });
        bought += 1;
    }
    assert_eq!((bought, top_up(&member).bought), (2, 2));
    let next_month = START.start_of_month().plus_months(1);
    member.at(next_month, |_, _| ());
    assert_eq!(top_up(&member).state, TopUpState::Due { since: next_month });
}

#[test]
fn a_failure_stops_it_with_its_reason_until_it_is_turned_on_again() {
    let check = |code: &str, reason: TopUpPause| {
        let mut member = watching(11, 3);
        let id = buy(&mut member, START).unwrap();
        end(&mut member, START, &id, Some(code));
        let paused = TopUpState::Paused { reason, since: START };
        assert_eq!((&top_up(&member).state, top_up(&member).bought), (&paused, 0), "{code}");
        member.spend(START, 1);
        assert_eq!(top_up(&member).state, paused, "it does not retry automatically");
        member.at(START, |update, _| {
            update.allow_top_up(Some(TopUpSettings::new(Pack::Small, 11, 3).unwrap()));
        });
        assert_eq!(top_up(&member).state, TopUpState::Due { since: START });
    };
    check("authentication_required", TopUpPause::AuthenticationRequired);
    check("card_declined", TopUpPause::CardDeclined);
    check("insufficient_funds", TopUpPause::CardDeclined);
    check("payment_method_required", TopUpPause::NoPaymentMethod);
}

#[test]
fn changing_the_wish_neither_loses_a_charge_nor_resets_the_month() {
    let mut member = watching(1_000, 2);
    let id = buy(&mut member, START).unwrap();
    member.at(START, |update, _| {
        update.allow_top_up(Some(TopUpSettings::new(Pack::Large, 5, 2).unwrap()));
    });
    assert_eq!(top_up(&member).state, TopUpState::Charging { order: id });
    assert_eq!(top_up(&member).bought, 1);
}

#[test]
fn turning_it_off_and_on_neither_forgets_a_charge_nor_resets_the_month() {
    let mut member = watching(1_000, 2);
    let settings = top_up(&member).settings;
    let off_and_on = |member: &mut Member, now: Timestamp| {
        member.at(now, |update, _| update.allow_top_up(None));
        assert_eq!(top_up(member).settings, None);
        assert!(!matches!(top_up(member).state, TopUpState::Due { .. }));
        member.at(now, |update, _| update.allow_top_up(settings));
    };
    let mut bought = 0;
    while let Some(id) = buy(&mut member, START) {
        off_and_on(&mut member, START);
        assert_eq!(top_up(&member).state, TopUpState::Charging { order: id.clone() });
        // It ends while it is off.
        member.at(START, |update, _| update.allow_top_up(None));
        end(&mut member, START, &id, None);
        assert_eq!(top_up(&member).state, TopUpState::Armed);
        member.at(START, |update, _| update.allow_top_up(settings));
        bought += 1;
    }
    off_and_on(&mut member, day(1));
    assert_eq!((bought, top_up(&member).bought), (2, 2));
    assert_eq!(buy(&mut member, day(1)), None);
    let next_month = START.start_of_month().plus_months(1);
    off_and_on(&mut member, next_month);
    assert!(buy(&mut member, next_month).is_some());
    // It was never on: nothing is stored of it.
    let mut other = Member::new();
    other.at(START, |update, _| update.allow_top_up(None));
    assert_eq!(other.account.top_up, None);
}

#[test]
fn a_payment_that_succeeds_after_it_had_failed_counts() {
    let mut member = watching(11, 3);
    let id = buy(&mut member, START).unwrap();
    member.at(START, |update, _| {
        let mut order = PackOrder::place(id.clone(), Pack::Small, Via::TopUp, update).unwrap();
        order.fail("authentication_required", update);
        assert_eq!(update.account().top_up.as_ref().unwrap().bought, 0);
        for _ in 0..2 {
            order.settle(&payment(0, 0), update).unwrap();
        }
    });
    assert_eq!(top_up(&member).bought, 1);
    let mut page = PackOrder { via: Via::Checkout, ..placed_by(&mut member) };
    member.at(START, |update, _| page.settle(&payment(0, 0), update).unwrap());
    assert_eq!(top_up(&member).bought, 1, "a pack bought by checkout does not count");
}

fn placed_by(member: &mut Member) -> PackOrder {
    let id = OrderId::new(START, 99);
    let place = |update: &mut AccountUpdate, _: &mut Billing| {
        PackOrder::place(id, Pack::Small, Via::Checkout, update).unwrap()
    };
    let mut order = member.at(START, place);
    order.set_checkout_session(SessionId::parse("cs_9").unwrap(), "https://pay".to_owned());
    order
}

/// Top-ups stored when the settings, the month and the charge were one.
#[test]
fn top_ups_that_were_stored_before_are_read() {
    let stored = serde_json::json!({
        "pack": "pack_50", "below": 20, "monthly_max": 4, "month": "2027-01-01T00:00:00.000Z",
        "bought": 3, "state": "charging", "order": OrderId::new(START, 1),
    });
    let read: TopUp = serde_json::from_value(stored).unwrap();
    assert_eq!(read.settings, Some(TopUpSettings { pack: Pack::Small, below: 20, monthly_max: 4 }));
    assert_eq!(read.bought, 3);
    assert!(matches!(read.state, TopUpState::Charging { .. }));
    let off = TopUp { settings: None, ..read };
    let text = serde_json::to_string(&off).unwrap();
    assert_eq!(serde_json::from_str::<TopUp>(&text).unwrap(), off);
}

#[test]
fn an_unlimited_member_needs_none() {
    let mut member = watching(1_000, 2);
    let theirs = subscription(Plan::Enterprise, SubscriptionStatus::Active, period(0, 30));
    member.hear(START, &theirs, &mut month("1", Plan::Enterprise, period(0, 30)));
    assert_eq!(top_up(&member).state, TopUpState::Armed);
}

#[test]
fn what_can_be_wished_for() {
    let check = |below: u32, monthly_max: u32, pointers: &[&str]| {
        let found = TopUpSettings::new(Pack::Small, below, monthly_max).err();
        let found: Vec<String> = found
            .map(|invalid| invalid.0.into_iter().map(|field| field.pointer).collect())
            .unwrap_or_default();
        assert_eq!(found, pointers, "{below} {monthly_max}");
    };
    check(1, 1, &[]);
    check(1_000, 20, &[]);
    check(0, 21, &["/below", "/monthly_max"]);
    check(1_001, 0, &["/below", "/monthly_max"]);
}
