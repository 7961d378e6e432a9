//! A creator's monthly statement.

use std::collections::BTreeMap;

use expect_test::expect;
use proptest::prelude::*;

use super::{NOW, on_sale, placed, purchase_id, user};
use crate::{
    Timestamp,
    account::AccountStatus,
    billing::{
        external::{ConnectedAccountId, PaymentId, ReceivedId, TransferId},
        payment::{Payment, PaymentState},
    },
    id::{PayoutId, UserId},
    marketplace::{
        creator::{
            balance::CreatorBalance,
            cause::{Cause, PaymentChange, PayoutMove},
            journal::{Entry, Journal, LedgerAccount, Posting, Role},
            payout::{Payout, PayoutState, update::PayoutUpdate},
            sale::release,
            statement::{LineKind, Statement},
        },
        purchase::update::PurchaseUpdate,
    },
    money::{Currency, Money},
    time::{DAY, Month},
};

fn at(text: &str) -> Timestamp {
    Timestamp::parse(text).unwrap()
}

fn month(text: &str) -> Month {
    Month::parse(text).unwrap()
}

/// A creator with one sale of 10.01 dollars and its later changes.
struct StatementHistory {
    update: PurchaseUpdate,
    amount: i64,
    journals: Vec<Journal>,
}

impl StatementHistory {
    fn new() -> StatementHistory {
        let listing = on_sale(1_001);
        let stats = super::no_stats();
        let book = CreatorBalance::new(user("creator"));
        let update = PurchaseUpdate::new(
            placed(1, &listing),
            (listing, AccountStatus::Active.into()),
            (stats, book),
        );
        StatementHistory { update, amount: 1_001, journals: Vec::new() }
    }

    /// Stripe reports these amounts as refunded and withdrawn.
    fn hear(&mut self, when: &str, (refunded, withdrawn, disputed): (i64, i64, bool)) {
        let payment = Payment {
            id: PaymentId::parse("pi_1").unwrap(),
            charge: None,
            customer: None,
            user: None,
            order: None,
            purchase: Some(purchase_id(1)),
            fingerprint: None,
            state: PaymentState::Succeeded,
            amount: Money::usd_cents(self.amount),
            refunded,
            withdrawn,
            disputed,
            fees: if withdrawn > 0 { 1_559 } else { 59 },
        };
        self.update.settle(&payment, at(when)).unwrap();
        self.journals.append(&mut self.update.journals);
    }

    fn release(&mut self, when: &str) {
        let mut sales = vec![self.update.sale.clone().unwrap()];
        self.journals.extend(release(&mut self.update.book, &mut sales, at(when)).unwrap());
        self.update.sale = sales.pop();
    }

    /// An update of the payout of `when`.
    fn step(&mut self, payout: &mut Payout, decide: impl FnOnce(&mut PayoutUpdate)) {
        let sales = self.update.sale.iter().cloned().collect();
        let mut step = PayoutUpdate::new(payout.clone(), self.update.book.clone(), sales);
        decide(&mut step);
        (*payout, self.update.book, self.update.sale) = (step.payout, step.book, step.sales.pop());
        self.journals.extend(step.journals);
    }

    fn pay(&mut self, number: u128, when: &str) -> Payout {
        let (id, now) = (PayoutId::new(at(when), number), at(when));
        let whose = (user("creator"), now.date());
        let money = (0, Currency::USD);
        let mut payout = Payout::new(id, whose, PayoutState::Collecting, money, now);
        self.step(&mut payout, |step| step.collect(now).unwrap());
        // Such small amounts are below the minimum payout.
        payout.state = PayoutState::Sending;
        payout.account = Some(ConnectedAccountId::parse("acct_1").unwrap());
        let made = (TransferId::parse("tr_1").unwrap(), ReceivedId::parse("py_1").unwrap());
        self.step(&mut payout, |step| step.sent(made, now).unwrap());
        payout
    }

