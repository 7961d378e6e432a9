//! A sale, on the creator's side: every cent of it, and when it becomes payable.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::purchase::Purchase;
use crate::{
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
    /// Whose.
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
    /// When it was paid for.
    pub sold_at: Timestamp,
    /// From when on it is payable.
    pub hold_until: Timestamp,
    /// Whether a dispute keeps it from being paid out.
    #[serde(default)]
    pub frozen: bool,
    /// What it was paid out with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payout_id: Option<PayoutId>,
}

/// Where the money of a sale is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SaleState {
    /// Within the days a buyer may still get it back.
    Held,
    /// To be paid out.
    Payable,
    /// A dispute is open.
    Frozen,
    /// All of it went back to the buyer.
    Refunded,
    /// It is in a payout.
    PaidOut,
}

impl Sale {
    /// The other side of a purchase that is paid; `None` of one that costs nothing.
    pub fn of(purchase: &Purchase, sold_at: Timestamp) -> Option<Sale> {
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
            sold_at,
            hold_until: sold_at.plus(HOLD),
            frozen: false,
            payout_id: None,
        })
    }

    /// Where its money is at `now`.
    pub fn state(&self, now: Timestamp) -> SaleState {
        if self.frozen {
            SaleState::Frozen
        } else if self.kept.gross == 0 {
            SaleState::Refunded
        } else if self.payout_id.is_some() {
            SaleState::PaidOut
        } else if now < self.hold_until {
            SaleState::Held
        } else {
            SaleState::Payable
        }
    }
}
