//! A month of a creator's money: what we owed them when it began, what happened, and what we owed
//! them when it was over.
//!
//! Made of the journals alone, so that it says what the books say. What we owe a creator is what is
//! pending, available and in a payout, less what they owe us; what only moves between those is no
//! line. Fees of Stripe, what disputes take beyond a payment, and rewards of sharers are ours, and
//! touch none of it.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::{
    journal::{Entry, LedgerAccount},
    sale::Split,
};
use crate::{
    id::{PayoutId, PurchaseId, UserId},
    money::Currency,
    time::{Month, Timestamp},
};

/// A month of a creator's. The net of all lines is what lies between opening and closing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Statement {
    /// OwnerRef.
    pub creator_id: UserId,
    /// Which.
    pub month: Month,
    /// Of every amount here.
    pub currency: Currency,
    /// What we owed when the month began, in minor units; negative if the creator owed us.
    pub opening: i64,
    /// What happened, in the order of time.
    pub lines: Vec<Line>,
    /// What we owe at its end, likewise.
    pub closing: i64,
}

/// Something that changed what we owe.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Line {
    /// When.
    pub at: Timestamp,
    /// What.
    pub kind: LineKind,
    /// Of which purchase.
    pub purchase_id: Option<PurchaseId>,
    /// Of which payout.
    pub payout_id: Option<PayoutId>,
    /// What was bought, if that is known.
    pub title: Option<String>,
    /// What it changed. Only what a buyer pays or gets back has a gross and a fee; `net` is what
    /// we owe more than before.
    #[serde(flatten)]
    pub moved: Split,
}

/// What happened. Where a refund and a dispute were heard of at once, the books do not tell them
/// apart, and neither does a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum LineKind {
    /// A buyer paid.
    Sale,
    /// We gave a buyer money back.
    Refund,
    /// That failed, so that the sale stands again.
    RefundFailed,
    /// A buyer's bank took the money, for the time being or for good.
    Dispute,
    /// And returned it.
    DisputeReturned,
    /// Money went back to the buyer one way or another.
    ReturnedToBuyer,
    /// And came from there again.
    CameBack,
    /// A payout was sent.
    Payout,
    /// The bank did not take it.
    PayoutReturned,
    /// A part of a payout was taken back, for what its buyer got back: it is owed no longer.
    Reversal,
    /// Anything else.
    Adjustment,
}

/// What lines of a kind come to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Total {
    /// How many there are.
    pub count: u32,
    /// Their sum.
    #[serde(flatten)]
    pub moved: Split,
}

impl LineKind {
    /// On the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            LineKind::Sale => "sale",
            LineKind::Refund => "refund",
            LineKind::RefundFailed => "refund_failed",
            LineKind::Dispute => "dispute",
            LineKind::DisputeReturned => "dispute_returned",
            LineKind::ReturnedToBuyer => "returned_to_buyer",
            LineKind::CameBack => "came_back",
            LineKind::Payout => "payout",
            LineKind::PayoutReturned => "payout_returned",
            LineKind::Reversal => "reversal",
            LineKind::Adjustment => "adjustment",
        }
    }

    /// For people.
    pub const fn words(self) -> &'static str {
        match self {
            LineKind::Sale => "Sale",
            LineKind::Refund => "Refund",
            LineKind::RefundFailed => "Refund failed",
            LineKind::Dispute => "Dispute",
            LineKind::DisputeReturned => "Dispute returned",
            LineKind::ReturnedToBuyer => "Returned to buyer",
            LineKind::CameBack => "Came back",
            LineKind::Payout => "Payout",
            LineKind::PayoutReturned => "Payout returned",
            LineKind::Reversal => "Payout reversed",
            LineKind::Adjustment => "Adjustment",
        }
    }

    /// Whether a buyer's money moved, so that there is a gross and a fee.
    pub const fn is_of_a_payment(self) -> bool {
        match self {
            LineKind::Sale
            | LineKind::Refund
            | LineKind::RefundFailed
            | LineKind::Dispute
            | LineKind::DisputeReturned
            | LineKind::ReturnedToBuyer
            | LineKind::CameBack => true,
            LineKind::Payout
            | LineKind::PayoutReturned
            | LineKind::Reversal
            | LineKind::Adjustment => false,
        }
    }
}

