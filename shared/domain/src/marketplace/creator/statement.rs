//! A creator's monthly statement: what we owed at the start, what changed, and what we owed at the
//! end.
//!
//! It is computed from the journals alone, so that it agrees with the ledger. What we owe a creator
//! is the pending, available and in-payout balances less the creator's debt; movements between
//! those make no line. Stripe's fees, dispute amounts beyond a payment, and rewards of sharers are
//! ours and never appear.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use strum::IntoStaticStr;

use super::{
    cause::{Cause, PaymentChange, PayoutMove},
    journal::{Entry, LedgerAccount},
    sale::Split,
};
use crate::{
    id::{PayoutId, PurchaseId, UserId},
    money::Currency,
    time::{Month, Timestamp},
};

/// A month of a creator. Opening plus the net of all lines is closing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Statement {
    /// The creator.
    pub creator_id: UserId,
    /// The month.
    pub month: Month,
    /// The currency of every amount here.
    pub currency: Currency,
    /// What we owed at the start of the month, in minor units; negative if the creator owed us.
    pub opening: i64,
    /// The changes, in order of time.
    pub lines: Vec<Line>,
    /// What we owed at the end of the month, in minor units; negative if the creator owed us.
    pub closing: i64,
}

/// A change of what we owe.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Line {
    /// When it was posted.
    pub at: Timestamp,
    /// The kind of change.
    pub kind: LineKind,
    /// The purchase, if it concerns one.
    pub purchase_id: Option<PurchaseId>,
    /// The payout, if it concerns one.
    pub payout_id: Option<PayoutId>,
    /// The title of the purchase, if known.
    pub title: Option<String>,
    /// The amounts. Only payments by and to buyers have a gross and a fee; `net` is the change of
    /// what we owe.
    #[serde(flatten)]
    pub moved: Split,
}

/// The kind of a change. A refund and a dispute that were processed together are one movement in
/// the journal, and one line here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, IntoStaticStr)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case", const_into_str)]
pub enum LineKind {
    /// A buyer paid.
    Sale,
    /// A buyer was refunded.
    Refund,
    /// A refund failed, so that the sale is restored.
    RefundFailed,
    /// A dispute withdrew the money, temporarily or for good.
    Dispute,
    /// A dispute returned the money.
    DisputeReturned,
    /// Money went back to the buyer, by refund and dispute together.
    ReturnedToBuyer,
    /// Such money was returned.
    CameBack,
    /// A payout was sent.
    Payout,
    /// The bank returned a payout.
    PayoutReturned,
    /// A part of a payout was reversed after a refund, which settles the debt.
    Reversal,
    /// Any other change.
    Adjustment,
}

/// The total of the lines of one kind.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Total {
    /// The number of lines.
    pub count: u32,
    /// Their sum.
    #[serde(flatten)]
    pub moved: Split,
}

impl LineKind {
    /// The name in documents.
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

    /// Whether it moves a buyer's money, so that it has a gross and a fee.
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
    /// The statement of one month, from all journal entries of a creator in any order. Lines have
    /// no titles yet.
    pub fn of(creator_id: UserId, month: Month, entries: &[Entry]) -> Statement {
        let period = month.period();
        let (mut opening, mut closing) = (0, 0);
        let mut journals: BTreeMap<(Timestamp, String), Vec<&Entry>> = BTreeMap::new();
        for entry in entries.iter().filter(|entry| entry.at < period.ends_at) {
            closing += owed(entry);
            if entry.at < period.starts_at {
                opening += owed(entry);
            } else {
                journals.entry((entry.at, entry.cause.to_string())).or_default().push(entry);
            }
        }
        let currency = entries.first().map_or(Currency::USD, |entry| entry.currency);
        let lines = journals.values().filter_map(|legs| Line::of(legs)).collect();
        Statement { creator_id, month, currency, opening, lines, closing }
    }

    /// The purchases on its lines.
    pub fn purchases(&self) -> BTreeSet<PurchaseId> {
        self.lines.iter().filter_map(|line| line.purchase_id.clone()).collect()
    }

    /// Fills in the titles of the purchases.
    #[must_use]
    pub fn titled(mut self, titles: &BTreeMap<PurchaseId, String>) -> Statement {
        for line in &mut self.lines {
            line.title = line.purchase_id.as_ref().and_then(|id| titles.get(id)).cloned();
        }
        self
    }

    /// The totals of the lines, by kind.
    pub fn totals(&self) -> BTreeMap<LineKind, Total> {
        let mut totals: BTreeMap<LineKind, Total> = BTreeMap::new();
        for line in &self.lines {
            let total = totals.entry(line.kind).or_default();
            total.count += 1;
            total.moved = total.moved.plus(line.moved);
        }
        totals
    }

    /// Each line with the balance after it.
    pub fn running(&self) -> impl Iterator<Item = (&Line, i64)> {
        let mut balance = self.opening;
        self.lines.iter().map(move |line| {
            balance += line.moved.net;
            (line, balance)
        })
    }
}

impl Line {
    /// The line of one journal; `None` if it changes nothing for the creator.
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
            purchase_id: PurchaseId::parse(&first.about).ok().or_else(|| reversed(&first.cause)),
            payout_id: PayoutId::parse(&first.about).ok(),
            title: None,
            moved,
        })
    }
}

/// What a posting adds to what we owe the creator.
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
        | LedgerAccount::OutsideStripe
        | LedgerAccount::CreatorPaid
        | LedgerAccount::Transferred
        | LedgerAccount::DisputesReceivable
        | LedgerAccount::DisputeLosses
        | LedgerAccount::RewardExpense
        | LedgerAccount::RewardCredits => 0,
    }
}

/// The kind of line of a cause; `gross` is the amount that came in or went out.
fn kind_of(cause: &Cause, gross: i64) -> LineKind {
    match cause {
        Cause::Payment(_) => LineKind::Sale,
        Cause::PaymentChange { change: Some(change), .. } => match change {
            PaymentChange::Refund => LineKind::Refund,
            PaymentChange::RefundFailed => LineKind::RefundFailed,
            PaymentChange::Dispute => LineKind::Dispute,
            PaymentChange::DisputeReturned => LineKind::DisputeReturned,
        },
        Cause::PaymentChange { change: None, .. } if gross > 0 => LineKind::CameBack,
        Cause::PaymentChange { change: None, .. } => LineKind::ReturnedToBuyer,
        Cause::Payout(_, PayoutMove::Sent) => LineKind::Payout,
        Cause::Payout(_, PayoutMove::Returned) => LineKind::PayoutReturned,
        Cause::TransferReversal { .. } => LineKind::Reversal,
        Cause::Release(_)
        | Cause::Reward { .. }
        | Cause::RewardReversal { .. }
        | Cause::Payout(
            _,
            PayoutMove::Collected(_)
            | PayoutMove::Planned
            | PayoutMove::Unsettled
            | PayoutMove::Detached(_),
        ) => LineKind::Adjustment,
    }
}

/// The purchase of a reversal, whose journal belongs to a payout.
fn reversed(cause: &Cause) -> Option<PurchaseId> {
    match cause {
        Cause::TransferReversal { purchase, .. } => Some(purchase.clone()),
        Cause::Payment(_)
        | Cause::PaymentChange { .. }
        | Cause::Release(_)
        | Cause::Reward { .. }
        | Cause::RewardReversal { .. }
        | Cause::Payout(..) => None,
    }
}
