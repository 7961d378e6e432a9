//! Members: the monthly grant, starting and ending generations, status, presets, profile.

use std::time::Duration;

use expect_test::expect;
use proptest::prelude::*;

use super::*;
use crate::credits::{Hold, LotId, Movement};

const START: Timestamp = Timestamp::from_secs(1_800_000_000);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);
const CLOCKS_APART: Duration = Duration::from_secs(120);

fn at(text: &str) -> Timestamp {
    Timestamp::parse(text).unwrap()
}

/// A period from one day after the start to another.
fn days(from: u32, to: u32) -> Period {
    Period { starts_at: START.plus(DAY * from), ends_at: START.plus(DAY * to) }
}

fn opened(now: Timestamp) -> Account {
    let user = UserId::parse("user_1").unwrap();
    let email = Some("member@prolight.test".to_owned());
    Account { email, ..Account::open(user, now) }
}

/// One update from beginning to end.
fn update(
    account: Account,
    now: Timestamp,
    change: impl FnOnce(&mut AccountUpdate),
) -> AccountChange {
    let mut draft = account.begin_update(now).unwrap();
    change(&mut draft);
    draft.finish()
}

/// A Free member on their first day, with ten credits.
fn member() -> Account {
    update(opened(START), START, |_| {}).account
}

/// A member of Pro with its 500 credits; the ten of the first day have expired.
fn pro() -> Account {
    update(member(), START, |draft| {
        draft.begin_period(Plan::Pro, LotId("invoice_1".to_owned()), days(0, 30)).unwrap();
    })
    .account
}

fn available(account: &Account) -> u32 {
    account.credits.totals().available
}

#[test]
fn a_first_visit_opens_the_account_and_grants_the_month() {
    let draft = opened(START).begin_update(START).unwrap();
    assert!(draft.is_changed());
    let change = draft.finish();
    assert_eq!((change.expected_version, change.account.version), (0, 1));
    assert_eq!(available(&change.account), 10);
    assert_eq!(change.account.next_grant_at(), Some(START.plus_months(1)));
    let [grant] = &change.entries[..] else { panic!("one line: {:?}", change.entries) };
    assert_eq!((grant.seq, grant.available_after), (1, 10));
    assert_eq!(grant.cause, format!("free:{START}"));
}

#[test]
fn a_visit_on_which_nothing_is_due_changes_nothing() {
    let draft = member().begin_update(START.plus(DAY)).unwrap();
    assert!(!draft.is_changed());
}

#[test]
fn free_credits_come_once_a_calendar_month_counted_from_the_first_day() {
    // For each visit: the credits available, and the total granted so far.
    let check = |anchor: &str, visits: &[(&str, u32, u32)]| {
        let mut account = update(opened(at(anchor)), at(anchor), |_| {}).account;
        for (visit, available, granted) in visits {
            account = update(account, at(visit), |_| {}).account;
            let totals = account.credits.totals();
            assert_eq!((totals.available, totals.granted), (*available, *granted), "{visit}");
        }
    };
    // Once a month, from the very instant; the remainder expires then.
    check(
        "2026-11-22T09:30:00Z",
        &[
            ("2026-11-22T09:30:00Z", 10, 10),
            ("2026-12-22T09:29:59.999Z", 10, 10),
            ("2026-12-22T09:30:00Z", 10, 20),
            ("2026-12-31T00:00:00Z", 10, 20),
        ],
    );
    // Months without a visit are not granted later.
    check("2026-11-22T09:30:00Z", &[("2027-06-01T00:00:00Z", 10, 20)]);
    // The 31st: the last day of shorter months, and back to the 31st.
    check(
        "2027-01-31T12:00:00Z",
        &[
            ("2027-02-28T11:59:59Z", 10, 10),
            ("2027-02-28T12:00:00Z", 10, 20),
            ("2027-03-30T12:00:00Z", 10, 20),
            ("2027-03-31T12:00:00Z", 10, 30),
            ("2027-04-30T12:00:00Z", 10, 40),
        ],
    );
    // A leap day, a year without one, and the next leap year.
    check(
        "2028-02-29T00:00:00Z",
        &[
            ("2028-03-28T23:59:59Z", 10, 10),
            ("2029-02-28T00:00:00Z", 10, 20),
            ("2029-03-28T23:59:59Z", 10, 20),
            ("2032-02-28T23:59:59Z", 10, 30),
            ("2032-02-29T00:00:00Z", 10, 40),
        ],
    );
    // A worker whose clock is two minutes behind the one that granted.
    check(
        "2026-11-22T09:30:00Z",
        &[("2026-12-22T09:30:01Z", 10, 20), ("2026-12-22T09:28:01Z", 10, 20)],
    );
}

