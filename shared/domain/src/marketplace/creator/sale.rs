//! A sale, on the creator's side: its amounts, and when it becomes payable.

mod split;

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{
    attempt::Attempt,
    balance::CreatorBalance,
    cause::Cause,
    journal::{Journal, LedgerAccount, Posting, Role, Unbalanced},
};
use crate::{
    billing::{external::ChargeId, payment::Payment},
    id::{ListingId, PayoutId, PurchaseId, UserId},
    marketplace::purchase::{FoundBy, Purchase},
    money::Currency,
    time::{DAY, Timestamp},
};

pub use split::{PLATFORM_FEE_BPS, Split};

/// How long a sale is held before it is payable.
pub const HOLD: Duration = DAY.saturating_mul(7);

/// A sale.
#[serde_with::skip_serializing_none]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Sale {
    /// The purchase that it belongs to.
    pub purchase_id: PurchaseId,
    /// The creator who sold it.
    pub creator_id: UserId,
    /// The listing.
    pub listing_id: ListingId,
    /// The version that was sold.
    pub revision: u32,
    /// The version's title.
    pub title: String,
    /// Where the buyer found it; unknown of sales from before that was recorded.
    #[serde(default)]
    pub found_by: Option<FoundBy>,
    /// The currency of every amount here.
    pub currency: Currency,
    /// The original split.
    pub sold: Split,
    /// The split after refunds and disputes.
    pub kept: Split,
    /// The charge that paid for it, until it has funded a transfer: a charge funds only one.
    pub charge: Option<ChargeId>,
    /// When it was paid.
    pub sold_at: Timestamp,
    /// When its hold ends.
    pub hold_until: Timestamp,
    /// The optimistic lock: goes up by one with every write; zero before the first.
    pub version: u64,
    /// Whether an open dispute blocks its payout.
    #[serde(default)]
    pub frozen: bool,
    /// When it became payable.
    pub released_at: Option<Timestamp>,
    /// The payout that it is in.
    pub payout_id: Option<PayoutId>,
    /// Its share of that payout, in minor units.
    #[serde(default)]
    pub collected: i64,
    /// The part of that recovered by reversals after refunds, in minor units.
    #[serde(default)]
    pub recovered: i64,
    /// A reversal in progress.
    pub recovery: Option<Reversal>,
    /// The last attempt at it.
    pub recovery_attempt: Option<Attempt>,
    /// The number of reversals begun.
    #[serde(default)]
    pub recoveries: u32,
    /// Whether Stripe refused the reversal, so that the amount stays creator debt.
    #[serde(default)]
    pub recovery_refused: bool,
    /// The reason of the latest refund, in the words of who asked for it.
    pub refund_reason: Option<String>,
}

/// A reversal of a part of a transfer. It is recorded before Stripe is asked, so that an
/// interrupted run requests it only once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Reversal {
    /// Its number within the sale: part of its idempotency key.
    pub number: u32,
    /// The amount in minor units.
    pub amount: i64,
}

/// Where the money of a sale is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum SaleState {
    /// On hold.
    Held,
    /// Payable.
    Payable,
    /// Blocked by an open dispute.
    Frozen,
    /// All of it was taken back.
    Refunded,
    /// In a payout, whose state tells whether it was sent.
    InPayout,
}

impl Sale {
    /// The sale of a paid purchase; `None` if it is free.
    pub fn of(purchase: &Purchase, payment: &Payment, sold_at: Timestamp) -> Option<Sale> {
        let gross = purchase.price.amount;
        (gross > 0).then(|| Sale {
            purchase_id: purchase.id.clone(),
            creator_id: purchase.creator_id.clone(),
            listing_id: purchase.listing_id.clone(),
            revision: purchase.revision,
            title: purchase.title.clone(),
            found_by: Some(purchase.found_by()),
            currency: purchase.price.currency,
            sold: Split::of(gross),
            kept: Split::of(gross),
            charge: payment.charge.clone(),
            sold_at,
            hold_until: sold_at.plus(HOLD),
            version: 0,
            frozen: false,
            released_at: None,
            payout_id: None,
            collected: 0,
            recovered: 0,
            recovery: None,
            recovery_attempt: None,
            recoveries: 0,
            recovery_refused: false,
            refund_reason: None,
        })
    }

