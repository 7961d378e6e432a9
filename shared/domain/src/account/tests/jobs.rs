//! Starting and ending generations: the credits and the places of a plan.

use expect_test::expect;

use super::*;
use crate::DomainError;
use crate::credits::{Hold, Movement};

#[test]
fn starting_a_generation_holds_its_credits() {
    let change = update(member(), START, |update| {
        let hold = update.start_job("gen_1", 2).unwrap();
        assert_eq!(hold.credits(), 2);
    });
    let totals = change.account.credits.totals();
    assert_eq!((totals.available, totals.held, change.account.open_jobs), (8, 2, 1));
    let [line] = &change.entries[..] else { panic!("one line: {:?}", change.entries) };
    assert_eq!((line.seq, line.cause.as_str(), line.available_after), (2, "gen_1", 8));
}

#[test]
fn why_a_generation_is_not_started() {
    let suspended =
        |until| AccountStatus::Suspended { reason: "chargeback fraud.".to_owned(), until };
    let check = |account: Account, expected: expect_test::Expect| {
        let mut update = account.begin_update(START).unwrap();
        let before = update.account().clone();
        let refused = update.start_job("gen_1", 1).unwrap_err();
        assert_eq!(update.account(), &before, "a refusal changes nothing");
        expected.assert_eq(&format!(
            "{:?} {}\n{}\nretry after: {:?}\n{}",
            refused.kind(),
            refused.code(),
            refused.to_string().replace(": ", ":\n"),
            refused.retry_after_s(),
            refused
                .extensions()
                .iter()
                .map(|(name, value)| format!("{name}: {value}\n"))
                .collect::<String>(),
        ));
    };
    let poor =
        || Account { credits: Credits::default(), granted_until: START.plus(DAY), ..member() };
    check(
        Account { standing: suspended(None), ..member() },
        expect![[r#"
            Forbidden account_suspended
            This account is suspended:
            chargeback fraud.
            retry after: None
            until: null
        "#]],
    );
    check(
        Account { standing: suspended(Some(START.plus(DAY))), ..member() },
        expect![[r#"
            Forbidden account_suspended
            This account is suspended until 2027-01-16T08:00:00.000Z:
            chargeback fraud.
            retry after: None
            until: "2027-01-16T08:00:00.000Z"
        "#]],
    );
    check(
        Account { open_jobs: 2, ..member() },
        expect![[r#"
            TooMany too_many_running
            2 generations are running and the plan allows 2 at once:
            wait for one to finish, or cancel a queued one.
            retry after: Some(10)
            open: 2
            max: 2
        "#]],
    );
    check(
        poor(),
        expect![[r#"
        PaymentRequired insufficient_credits
        1 credit needed, 0 available. Buy credits or a plan.
        retry after: None
        needed: 1
        available: 0
        missing: 1
        debt: 0
        next_grant_at: "2027-01-16T08:00:00.000Z"
    "#]],
    );
    let mut owing = Account { plan: Plan::Pro, ..member() };
    owing.credits.debt = 13;
    check(
        owing,
        expect![[r#"
            PaymentRequired insufficient_credits
            1 credit needed, 0 available, 3 owed. Buy credits or a plan.
            retry after: None
            needed: 1
            available: 0
            missing: 4
            debt: 3
            next_grant_at: null
        "#]],
    );

    // Of several reasons, the first that the caller can act on is returned.
    let code = |account: Account| {
        account.begin_update(START).unwrap().start_job("gen_1", 1).unwrap_err().code()
    };
    let standing = suspended(None);
    assert_eq!(code(Account { standing, open_jobs: 9, ..poor() }), "account_suspended");
    assert_eq!(code(Account { open_jobs: 2, ..poor() }), "too_many_running");
}

#[test]
fn a_suspension_is_over_at_its_end() {
    let reason = "a cooling-off week".to_owned();
    let standing = AccountStatus::Suspended { reason, until: Some(START.plus(DAY)) };
    let account = Account { standing, ..member() };
    let active = |now| account.clone().begin_update(now).unwrap().require_active().is_ok();
    assert!(!active(START.plus(DAY).minus(Duration::from_millis(1))));
    assert!(active(START.plus(DAY)));
}

#[test]
fn each_plan_has_so_many_places() {
    let check = |plan: Plan, places: u32| {
        let account = update(member(), START, |update| {
            let lot = LotId("invoice".to_owned());
            update.begin_period(plan, lot, days(0, 30)).unwrap();
        })
        .account;
        let mut update = account.begin_update(START).unwrap();
        let started = (0..100).take_while(|n| update.start_job(&format!("gen_{n}"), 1).is_ok());
        assert_eq!(u32::try_from(started.count()), Ok(places), "{plan:?}");
    };
    check(Plan::Free, 2);
    check(Plan::Pro, 8);
    check(Plan::Enterprise, 32);
}

#[test]
fn an_unlimited_plan_stays_metered() {
    let account = update(member(), START, |update| {
        let lot = LotId("invoice".to_owned());
        update.begin_period(Plan::Enterprise, lot, days(0, 20)).unwrap();
        let hold = update.start_job("gen_1", 40).unwrap();
        update.capture_job("gen_1", &hold).unwrap();
        let hold = update.start_job("gen_2", 3).unwrap();
        update.release_job("gen_2", &hold).unwrap();
    })
    .account;
    let totals = account.credits.totals();
    assert_eq!((totals.spent, totals.held, totals.revoked), (40, 0, 3));
    assert_eq!((totals.granted, totals.expired), (53, 10), "the Free month ended before");
    assert!(account.credits.is_unlimited(START));
}

#[test]
fn a_released_credit_whose_lot_has_ended_lapses_at_once() {
    let mut hold = Hold::default();
    let account = update(member(), START, |update| hold = update.start_job("gen_1", 1).unwrap());
    let next_month = START.plus_months(1);
    let change = update(account.account, next_month, |update| {
        update.release_job("gen_1", &hold).unwrap();
    });
    let moved: Vec<(&str, u32)> = change
        .entries
        .iter()
        .map(|line| match &line.movement {
            Movement::Grant { .. } => ("grant", 10),
            Movement::Hold { .. } => ("hold", 0),
            Movement::Capture { .. } => ("capture", 0),
            Movement::Release { shares } => ("release", sum(shares)),
            Movement::Expire { shares } => ("expire", sum(shares)),
            Movement::End { .. }
            | Movement::Revoke { .. }
            | Movement::Owe { .. }
            | Movement::Repay { .. }
            | Movement::Forgive { .. } => panic!("{line:?}"),
        })
        .collect();
    assert_eq!(moved, [("expire", 9), ("grant", 10), ("release", 1), ("expire", 1)]);
    assert_eq!(available(&change.account), 10);
    assert_eq!(change.account.open_jobs, 0);
}

fn sum(shares: &[crate::credits::LotAllocation]) -> u32 {
    shares.iter().map(|share| share.credits).sum()
}

#[test]
fn a_held_credit_outlives_the_end_of_its_lot() {
    let mut hold = Hold::default();
    let account = update(member(), START, |update| hold = update.start_job("gen_1", 1).unwrap());
    let change = update(account.account, START.plus_months(1), |update| {
        update.capture_job("gen_1", &hold).unwrap();
    });
    let totals = change.account.credits.totals();
    assert_eq!((totals.spent, totals.expired, totals.available), (1, 9, 10));
}

#[test]
fn a_hold_over_several_lots_returns_to_each() {
    let account = update(pro(), START, |update| {
        update.add_pack(LotId("pack".to_owned()), 50).unwrap();
    })
    .account;
    let before = account.credits.clone();
    let change = update(account, START, |update| {
        let hold = update.start_job("gen_1", 505).unwrap();
        let lots: Vec<u32> = hold.shares.iter().map(|share| share.credits).collect();
        assert_eq!(lots, [500, 5], "the plan's credits end, the pack's do not");
        update.release_job("gen_1", &hold).unwrap();
    });
    assert_eq!(change.account.credits.lots, before.lots);
}

/// Accounts stored when a spent gift stayed open until its end.
#[test]
fn an_account_that_is_full_of_spent_gifts_takes_the_next_grant() {
    let end = START.plus(DAY * 365);
    let mut account = member();
    for nth in 0u32..63 {
        account.credits.lots.push(crate::credits::Lot {
            terms: crate::credits::LotTerms {
                id: LotId(format!("reward:{nth}")),
                source: crate::credits::LotSource::Promo,
                size: crate::credits::LotSize::Credits(5),
                expires_at: Some(end.plus(DAY * nth)),
            },
            granted_at: START,
            granted: 5,
            held: 0,
            spent: 5,
            expired: 0,
            revoked: 0,
        });
    }
    let paid = update(account, START, |update| {
        assert_eq!(update.add_pack(LotId("pack".to_owned()), 50), Ok(LotId("pack".to_owned())));
    })
    .account;
    assert_eq!((available(&paid), paid.credits.lots.len()), (60, 2));
    assert_eq!(paid.credits.totals().spent, 63 * 5, "archived lots stay counted");
}
