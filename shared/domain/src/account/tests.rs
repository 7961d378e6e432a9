//! Members: the monthly grant, status, presets, profile.

mod jobs;
mod life;

use std::time::Duration;

use super::*;
use crate::{DomainError, ErrorKind, credits::LotId};

const START: Timestamp = Timestamp::from_secs(1_800_000_000);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

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
    let mut update = account.begin_update(now).unwrap();
    change(&mut update);
    update.finish()
}

/// A Free member on their first day, with ten credits.
fn member() -> Account {
    update(opened(START), START, |_| {}).account
}

/// A member of Pro with its 500 credits; the ten of the first day have expired.
fn pro() -> Account {
    update(member(), START, |update| {
        update.begin_period(Plan::Pro, LotId("invoice_1".to_owned()), days(0, 30)).unwrap();
    })
    .account
}

fn available(account: &Account) -> u32 {
    account.credits.totals().available
}

#[test]
fn a_first_visit_opens_the_account_and_grants_the_month() {
    let update = opened(START).begin_update(START).unwrap();
    assert!(update.is_changed());
    let change = update.finish();
    assert_eq!((change.expected_version, change.account.version), (0, 1));
    assert_eq!(available(&change.account), 10);
    assert_eq!(change.account.free_grant_at(), Some(START.plus_months(1)));
    let [grant] = &change.entries[..] else { panic!("one line: {:?}", change.entries) };
    assert_eq!((grant.seq, grant.available_after), (1, 10));
    assert_eq!(grant.cause, format!("free:{START}"));
}

/// Two processes' clocks differ: the ledger takes the later time. An account from before the
/// attribute has no last time.
#[test]
fn the_ledger_never_goes_back_in_time() {
    let account = update(member(), START.plus(DAY), |update| {
        update.start_job("gen_1", 1).unwrap();
    })
    .account;
    assert_eq!(account.ledger_at, Some(START.plus(DAY)));
    let early = |update: &mut AccountUpdate| {
        assert_eq!(update.now(), START.plus(DAY));
        update.start_job("gen_2", 1).unwrap();
    };
    let change = update(account.clone(), START, early);
    assert_eq!(change.entries[0].at, START.plus(DAY));
    let old = Account { ledger_at: None, ..account };
    assert_eq!(old.begin_update(START).unwrap().now(), START);
}

#[test]
fn a_visit_on_which_nothing_is_due_changes_nothing() {
    let update = member().begin_update(START.plus(DAY)).unwrap();
    assert!(!update.is_changed());
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
fn the_next_grant_is_known_in_advance() {
    let next = |account: &Account, at| {
        account.next_grant(at).map(|next| (next.at, next.plan, next.credits))
    };
    let paid_until = pro().paid_period.unwrap().ends_at;
    assert_eq!(next(&pro(), START), Some((paid_until, Plan::Pro, Some(500))));
    assert_eq!(next(&pro(), paid_until), None, "the payment is missing");
    let change = |change: &dyn Fn(&mut AccountUpdate)| update(pro(), START, change).account;
    let upgraded = change(&|update| update.renew_as(Some(Plan::Enterprise)));
    assert_eq!(next(&upgraded, START), Some((paid_until, Plan::Enterprise, None)));
    let cancelled = change(&|update| update.keep_plan_until(paid_until).unwrap());
    let (at, plan, credits) = next(&cancelled, START).unwrap();
    assert!(at >= paid_until, "{at}");
    assert_eq!((plan, credits), (Plan::Free, Some(10)));
    let unverified = Account { email_unverified: true, ..cancelled };
    assert_eq!(next(&unverified, START), None);
}

#[test]
fn a_paid_plan_grants_with_its_invoice_and_never_by_itself() {
    let account = pro();
    assert_eq!(available(&account), 500);
    assert_eq!(account.free_grant_at(), None);

    let later = update(account.clone(), START.plus(DAY * 36), |_| {}).account;
    assert_eq!((later.plan, available(&later)), (Plan::Pro, 500), "in its grace");
    let later = update(account, START.plus(DAY * 37), |_| {}).account;
    assert_eq!((later.plan, available(&later)), (Plan::Free, 10), "the grace has ended unpaid");

    let renewed = update(later, START.plus(DAY * 40), |update| {
        update.begin_period(Plan::Pro, LotId("invoice_2".to_owned()), days(40, 70)).unwrap();
    });
    assert_eq!(available(&renewed.account), 500);
}

#[test]
fn the_same_period_cannot_begin_twice_even_when_its_credits_are_spent() {
    let again = |account: Account| {
        let mut update = account.begin_update(START.plus(DAY)).unwrap();
        update.begin_period(Plan::Pro, LotId("invoice_1".to_owned()), days(0, 30)).unwrap_err()
    };
    again(pro());
    let spent = update(pro(), START, |update| {
        let hold = update.start_job("gen_1", 500).unwrap();
        update.capture_job("gen_1", &hold).unwrap();
    });
    assert_eq!(available(&spent.account), 0);
    again(spent.account);
}

#[test]
fn so_many_presets_and_no_more() {
    let mut update = Account { presets: PRESETS_MAX - 1, ..member() }.begin_update(START).unwrap();
    update.add_preset().unwrap();
    let refused = update.add_preset().unwrap_err();
    assert_eq!((refused.kind(), refused.code()), (ErrorKind::Conflict, "too_many_presets"));
    update.drop_preset().unwrap();
    update.add_preset().unwrap();
    assert_eq!(update.account().presets, PRESETS_MAX);
}

#[test]
fn a_suspended_member_changes_nothing() {
    let standing = AccountStatus::Suspended { reason: "fraud".to_owned(), until: None };
    let mut update = Account { standing, presets: 1, ..member() }.begin_update(START).unwrap();
    assert_eq!(update.add_preset().unwrap_err().code(), "account_suspended");
    assert_eq!(update.drop_preset().unwrap_err().code(), "account_suspended");
    assert!(!update.is_changed());
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
        let mut update = first(claim);
        let available = update.account().credits.totals().available;
        assert_eq!(
            (update.account().email_unverified, available),
            (!verified, if verified { 10 } else { 0 })
        );
        let code = update.start_job("gen_1", 1).err().map(|e| e.code());
        assert_eq!(code, (!verified).then_some("email_unverified"));
        assert_eq!(update.account().require_verified_email("payouts").is_ok(), verified);
    };
    check(EmailClaim::verified("a@prolight.test"), true);
    check(unverified, false);
    check(EmailClaim { address: None, is_verified: false }, false);
    check(EmailClaim { address: None, is_verified: true }, false);

    // What was bought may be spent, and a paid plan grants.
    let mut update = first(unverified);
    update.add_pack(LotId("ord_1".to_owned()), 50).unwrap();
    update.start_job("gen_1", 1).unwrap();
    update.begin_period(Plan::Pro, LotId("in_1".to_owned()), days(0, 30)).unwrap();
    assert_eq!(update.account().credits.totals().available, 549);

    // The months before the address was verified are not granted later.
    let later = START.plus(DAY * 100);
    let waited = first(unverified).finish().account;
    let update =
        waited.begin_update_for(Some(EmailClaim::verified("a@prolight.test")), later).unwrap();
    assert_eq!(update.account().credits.totals().available, 10);
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