    fn entries(&self) -> Vec<Entry> {
        self.journals.iter().flat_map(Journal::entries).collect()
    }
}

/// A statement as text.
fn told(statement: &Statement) -> String {
    let mut text = format!("opening {}\n", statement.opening);
    for (line, balance) in statement.running() {
        let (what, moved, date) = (line.kind.into_str(), line.moved, line.at.date());
        let about = match (&line.purchase_id, &line.payout_id) {
            (Some(_), Some(_)) => "both",
            (Some(_), None) => "purchase",
            (None, Some(_)) => "payout",
            (None, None) => "",
        };
        text.push_str(&format!(
            "{date} {what} {about}: {} - {} = {} -> {balance}\n",
            moved.gross, moved.fee, moved.net
        ));
    }
    text + &format!("closing {}\n", statement.closing)
}

#[test]
fn every_turn_of_a_sale_has_its_word() {
    let mut story = StatementHistory::new();
    story.hear("2026-10-20T10:00:00Z", (0, 0, false));
    story.hear("2026-10-21T10:00:00Z", (101, 0, false));
    story.hear("2026-10-22T10:00:00Z", (0, 0, false));
    story.hear("2026-10-23T10:00:00Z", (0, 1_001, true));
    story.hear("2026-10-24T10:00:00Z", (0, 0, false));
    story.hear("2026-10-25T10:00:00Z", (1, 500, false));
    story.hear("2026-10-26T10:00:00Z", (0, 0, false));
    story.release("2026-11-01T00:00:00Z");
    let mut payout = story.pay(1, "2026-11-02T06:00:00Z");
    story.hear("2026-11-03T10:00:00Z", (201, 0, false));
    let sale = story.update.sale.as_mut().unwrap();
    let recovery = sale.begin_reversal(sale.overpaid());
    let now = at("2026-11-04T10:00:00Z");
    story.step(&mut payout, |step| step.recovered(recovery, now).unwrap());
    payout.state = PayoutState::Failed { code: "account_closed".to_owned() };
    let now = at("2026-11-05T10:00:00Z");
    story.step(&mut payout, |step| {
        step.returned(now).unwrap();
        step.detach_sales(now).unwrap();
    });
    let entries = story.entries();
    let of = |text: &str| Statement::of(user("creator"), month(text), &entries);
    expect![[r#"
        opening 0
        2026-10-20 sale purchase: 1001 - 200 = 801 -> 801
        2026-10-21 refund purchase: -101 - -20 = -81 -> 720
        2026-10-22 refund_failed purchase: 101 - 20 = 81 -> 801
        2026-10-23 dispute purchase: -1001 - -200 = -801 -> 0
        2026-10-24 dispute_returned purchase: 1001 - 200 = 801 -> 801
        2026-10-25 returned_to_buyer purchase: -501 - -100 = -401 -> 400
        2026-10-26 came_back purchase: 501 - 100 = 401 -> 801
        closing 801
        opening 801
        2026-11-02 payout payout: 0 - 0 = -801 -> 0
        2026-11-03 refund purchase: -201 - -40 = -161 -> -161
        2026-11-04 reversal both: 0 - 0 = 161 -> 0
        2026-11-05 payout_returned payout: 0 - 0 = 640 -> 640
        closing 640
        opening 640
        closing 640
    "#]]
    .assert_eq(&["2026-10", "2026-11", "2026-12"].map(|it| told(&of(it))).concat());
    let november = of("2026-11");
    let payable = LedgerAccount::CreatorAvailable;
    assert_eq!(november.closing, story.update.book.balances.owed(payable));
    assert_eq!(november.totals()[&LineKind::Reversal].moved.net, 161);
    assert_eq!(of("2026-09").lines, []);
}

#[test]
fn a_line_has_the_title_of_what_was_bought() {
    let mut story = StatementHistory::new();
    story.hear("2026-10-20T10:00:00Z", (0, 0, false));
    let statement = Statement::of(user("creator"), month("2026-10"), &story.entries());
    assert_eq!(statement.purchases(), [purchase_id(1)].into());
    let titles = BTreeMap::from([(purchase_id(1), "Rembrandt".to_owned())]);
    let titled = statement.clone().titled(&titles);
    assert_eq!(titled.lines[0].title.as_deref(), Some("Rembrandt"));
    assert_eq!(statement.titled(&BTreeMap::new()).lines[0].title, None);
}

const ACCOUNTS: [LedgerAccount; 7] = [
    LedgerAccount::BuyerCash,
    LedgerAccount::PlatformRevenue,
    LedgerAccount::CreatorPending,
    LedgerAccount::CreatorAvailable,
    LedgerAccount::CreatorInPayout,
    LedgerAccount::CreatorPaid,
    LedgerAccount::CreatorDebt,
];

/// A cause of the `number`th event of a kind.
fn cause(kind: u32, number: u32) -> Cause {
    let payment = PaymentId::parse(&format!("pi_{number}")).unwrap();
    match kind {
        0 => Cause::Payment(payment),
        1 => Cause::PaymentChange { payment, number: 1, change: Some(PaymentChange::Refund) },
        2 => Cause::PaymentChange { payment, number: 2, change: None },
        3 => Cause::Payout(PayoutId::new(NOW, u128::from(number)), PayoutMove::Sent),
        _ => Cause::Release(purchase_id(u128::from(number))),
    }
}

/// Any journal of three postings, at any time within three months.
fn journal() -> impl Strategy<Value = Journal> {
    let account = || prop::sample::select(ACCOUNTS.as_slice());
    let amount = || -5_000..5_000_i64;
    let legs = (account(), account(), account(), amount(), amount());
    (0..5_u32, 0..92_u32, 0..1_000_u32, legs).prop_map(|(kind, days, number, legs)| {
        let (first, second, third, some, more) = legs;
        let legs = [
            Posting::new(Role::BuyerCharge, first, some),
            Posting::new(Role::PlatformFee, second, more),
            Posting::new(Role::CreatorShare, third, -some - more),
        ];
        let when = at("2026-09-30T23:59:59.999Z").plus(DAY * days);
        let about = (user("creator"), purchase_id(u128::from(number)).to_string());
        Journal::build(about, cause(kind, number), Currency::USD, legs, when).unwrap()
    })
}

proptest! {
    #[test]
    fn opening_and_lines_come_to_closing(
        journals in prop::collection::vec(journal(), 0..40),
        seed in any::<u64>(),
    ) {
        let mut entries: Vec<Entry> = journals.iter().flat_map(Journal::entries).collect();
        let months = ["2026-09", "2026-10", "2026-11", "2026-12"].map(month);
        let whose = |entries: &[Entry]| {
            months.map(|month| Statement::of(UserId::parse("creator").unwrap(), month, entries))
        };
        let told = whose(&entries);
        let mut before = 0;
        for statement in &told {
            let net: i64 = statement.lines.iter().map(|line| line.moved.net).sum();
            prop_assert_eq!(statement.opening + net, statement.closing);
            prop_assert_eq!(statement.opening, before);
            before = statement.closing;
            let last = statement.running().last().map_or(statement.opening, |(_, it)| it);
            prop_assert_eq!(last, statement.closing);
            let totals: i64 = statement.totals().values().map(|total| total.moved.net).sum();
            prop_assert_eq!(totals, net);
            for line in statement.lines.iter().filter(|line| line.kind.is_of_a_payment()) {
                prop_assert_eq!(line.moved.gross, line.moved.fee + line.moved.net);
            }
            prop_assert!(statement.lines.is_sorted_by_key(|line| line.at));
        }
        // The order in which entries are read does not matter.
        let turn = usize::try_from(seed % 97).unwrap() % entries.len().max(1);
        entries.rotate_left(turn);
        prop_assert_eq!(whose(&entries), told);
    }
}
