//! Packs that are bought by themselves.

use super::*;
use crate::billing::top_up::{TopUp, TopUpPause, TopUpState};

fn watching(below: u32, monthly_max: u32) -> Member {
    let mut member = Member::new();
    member.at(START, |draft, _| {
        draft.set_top_up(Some(TopUp::new(Pack::Small, below, monthly_max, START).unwrap()));
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
        member.at(now, |draft, _| {
            draft.change_top_up(|top_up, _| top_up.begin(id.clone()));
        });
        id
    })
}

fn end(member: &mut Member, now: Timestamp, id: &OrderId, failed: Option<&str>) {
    member.at(now, |draft, _| {
        let mut order = PackOrder::place(id.clone(), Pack::Small, Via::TopUp, draft).unwrap();
        match failed {
            None => order.settle(&payment(0, 0), draft).unwrap(),
            Some(code) => order.fail(code, draft),
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
    member.at(START, |draft, _| draft.add_pack(LotId("pack:cs".to_owned()), 50).unwrap());
    assert_eq!(top_up(&member).state, TopUpState::Armed);
}

#[test]
fn at_most_so_many_a_month() {
    let mut member = watching(1_000, 2);
    let mut bought = 0;
    while let Some(id) = buy(&mut member, START) {
        member.at(START, |draft, _| {
            draft.add_pack(LotId(format!("pack:{id}")), 50).unwrap();
            draft.change_top_up(|top_up, _| top_up.bought_by(&id));
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
        assert_eq!(top_up(&member).state, paused, "it does not try again by itself");
        member.at(START, |draft, _| {
            let before = draft.account().top_up.clone();
            let again = TopUp::new(Pack::Small, 11, 3, START).unwrap();
            draft.set_top_up(Some(again.renewed(before.as_ref())));
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
    member.at(START, |draft, _| {
        let before = draft.account().top_up.clone();
        let wish = TopUp::new(Pack::Large, 5, 2, START).unwrap().renewed(before.as_ref());
        draft.set_top_up(Some(wish));
    });
    assert_eq!(top_up(&member).state, TopUpState::Charging { order: id });
    assert_eq!(top_up(&member).bought, 1);
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
        let found = TopUp::new(Pack::Small, below, monthly_max, START).err();
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
