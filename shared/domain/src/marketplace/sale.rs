//! A sale, on the creator's side: every cent of it, and when it becomes payable.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{
    attempt::Attempt,
    journal::{Journal, LedgerAccount, Posting, Role, Unbalanced},
    listing_stats::CreatorBalance,
    purchase::Purchase,
};
use crate::{
    billing::{external::ChargeId, payment::Payment},
    id::{ListingId, PayoutId, PurchaseId, UserId},
    money::Currency,
    time::{DAY, Timestamp},
};

/// The platform's part of a price, in hundredths of a percent.
pub const PLATFORM_FEE_BPS: i64 = 2_000;
/// For how long a sale is held before it is payable, and a sharer's reward before it is granted.
pub const HOLD: Duration = DAY.saturating_mul(7);

/// How a price is shared, in minor units.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Split {
    /// What the buyer pays, tax aside.
    pub gross: i64,
    /// What the platform keeps.
    pub fee: i64,
    /// What the creator gets.
    pub net: i64,
}

impl Split {
    /// Of a price. The fee is rounded down, so a fraction of a cent is the creator's.
    pub const fn of(gross: i64) -> Split {
        let fee = gross * PLATFORM_FEE_BPS / 10_000;
        Split { gross, fee, net: gross - fee }
    }

    /// Both together.
    #[must_use]
    pub const fn plus(self, other: Split) -> Split {
        Split {
            gross: self.gross + other.gross,
            fee: self.fee + other.fee,
            net: self.net + other.net,
        }
    }

    /// What is added to `before` to come here.
    #[must_use]
    pub const fn since(self, before: Split) -> Split {
        Split {
            gross: self.gross - before.gross,
            fee: self.fee - before.fee,
            net: self.net - before.net,
        }
    }
}

/// A sale.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sale {
    /// The purchase it is the other side of.
    pub purchase_id: PurchaseId,
    /// OwnerRef.
    pub creator_id: UserId,
    /// Of what.
    pub listing_id: ListingId,
    /// Which version.
    pub revision: u32,
    /// What that was called.
    pub title: String,
    /// Of every amount here.
    pub currency: Currency,
    /// What was sold for how much.
    pub sold: Split,
    /// What is left of that after refunds and disputes.
    pub kept: Split,
    /// The charge that brought its money, until a transfer was made of it: a charge funds one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub charge: Option<ChargeId>,
    /// When it was paid for.
    pub sold_at: Timestamp,
    /// From when on it is payable.
    pub hold_until: Timestamp,
    /// Goes up by one with every write; zero before the first.
    pub version: u64,
    /// Whether a dispute keeps it from being paid out.
    #[serde(default)]
    pub frozen: bool,
    /// Since when it is payable.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub released_at: Option<Timestamp>,
    /// What it is paid out with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payout_id: Option<PayoutId>,
    /// What of it went into that payout, in minor units.
    #[serde(default)]
    pub collected: i64,
    /// What of that was got back by reversals, because the buyer got it back.
    #[serde(default)]
    pub recovered: i64,
    /// A reversal that was begun and whose end is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recovery: Option<Reversal>,
    /// The last attempt at it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recovery_attempt: Option<Attempt>,
    /// How many reversals were begun.
    #[serde(default)]
    pub recoveries: u32,
    /// Whether Stripe had nothing to give back, so that it is owed.
    #[serde(default)]
    pub recovery_refused: bool,
    /// Why staff gave money back, in their words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refund_reason: Option<String>,
}

/// A reversal of a part of a transfer: noted before Stripe is asked for it, so that it is asked for
/// once, however often whoever asks is cut off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reversal {
    /// Which one of the sale's: part of its key.
    pub number: u32,
    /// In minor units.
    pub amount: i64,
}

/// Where the money of a sale is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SaleState {
    /// Within the days a buyer may still get it back.
    Connected,
    /// To be paid out.
    Payable,
    /// A dispute is open.
    Frozen,
    /// All of it went back to the buyer.
    Refunded,
    /// It is in a payout, which says whether that was sent.
    InPayout,
}