#[test]
fn a_paid_plan_grants_with_its_invoice_and_never_by_itself() {
    let account = pro();
    assert_eq!(available(&account), 500);
    assert_eq!(account.next_grant_at(), None);

    let later = update(account.clone(), START.plus(DAY * 36), |_| {}).account;
    assert_eq!((later.plan, available(&later)), (Plan::Pro, 500), "in its grace");
    let later = update(account, START.plus(DAY * 37), |_| {}).account;
    assert_eq!((later.plan, available(&later)), (Plan::Free, 10), "the grace has ended unpaid");

    let renewed = update(later, START.plus(DAY * 40), |draft| {
        draft.begin_period(Plan::Pro, LotId("invoice_2".to_owned()), days(40, 70)).unwrap();
    });
    assert_eq!(available(&renewed.account), 500);
}

#[test]
fn the_same_period_cannot_begin_twice_even_when_its_credits_are_spent() {
    let again = |account: Account| {
        let mut draft = account.begin_update(START.plus(DAY)).unwrap();
        draft.begin_period(Plan::Pro, LotId("invoice_1".to_owned()), days(0, 30)).unwrap_err()
    };
    again(pro());
    let spent = update(pro(), START, |draft| {
        let hold = draft.start_job("gen_1", 500).unwrap();
        draft.capture_job("gen_1", &hold).unwrap();
    });
    assert_eq!(available(&spent.account), 0);
    again(spent.account);
}

