//! One statement in every format.

use std::{collections::BTreeMap, fmt::Write};

use clients::documents::Company;
use domain::{
    DomainError, Timestamp,
    id::{PayoutId, PurchaseId, UserId},
    marketplace::creator::{
        journal::{Entry, Journal, LedgerAccount, Posting, Role},
        statement::Statement,
    },
    money::Currency,
    time::Month,
};
use lopdf::Document;

use super::*;

fn at(text: &str) -> Timestamp {
    Timestamp::parse(text).unwrap()
}

fn creator() -> UserId {
    UserId::parse("auth0|65f1").unwrap()
}

fn company() -> Company {
    Company {
        name: "ProLight AI, Inc.".to_owned(),
        address_lines: vec!["548 Market Street".to_owned(), "San Francisco, CA".to_owned()],
        email: "billing@prolight.example".to_owned(),
        tax_id: Some("US 84-1234567".to_owned()),
        tax_label: "Sales tax".to_owned(),
    }
}

fn purchase(number: u128) -> PurchaseId {
    PurchaseId::new(at("2026-11-01T00:00:00Z"), number)
}

/// The journal of a payment of which `gross` was moved.
fn moved(number: u128, cause: &str, gross: i64, when: &str) -> Vec<Entry> {
    let split = Split::of(gross.abs());
    let (fee, net) = (split.fee * gross.signum(), split.net * gross.signum());
    let legs = [
        Posting::new(Role::BuyerCharge, LedgerAccount::BuyerCash, gross),
        Posting::new(Role::PlatformFee, LedgerAccount::PlatformRevenue, -fee),
        Posting::new(Role::CreatorShare, LedgerAccount::CreatorPending, -net),
    ];
    entries(&purchase(number).to_string(), cause, legs, when)
}

fn paid_out(cause: &str, net: i64, when: &str) -> Vec<Entry> {
    let legs = [
        Posting::new(Role::InPayout, LedgerAccount::CreatorInPayout, net),
        Posting::new(Role::Paid, LedgerAccount::CreatorPaid, -net),
    ];
    let id = PayoutId::new(at("2026-11-09T06:00:00Z"), 7).to_string();
    entries(&id, &cause.replace("{id}", &id), legs, when)
}

fn entries<const N: usize>(about: &str, cause: &str, legs: [Posting; N], when: &str) -> Vec<Entry> {
    let about = (creator(), about.to_owned());
    let journal =
        Journal::build(about, cause.parse().unwrap(), Currency::USD, legs, at(when)).unwrap();
    journal.entries().collect()
}

fn of(entries: &[Entry]) -> Statement {
    Statement::of(creator(), Month::parse("2026-11").unwrap(), entries)
}

/// A month with every common kind of line.
pub(super) fn statement() -> Statement {
    let all = [
        moved(1, "payment:pi_1", 123_456, "2026-10-30T09:00:00Z"),
        moved(2, "payment:pi_2", 999, "2026-11-02T09:30:00Z"),
        moved(3, "payment:pi_3", 1_500, "2026-11-03T17:05:00Z"),
        moved(2, "payment:pi_2:1:refund", -999, "2026-11-04T12:00:00Z"),
        moved(3, "payment:pi_3:1:dispute", -1_500, "2026-11-05T12:00:00Z"),
        paid_out("payout:{id}:sent", 98_765, "2026-11-09T06:00:01Z"),
        moved(3, "payment:pi_3:2:dispute_returned", 1_500, "2026-11-20T12:00:00Z"),
        paid_out("payout:{id}:returned", -98_765, "2026-11-21T08:00:00Z"),
    ];
    let titles = BTreeMap::from([
        (purchase(2), "=Rembrandt, \"at dusk\"".to_owned()),
        (purchase(3), "A very long title of a light that has no end and wants none".to_owned()),
    ]);
    of(&all.concat()).titled(&titles)
}

/// A month with `sales` sales.
fn busy(sales: u128) -> Statement {
    let mut all = Vec::new();
    let mut titles = BTreeMap::new();
    for number in 1..=sales {
        let when = format!("2026-11-{:02}T{:02}:00:00Z", number % 30 + 1, number % 24);
        all.extend(moved(number, &format!("payment:pi_{number}"), 999, &when));
        let title = format!("Rembrandt at dusk, with a warm key and a cool edge, number {number}");
        titles.insert(purchase(number), title);
    }
    of(&all).titled(&titles)
}

