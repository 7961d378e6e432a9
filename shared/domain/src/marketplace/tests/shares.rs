//! Share links and their rewards.

use super::*;
use crate::{
    account::{Account, AccountUpdate},
    marketplace::community::{
        reward::{REWARD_CREDITS, Reward, RewardCancellation, RewardState, SameCard},
        share::{Referral, comparable_email},
    },
};

/// The sharer's account at `now`.
fn sharer(account: Account, now: Timestamp) -> AccountUpdate {
    account.begin_update(now).unwrap()
}

fn account() -> Account {
    sharer(Account::open(user("sharer"), NOW), NOW).finish().account
}

fn referral(sharer_email: Option<&str>) -> Referral {
    Referral {
        code: "abc".to_owned(),
        sharer_id: user("sharer"),
        sharer_email: sharer_email.map(str::to_owned),
        clicked_at: NOW,
    }
}

fn held() -> Reward {
    Reward::held(&referral(None), (purchase_id(1), user("buyer"), user("creator")), None, NOW)
}

fn cancelled(reason: RewardCancellation) -> RewardState {
    RewardState::Cancelled { reason }
}

#[test]
fn addresses_that_are_one() {
    let check = |email: &str, expected: &str| assert_eq!(comparable_email(email), expected);
    check("ana@example.test", "ana@example.test");
    check("  Ana@Example.TEST ", "ana@example.test");
    check("ana+shop@example.test", "ana@example.test");
    check("ana+a+b@example.test", "ana@example.test");
    check("a.na@example.test", "a.na@example.test");
    check("A.n.a+x@Gmail.com", "ana@gmail.com");
    check("an.a@googlemail.com", "ana@gmail.com");
    check("ana@gmail.com.test", "ana@gmail.com.test");
    check("no address", "no address");
    check("", "");
}

#[test]
fn buyer_and_sharer_may_have_one_address() {
    let check = |sharer: Option<&str>, buyer: Option<&str>, expected: bool| {
        assert_eq!(referral(sharer).has_email_of(buyer), expected, "{sharer:?} {buyer:?}");
    };
    check(Some("ana@example.test"), Some("ANA+2@example.test"), true);
    check(Some("a.na@gmail.com"), Some("ana@googlemail.com"), true);
    check(Some("ana@example.test"), Some("bo@example.test"), false);
    check(Some("ana@example.test"), None, false);
    check(None, Some("ana@example.test"), false);
    check(None, None, false);
}

#[test]
fn a_click_counts_for_thirty_days() {
    let millisecond = std::time::Duration::from_millis(1);
    let check = |now: Timestamp, expected: bool| {
        assert_eq!(Referral::counts(NOW, now), expected, "{now}");
    };
    check(NOW.minus(millisecond), false);
    check(NOW, true);
    check(day(29), true);
    check(day(30), true);
    check(day(30).plus(millisecond), false);
}

#[test]
fn a_reward_is_granted_once_and_not_before_its_time() {
    let second = std::time::Duration::from_secs(1);
    let mut reward = held();
    assert_eq!(reward.due_at(), Some(day(14)), "until the buyer's refund window ends");

    let mut early = sharer(account(), day(14));
    reward.grant(&mut early, SameCard::No).unwrap();
    assert!(!early.is_changed());
    assert_eq!(reward, held());

    let mut due = sharer(account(), day(14).plus(second));
    let before = due.account().credits.totals().available;
    for _ in 0..3 {
        reward.grant(&mut due, SameCard::No).unwrap();
    }
    let found = due.account().credits.totals().available;
    assert_eq!(found, before + REWARD_CREDITS);
    assert!(matches!(reward.state, RewardState::Granted { .. }));
    assert_eq!(reward.due_at(), None);

    // A year, then to the end of that month.
    let year_on = sharer(due.finish().account, day(14 + 365));
    let end = year_on.now().start_of_month().plus_months(1);
    assert_eq!(year_on.account().credits.totals().available, 10 + REWARD_CREDITS);
    let month_on = sharer(year_on.finish().account, end);
    assert_eq!(month_on.account().credits.totals().available, 10, "a month of Free alone");
}