impl Statement {
    /// Of one month, from all that ever happened to the money around a creator, in any order. No
    /// line has a title yet.
    pub fn of(creator_id: UserId, month: Month, entries: &[Entry]) -> Statement {
        let period = month.period();
        let (mut opening, mut closing) = (0, 0);
        let mut journals: BTreeMap<(Timestamp, &str), Vec<&Entry>> = BTreeMap::new();
        for entry in entries.iter().filter(|entry| entry.at < period.ends_at) {
            closing += owed(entry);
            if entry.at < period.starts_at {
                opening += owed(entry);
            } else {
                journals.entry((entry.at, &entry.cause)).or_default().push(entry);
            }
        }
        let currency = entries.first().map_or(Currency::USD, |entry| entry.currency);
        let lines = journals.values().filter_map(|legs| Line::of(legs)).collect();
        Statement { creator_id, month, currency, opening, lines, closing }
    }

    /// The purchases it tells of.
    pub fn purchases(&self) -> BTreeSet<PurchaseId> {
        self.lines.iter().filter_map(|line| line.purchase_id.clone()).collect()
    }

    /// The same with the titles of what was bought.
    #[must_use]
    pub fn titled(mut self, titles: &BTreeMap<PurchaseId, String>) -> Statement {
        for line in &mut self.lines {
            line.title = line.purchase_id.as_ref().and_then(|id| titles.get(id)).cloned();
        }
        self
    }

    /// What the lines come to, by what they are.
    pub fn totals(&self) -> BTreeMap<LineKind, Total> {
        let mut totals: BTreeMap<LineKind, Total> = BTreeMap::new();
        for line in &self.lines {
            let total = totals.entry(line.kind).or_default();
            total.count += 1;
            total.moved = total.moved.plus(line.moved);
        }
        totals
    }

    /// Each line with what was owed after it.
    pub fn running(&self) -> impl Iterator<Item = (&Line, i64)> {
        let mut balance = self.opening;
        self.lines.iter().map(move |line| {
            balance += line.moved.net;
            (line, balance)
        })
    }
}

impl Line {
    /// Of one journal; `None` if it changes nothing for the creator.
    fn of(legs: &[&Entry]) -> Option<Line> {
        let first = legs.first()?;
        let net: i64 = legs.iter().map(|leg| owed(leg)).sum();
        let ours = legs.iter().filter(|it| it.leg.account == LedgerAccount::PlatformRevenue);
        let fee: i64 = ours.map(|it| -it.leg.amount).sum();
        let kind = kind_of(&first.cause, fee + net);
        let moved = match kind.is_of_a_payment() {
            true => Split { gross: fee + net, fee, net },
            false => Split { gross: 0, fee: 0, net },
        };
        (moved != Split::default()).then(|| Line {
            at: first.at,
            kind,
            purchase_id: PurchaseId::parse(&first.about).ok().or_else(|| of_purchase(&first.cause)),
            payout_id: PayoutId::parse(&first.about).ok(),
            title: None,
            moved,
        })
    }
}

/// What a leg adds to what we owe the creator.
fn owed(entry: &Entry) -> i64 {
    match entry.leg.account {
        LedgerAccount::CreatorPending
        | LedgerAccount::CreatorAvailable
        | LedgerAccount::CreatorInPayout
        | LedgerAccount::CreatorDebt => -entry.leg.amount,
        LedgerAccount::BuyerCash
        | LedgerAccount::PlatformRevenue
        | LedgerAccount::ProcessorFees
        | LedgerAccount::TaxPayable
        | LedgerAccount::BuyerReturns
        | LedgerAccount::CreatorPaid
        | LedgerAccount::Transferred
        | LedgerAccount::DisputesReceivable
        | LedgerAccount::DisputeLosses
        | LedgerAccount::RewardExpense
        | LedgerAccount::RewardCredits => 0,
    }
}

/// What a cause says, as [`super::settle`] and [`super::payout`] make them, of so much that came or
/// went.
fn kind_of(cause: &str, gross: i64) -> LineKind {
    let parts: Vec<&str> = cause.split(':').collect();
    match parts.as_slice() {
        ["payment", _] => LineKind::Sale,
        ["payment", _, _, "refund"] => LineKind::Refund,
        ["payment", _, _, "refund_failed"] => LineKind::RefundFailed,
        ["payment", _, _, "dispute"] => LineKind::Dispute,
        ["payment", _, _, "dispute_returned"] => LineKind::DisputeReturned,
        ["payment", ..] if gross > 0 => LineKind::CameBack,
        ["payment", ..] => LineKind::ReturnedToBuyer,
        ["payout", _, "sent"] => LineKind::Payout,
        ["payout", _, "returned"] => LineKind::PayoutReturned,
        ["purchase", _, "reversal", _] => LineKind::Reversal,
        _ => LineKind::Adjustment,
    }
}

/// The purchase that a reversal is of, which is about a payout.
fn of_purchase(cause: &str) -> Option<PurchaseId> {
    let id = cause.strip_prefix("purchase:")?.split(':').next()?;
    PurchaseId::parse(id).ok()
}