fn context(statement: Statement, now: &str) -> StatementContext {
    StatementContext::new(statement, Some("Zoë Lindström".to_owned()), at(now))
}

fn printed(context: &StatementContext) -> Vec<u8> {
    context.file(FileKind::Pdf, &company()).unwrap()
}

/// The text of each page, as a viewer copies it.
fn pages(bytes: &[u8]) -> Vec<String> {
    let document = Document::load_mem(bytes).unwrap();
    let pages = document.get_pages();
    pages.keys().map(|page| document.extract_text(&[*page]).unwrap()).collect()
}

#[test]
fn a_page_says_what_happened_and_what_is_owed() {
    let bytes = printed(&context(statement(), "2026-12-01T00:00:00Z"));
    let pages = pages(&bytes);
    assert_eq!(pages.len(), 1);
    for text in [
        "Statement",
        "November 2026",
        "COMPLETE",
        "Zoë Lindström",
        "auth0|65f1",
        "ProLight AI, Inc.",
        "999.65 USD owed to you",
        "NET (USD)",
        "2026-11-02",
        "=Rembrandt, \"at dusk\"",
        "Sale (2)",
        "Dispute returned (1)",
        "Opening balance",
        "987.65",
        "Closing balance",
        "Page 1 of 1",
    ] {
        assert!(pages[0].contains(text), "{text} in {}", pages[0]);
    }
    assert!(!pages[0].contains("wants none"), "a long title is cut");
    assert_eq!(bytes, printed(&context(statement(), "2026-12-24T00:00:00Z")));
}

/// Support identifies a line by its id, so no id is cut off, however many lines it takes.
#[test]
fn ids_are_whole() {
    let pages = pages(&printed(&context(statement(), "2026-12-01T00:00:00Z")));
    let page: String = pages[0].chars().filter(|c| !c.is_whitespace()).collect();
    let payout = PayoutId::new(at("2026-11-09T06:00:00Z"), 7).to_string();
    for id in [purchase(2).to_string(), purchase(3).to_string(), payout] {
        assert!(page.contains(&id), "{id} in {page}");
    }
}

#[test]
fn a_month_that_is_not_over_says_so() {
    let pages = pages(&printed(&context(of(&[]), "2026-11-25T00:00:00Z")));
    for text in ["SO FAR", "Balance so far", "0.00 USD owed to you so far", "not over"] {
        assert!(pages[0].contains(text), "{text} in {}", pages[0]);
    }
}

#[test]
fn many_lines_go_over_pages_with_their_heads_and_numbers() {
    let statement = busy(200);
    let pages = pages(&printed(&context(statement, "2026-12-01T00:00:00Z")));
    let mut missing = String::new();
    for (index, page) in pages.iter().enumerate() {
        let number = format!("Page {} of {}", index + 1, pages.len());
        for text in ["NET (USD)", "Rembrandt at dusk", number.as_str()] {
            if !page.contains(text) {
                writeln!(missing, "{text} on page {}", index + 1).unwrap();
            }
        }
    }
    assert_eq!(missing, "");
    assert_eq!(pages.len(), 11);
    assert!(pages[10].contains("Closing balance") && pages[10].contains("1,600.00"));
}

#[test]
fn each_form_has_its_limit() {
    let check = |format: Format, lines: usize, expected: &str| {
        let mut statement = statement();
        let line = statement.lines[0].clone();
        statement.lines = vec![line; lines];
        let found = format.check(&statement).map_or_else(|refused| refused.code(), |()| "ok");
        assert_eq!(found, expected, "{format:?} {lines}");
    };
    check(Format::Json, 5_000, "ok");
    check(Format::Json, 5_001, "statement_too_long");
    check(Format::Pdf, 2_000, "ok");
    check(Format::Pdf, 2_001, "statement_too_long");
    check(Format::Csv, 50_000, "ok");
    check(Format::Csv, 50_001, "statement_too_long");
}