#[test]
fn why_a_reward_is_not_granted() {
    let check = |standing: AccountStatus, card: SameCard, expected: RewardState| {
        let mut reward = held();
        let mut update = sharer(Account { standing, ..account() }, day(15));
        reward.grant(&mut update, card).unwrap();
        assert_eq!(reward.state, expected);
        // And it stays cancelled.
        reward.grant(&mut update, SameCard::No).unwrap();
        assert_eq!(reward.state, expected);
        assert!(!update.is_changed());
    };
    check(AccountStatus::Active, SameCard::Yes, cancelled(RewardCancellation::OwnCard));
    check(suspended(None), SameCard::No, cancelled(RewardCancellation::Suspended));
    check(suspended(Some(day(16))), SameCard::No, cancelled(RewardCancellation::Suspended));
    check(suspended(None), SameCard::Yes, cancelled(RewardCancellation::OwnCard));

    let mut reward = held();
    let unverified = Account { email_unverified: true, ..account() };
    reward.grant(&mut sharer(unverified, day(15)), SameCard::No).unwrap();
    assert_eq!(reward.state, cancelled(RewardCancellation::EmailUnverified));

    let mut reward = held();
    let standing = suspended(Some(day(15)));
    reward.grant(&mut sharer(Account { standing, ..account() }, day(15)), SameCard::No).unwrap();
    assert!(matches!(reward.state, RewardState::Granted { .. }), "the suspension has ended");
}

#[test]
fn a_reward_that_waits_is_forfeited_with_its_sale() {
    let mut reward = held();
    reward.forfeit(day(2));
    assert_eq!((&reward.state, reward.due_at()), (&cancelled(RewardCancellation::Refunded), None));
    let mut update = sharer(account(), day(15));
    reward.grant(&mut update, SameCard::No).unwrap();
    assert!(!update.is_changed());
}

#[test]
fn a_reward_that_is_taken_back_after_it_was_spent_is_owed() {
    let check = |spent: u32, left: u32, debt: u32| {
        let mut reward = held();
        let mut update = sharer(account(), day(15));
        reward.grant(&mut update, SameCard::No).unwrap();
        // Free's monthly lot ends sooner than a reward, so it is spent first.
        for nth in 0..spent {
            let job = format!("gen_{nth}");
            let hold = update.start_job(&job, 1).unwrap();
            update.capture_job(&job, &hold).unwrap();
        }
        for nth in 0..2 {
            assert_eq!(reward.reverse(&mut update).unwrap().is_some(), nth == 0);
        }
        assert_eq!(
            (&reward.state, reward.reversals),
            (&cancelled(RewardCancellation::Refunded), 1)
        );
        let credits = update.account().credits.clone();
        assert_eq!((credits.totals().available, credits.debt), (left, debt), "{spent} spent");
        // The money came back: the reward is accrued and granted again.
        reward.restore(NOW);
        assert_eq!(reward.due_at(), Some(day(14)));
        reward.grant(&mut update, SameCard::No).unwrap();
        let credits = update.account().credits.clone();
        let has = (credits.totals().available, credits.debt);
        assert_eq!(has, (15 - spent, 0), "{spent} spent, and given again");
    };
    check(0, 10, 0);
    check(4, 6, 0);
    check(10, 0, 0);
    check(13, 0, 3);
    check(15, 0, 5);
}

#[test]
fn only_what_went_with_its_sale_comes_back_with_it() {
    let mut reward = held();
    reward.restore(day(5));
    assert_eq!(reward, held(), "an accrued reward stays");
    for state in [cancelled(RewardCancellation::OwnCard), cancelled(RewardCancellation::Suspended)]
    {
        reward.state = state.clone();
        reward.restore(NOW);
        assert_eq!(reward.state, state);
    }
}