#[test]
fn starting_a_generation_holds_its_credits() {
    let change = update(member(), START, |draft| {
        let hold = draft.start_job("gen_1", 2).unwrap();
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
        let mut draft = account.begin_update(START).unwrap();
        let before = draft.account().clone();
        let refused = draft.start_job("gen_1", 1).unwrap_err();
        assert_eq!(draft.account(), &before, "a refusal changes nothing");
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
        1 credit(s) needed, 0 available.
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
            1 credit(s) needed, 0 available, 3 owed.
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
        let account = update(member(), START, |draft| {
            let lot = LotId("invoice".to_owned());
            draft.begin_period(plan, lot, days(0, 30)).unwrap();
        })
        .account;
        let mut draft = account.begin_update(START).unwrap();
        let started = (0..100).take_while(|n| draft.start_job(&format!("gen_{n}"), 1).is_ok());
        assert_eq!(u32::try_from(started.count()), Ok(places), "{plan:?}");
    };
    check(Plan::Free, 2);
    check(Plan::Pro, 8);
    check(Plan::Enterprise, 32);
}

#[test]
fn an_unlimited_plan_stays_metered() {
    let account = update(member(), START, |draft| {
        let lot = LotId("invoice".to_owned());
        draft.begin_period(Plan::Enterprise, lot, days(0, 20)).unwrap();
        let hold = draft.start_job("gen_1", 40).unwrap();
        draft.capture_job("gen_1", &hold).unwrap();
        let hold = draft.start_job("gen_2", 3).unwrap();
        draft.release_job("gen_2", &hold).unwrap();
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
    let account = update(member(), START, |draft| hold = draft.start_job("gen_1", 1).unwrap());
    let next_month = START.plus_months(1);
    let change = update(account.account, next_month, |draft| {
        draft.release_job("gen_1", &hold).unwrap();
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
    let account = update(member(), START, |draft| hold = draft.start_job("gen_1", 1).unwrap());
    let change = update(account.account, START.plus_months(1), |draft| {
        draft.capture_job("gen_1", &hold).unwrap();
    });
    let totals = change.account.credits.totals();
    assert_eq!((totals.spent, totals.expired, totals.available), (1, 9, 10));
}

#[test]
fn a_hold_over_several_lots_returns_to_each() {
    let account = update(pro(), START, |draft| {
        draft.add_pack(LotId("pack".to_owned()), 50).unwrap();
    })
    .account;
    let before = account.credits.clone();
    let change = update(account, START, |draft| {
        let hold = draft.start_job("gen_1", 505).unwrap();
        let lots: Vec<u32> = hold.shares.iter().map(|share| share.credits).collect();
        assert_eq!(lots, [500, 5], "the plan's credits end, the pack's do not");
        draft.release_job("gen_1", &hold).unwrap();
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
    let paid = update(account, START, |draft| {
        assert_eq!(draft.add_pack(LotId("pack".to_owned()), 50), Ok(LotId("pack".to_owned())));
    })
    .account;
    assert_eq!((available(&paid), paid.credits.lots.len()), (60, 2));
    assert_eq!(paid.credits.totals().spent, 63 * 5, "archived lots stay counted");
}

#[test]
fn so_many_presets_and_no_more() {
    let mut draft = Account { presets: PRESETS_MAX - 1, ..member() }.begin_update(START).unwrap();
    draft.add_preset().unwrap();
    let refused = draft.add_preset().unwrap_err();
    assert_eq!((refused.kind(), refused.code()), (ErrorKind::Conflict, "too_many_presets"));
    draft.drop_preset().unwrap();
    draft.add_preset().unwrap();
    assert_eq!(draft.account().presets, PRESETS_MAX);
}

#[test]
fn a_suspended_member_changes_nothing() {
    let standing = AccountStatus::Suspended { reason: "fraud".to_owned(), until: None };
    let mut draft = Account { standing, presets: 1, ..member() }.begin_update(START).unwrap();
    assert_eq!(draft.add_preset().unwrap_err().code(), "account_suspended");
    assert_eq!(draft.drop_preset().unwrap_err().code(), "account_suspended");
    assert!(!draft.is_changed());
}

#[test]
fn a_new_address_is_taken_over_and_a_missing_one_is_not() {
    let claims = |address: Option<&'static str>, is_verified| {
        let claim = EmailClaim { address, is_verified };
        member().begin_update_for(Some(claim), START).unwrap()
    };
    assert!(!claims(None, false).is_changed());
    assert!(!claims(Some("member@prolight.test"), true).is_changed());
    let moved = claims(Some("new@prolight.test"), true);
    assert!(moved.is_changed());
    assert_eq!(moved.finish().account.email.as_deref(), Some("new@prolight.test"));
}

#[test]
fn free_credits_need_a_verified_address() {
    let user = || UserId::parse("user_1").unwrap();
    let first = |claim| Account::open(user(), START).begin_update_for(Some(claim), START).unwrap();
    let unverified = EmailClaim { address: Some("a@prolight.test"), is_verified: false };
    let check = |claim, verified: bool| {
        let mut draft = first(claim);
        let available = draft.account().credits.totals().available;
        assert_eq!(
            (draft.account().email_unverified, available),
            (!verified, if verified { 10 } else { 0 })
        );
        let code = draft.start_job("gen_1", 1).err().map(|e| e.code());
        assert_eq!(code, (!verified).then_some("email_unverified"));
        assert_eq!(draft.account().require_verified_email("payouts").is_ok(), verified);
    };
    check(EmailClaim::verified("a@prolight.test"), true);
    check(unverified, false);
    check(EmailClaim { address: None, is_verified: false }, false);
    check(EmailClaim { address: None, is_verified: true }, false);

    // What was bought may be spent, and a paid plan grants.
    let mut draft = first(unverified);
    draft.add_pack(LotId("ord_1".to_owned()), 50).unwrap();
    draft.start_job("gen_1", 1).unwrap();
    draft.begin_period(Plan::Pro, LotId("in_1".to_owned()), days(0, 30)).unwrap();
    assert_eq!(draft.account().credits.totals().available, 549);

    // The months before the address was verified are not granted later.
    let later = START.plus(DAY * 100);
    let waited = first(unverified).finish().account;
    let draft =
        waited.begin_update_for(Some(EmailClaim::verified("a@prolight.test")), later).unwrap();
    assert_eq!(draft.account().credits.totals().available, 10);
}

#[test]
fn a_profile_is_visible_text_of_some_length() {
    let check = |name: Option<&str>, bio: Option<&str>, expected: &[&str]| {
        let profile =
            Profile { display_name: name.map(str::to_owned), bio: bio.map(str::to_owned) };
        let found = match profile.validate() {
            Ok(()) => Vec::new(),
            Err(InvalidFields(fields)) => {
                fields.iter().map(|field| format!("{} {}", field.pointer, field.code)).collect()
            }
        };
        assert_eq!(found, expected, "{name:?} {bio:?}");
    };
    check(None, None, &[]);
    check(Some("Ana"), Some("Two\nlines"), &[]);
    check(Some(&"ä".repeat(80)), Some(&"ä".repeat(500)), &[]);
    check(Some(&"ä".repeat(81)), Some(&"ä".repeat(501)), &["/display_name length", "/bio length"]);
    check(Some(""), None, &["/display_name length", "/display_name text"]);
    check(Some("  "), None, &["/display_name text"]);
    check(Some("a\u{0}"), None, &["/display_name text"]);
    check(Some("Kim\u{202e}nimda"), Some("a\u{202e}b"), &["/display_name text", "/bio text"]);
    check(Some("\u{3164}"), Some("\u{200b}"), &["/display_name text", "/bio text"]);
    check(Some("Two\nlines"), None, &["/display_name text"]);
    check(Some("葛\u{e0100}城 👩🏽\u{200d}🚀"), Some("می\u{200c}خواهم"), &[]);
    check(Some(&"e\u{301}".repeat(80)), None, &[]);
}

#[test]
fn an_account_survives_the_table() {
    let account = pro();
    let text = serde_json::to_string(&account).unwrap();
    assert_eq!(serde_json::from_str::<Account>(&text).unwrap(), account);
}

/// An event that grants, takes or uses a member's credits.
#[derive(Debug, Clone)]
enum Happening {
    Reward,
    Pack,
    Period(Plan),
    Staff { ends_in: Option<u32> },
    Spend(u32),
    Hold(u32),
    Release,
    TakeBack { nth: usize },
    EndPlan,
    Wait { days: u32 },
}

fn happening() -> impl Strategy<Value = Happening> {
    prop_oneof![
        8 => Just(Happening::Reward),
        4 => Just(Happening::Pack),
        2 => prop::sample::select(vec![Plan::Pro, Plan::Enterprise]).prop_map(Happening::Period),
        3 => prop::option::of(1u32..400).prop_map(|ends_in| Happening::Staff { ends_in }),
        4 => (1u32..60).prop_map(Happening::Spend),
        2 => (1u32..60).prop_map(Happening::Hold),
        2 => Just(Happening::Release),
        3 => any::<prop::sample::Index>()
            .prop_map(|nth| Happening::TakeBack { nth: nth.index(64) }),
        1 => Just(Happening::EndPlan),
        2 => (0u32..20).prop_map(|days| Happening::Wait { days }),
    ]
}

/// A member, all their ledger entries, and what can still happen to what was granted.
struct Life {
    account: Account,
    ledger: Vec<crate::credits::LedgerEntry>,
    granted: Vec<(LotId, u32)>,
    holds: Vec<Hold>,
    today: u32,
    nth: u32,
}

impl Life {
    fn new() -> Life {
        let (granted, holds, ledger) = (Vec::new(), Vec::new(), Vec::new());
        let account = opened(START);
        Life { account, ledger, granted, holds, today: 0, nth: 0 }
    }

    /// Nothing may fail except what a rule refuses to a member or to staff.
    fn live_through(&mut self, happening: &Happening) {
        self.nth += 1;
        let (now, name) = (START.plus(DAY * self.today), LotId(format!("lot:{}", self.nth)));
        let mut draft = self.account.clone().begin_update(now).unwrap();
        match happening {
            Happening::Reward => {
                let end = START.plus(DAY * (self.today + 365)).start_of_month().plus_months(1);
                self.granted.push((draft.add_promo(name, 5, end).unwrap(), 5));
            }
            Happening::Pack => self.granted.push((draft.add_pack(name, 50).unwrap(), 50)),
            Happening::Period(plan) => {
                draft.begin_period(*plan, name, days(self.today, self.today + 30)).unwrap();
            }
            Happening::Staff { ends_in } => {
                let end = ends_in.map(|ends_in| START.plus(DAY * (self.today + ends_in)));
                let refused = draft.adjust(name, staff::Adjustment::Grant(7, end)).err();
                assert!(matches!(refused, None | Some(StaffError::TooManyGrants)), "{refused:?}");
            }
            Happening::Spend(credits) => {
                if let Ok(hold) = draft.start_job("gen", *credits) {
                    draft.capture_job("gen", &hold).unwrap();
                }
            }
            Happening::Hold(credits) => self.holds.extend(draft.start_job("gen", *credits)),
            Happening::Release => {
                if let Some(hold) = self.holds.pop() {
                    draft.release_job("gen", &hold).unwrap();
                }
            }
            Happening::TakeBack { nth } => {
                if *nth < self.granted.len() {
                    let (lot, credits) = self.granted.remove(*nth);
                    draft.take_back("payment", &lot, credits).unwrap();
                }
            }
            Happening::EndPlan => draft.end_plan().unwrap(),
            Happening::Wait { days } => self.today += days,
        }
        let change = draft.finish();
        self.account = change.account;
        self.ledger.extend(change.entries);
    }

    /// The most lots possible: the plan's period, packs, a lot for each month in which rewards end,
    /// those of staff, and ended lots of which open generations hold credits.
    fn lots_max(&self) -> usize {
        let shares: usize = self.holds.iter().map(|hold| hold.shares.len()).sum();
        1 + 1 + 14 + 16 + shares
    }
}

proptest! {
    /// Whatever is granted, held, spent and taken back, in any order and any number of times: the
    /// next grant is possible, the account stays small, and it equals the fold of its ledger.
    #[test]
    fn no_account_is_ever_too_full_for_a_grant(
        life in prop::collection::vec(happening(), 0..200),
    ) {
        let mut member = Life::new();
        for happening in &life {
            member.live_through(happening);
            let lots = member.account.credits.lots.len();
            prop_assert!(lots <= member.lots_max(), "{} lots: {:?}", lots, member.account.credits);
        }
        prop_assert_eq!(Credits::fold(&member.ledger).unwrap(), member.account.credits);
    }

    /// Whenever a member visits, and however much the workers' clocks differ, every month with a
    /// visit is granted once and no other is.
    #[test]
    fn each_month_is_granted_once(
        first_day in 0u32..1_500,
        visits in prop::collection::vec((0u32..40, 0u32..24, any::<bool>()), 1..24),
    ) {
        let anchor = START.plus(DAY * first_day);
        let mut account = update(opened(anchor), anchor, |_| {}).account;
        let mut months = std::collections::BTreeSet::from([0]);
        let mut now = anchor;
        for (days, hours, behind) in visits {
            now = now.plus(DAY * days + Duration::from_secs(60 * 60) * hours);
            months.insert(anchor.months_until(now));
            for look in [now, if behind { now.minus(CLOCKS_APART).max(anchor) } else { now }] {
                account = update(account, look, |_| {}).account;
                prop_assert_eq!(available(&account), 10);
            }
            prop_assert!(account.next_grant_at().unwrap() > now);
        }
        let months = u32::try_from(months.len()).unwrap();
        prop_assert_eq!(account.credits.totals().granted, 10 * months);
    }
}