    /// Its state at `now`.
    pub fn state(&self, now: Timestamp) -> SaleState {
        if self.frozen {
            SaleState::Frozen
        } else if self.kept.gross == 0 {
            SaleState::Refunded
        } else if self.payout_id.is_some() {
            SaleState::InPayout
        } else if now < self.hold_until {
            SaleState::Held
        } else {
            SaleState::Payable
        }
    }

    /// The account that is posted to when the creator's share changes. Once the sale is in a
    /// payout, whose amount Stripe may know, a change becomes debt.
    pub const fn account(&self) -> LedgerAccount {
        if self.payout_id.is_some() {
            LedgerAccount::CreatorDebt
        } else if self.released_at.is_some() {
            LedgerAccount::CreatorAvailable
        } else {
            LedgerAccount::CreatorPending
        }
    }

    /// The cause of a reversal; its text is the reversal's idempotency key.
    pub fn reversal_cause(&self, number: u32) -> Cause {
        Cause::TransferReversal { purchase: self.purchase_id.clone(), number }
    }

    /// Records a reversal of `amount` minor units before Stripe is asked.
    pub fn begin_reversal(&mut self, amount: i64) -> Reversal {
        self.recoveries += 1;
        let recovery = Reversal { number: self.recoveries, amount };
        (self.recovery, self.recovery_attempt) = (Some(recovery), None);
        recovery
    }

    /// Writes a reversal off after Stripe refused it: the amount stays creator debt.
    pub fn write_off(&mut self) {
        self.recovery = None;
        self.recovery_refused = true;
    }

    /// Whether an overpaid amount should be recovered.
    pub fn is_to_be_recovered(&self) -> bool {
        self.recovery.is_some() || (!self.recovery_refused && self.overpaid() > 0)
    }

    /// Whether its hold has ended by `now`, so that it becomes payable.
    pub fn is_due(&self, now: Timestamp) -> bool {
        self.released_at.is_none() && self.is_live() && self.hold_until <= now
    }

    /// Whether it can go into a payout.
    pub const fn is_payable(&self) -> bool {
        self.released_at.is_some() && self.payout_id.is_none() && self.is_live()
    }

    /// The part of the creator's available money that a dispute holds, in minor units.
    pub const fn frozen_part(&self) -> i64 {
        let counts = self.frozen && self.released_at.is_some() && self.payout_id.is_none();
        if counts { self.kept.net } else { 0 }
    }

    /// The amount paid out beyond the creator's share, net of reversals, in minor units. Zero while
    /// a dispute is open, because it may still be won.
    pub fn overpaid(&self) -> i64 {
        let may_change = self.payout_id.is_none() || self.frozen;
        if may_change { 0 } else { (self.collected - self.kept.net - self.recovered).max(0) }
    }

    const fn is_live(&self) -> bool {
        !self.frozen && self.kept.net > 0
    }
}

/// Releases the sales of a creator whose hold has ended; returns the journal if there are any.
///
/// # Errors
/// Only if amounts overflow.
pub fn release(
    book: &mut CreatorBalance,
    sales: &mut [Sale],
    now: Timestamp,
) -> Result<Option<Journal>, Unbalanced> {
    let mut due = sales.iter_mut().filter(|sale| sale.is_due(now)).peekable();
    let Some(first) = due.peek() else { return Ok(None) };
    let cause = Cause::Release(first.purchase_id.clone());
    let (currency, about) = (first.currency, first.purchase_id.to_string());
    let mut sum = 0;
    for sale in due {
        sale.released_at = Some(now);
        sum += sale.kept.net;
    }
    let legs = [
        Posting::new(Role::Held, LedgerAccount::CreatorPending, sum),
        Posting::new(Role::Released, LedgerAccount::CreatorAvailable, -sum),
    ];
    book.post(about, (cause, currency), legs, now)
}