impl Sale {
    /// The other side of a purchase that is paid; `None` of one that costs nothing.
    pub fn of(purchase: &Purchase, payment: &Payment, sold_at: Timestamp) -> Option<Sale> {
        let gross = purchase.price.amount;
        (gross > 0).then(|| Sale {
            purchase_id: purchase.id.clone(),
            creator_id: purchase.creator_id.clone(),
            listing_id: purchase.listing_id.clone(),
            revision: purchase.revision,
            title: purchase.title.clone(),
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

    /// Where its money is at `now`.
    pub fn state(&self, now: Timestamp) -> SaleState {
        if self.frozen {
            SaleState::Frozen
        } else if self.kept.gross == 0 {
            SaleState::Refunded
        } else if self.payout_id.is_some() {
            SaleState::InPayout
        } else if now < self.hold_until {
            SaleState::Connected
        } else {
            SaleState::Payable
        }
    }

    /// The account that moves when the creator's part of it changes. Once it is in a payout, that
    /// has an amount that Stripe may know already: what changes then is owed.
    pub const fn account(&self) -> LedgerAccount {
        if self.payout_id.is_some() {
            LedgerAccount::CreatorDebt
        } else if self.released_at.is_some() {
            LedgerAccount::CreatorAvailable
        } else {
            LedgerAccount::CreatorPending
        }
    }

    /// The key under which a part of what was paid out is got back.
    pub fn reversal_key(&self, number: u32) -> String {
        format!("purchase:{}:reversal:{number}", self.purchase_id)
    }

    /// Notes that so much of what was paid out is to be got back, before Stripe is asked.
    pub fn begin_reversal(&mut self, amount: i64) -> Reversal {
        self.recoveries += 1;
        let recovery = Reversal { number: self.recoveries, amount };
        (self.recovery, self.recovery_attempt) = (Some(recovery), None);
        recovery
    }

    /// Stripe has nothing to give back: it stays on the creator's debt account.
    pub fn write_off(&mut self) {
        self.recovery = None;
        self.recovery_refused = true;
    }

    /// Whether somebody should get back what was overpaid.
    pub fn is_to_be_recovered(&self) -> bool {
        self.recovery.is_some() || (!self.recovery_refused && self.overpaid() > 0)
    }

    /// Whether its days are over by `now`, so that it becomes payable.
    pub fn is_due(&self, now: Timestamp) -> bool {
        self.released_at.is_none() && self.stands() && self.hold_until <= now
    }

    /// Whether it can go into a payout.
    pub const fn is_payable(&self) -> bool {
        self.released_at.is_some() && self.payout_id.is_none() && self.stands()
    }

    /// What of the creator's available money a dispute keeps from them, in minor units.
    pub const fn frozen_part(&self) -> i64 {
        let counts = self.frozen && self.released_at.is_some() && self.payout_id.is_none();
        if counts { self.kept.net } else { 0 }
    }

    /// What was paid out of it and is the creator's no longer, reversals aside, in minor units.
    /// While a dispute is open nothing is asked back: it may still be won.
    pub fn overpaid(&self) -> i64 {
        let may_change = self.payout_id.is_none() || self.frozen;
        if may_change { 0 } else { (self.collected - self.kept.net - self.recovered).max(0) }
    }

    const fn stands(&self) -> bool {
        !self.frozen && self.kept.net > 0
    }
}

/// Makes the sales of a creator payable whose days are over; returns what happened to money, if
/// anything did.
///
/// # Errors
/// Never, unless amounts overflow.
pub fn release(
    book: &mut CreatorBalance,
    sales: &mut [Sale],
    now: Timestamp,
) -> Result<Option<Journal>, Unbalanced> {
    let mut due = sales.iter_mut().filter(|sale| sale.is_due(now)).peekable();
    let Some(first) = due.peek() else { return Ok(None) };
    // A sale is released once, so that its name is used once.
    let cause = format!("release:{}", first.purchase_id);
    let (currency, about) = (first.currency, first.purchase_id.to_string());
    let mut sum = 0;
    for sale in due {
        sale.released_at = Some(now);
        sum += sale.kept.net;
    }
    let legs = [
        Posting::new(Role::Connected, LedgerAccount::CreatorPending, sum),
        Posting::new(Role::Released, LedgerAccount::CreatorAvailable, -sum),
    ];
    book.post(about, (cause, currency), legs, now)
}
