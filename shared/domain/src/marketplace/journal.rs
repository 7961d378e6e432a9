//! The books of the marketplace: double entry, in whole minor units.
//!
//! A journal is one thing that happened. Its legs sum to zero or it does not build. A leg is keyed
//! by what happened and by its role in that, never by whose account it is on: who is creator and
//! sharer at once has two legs, not one that swallowed the other.

use serde::{Deserialize, Serialize};

use super::sale::Split;
use crate::{
    id::{PurchaseId, UserId},
    money::Currency,
    time::Timestamp,
};

/// Whose money it is.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "account", rename_all = "snake_case")]
pub enum LedgerAccount {
    /// What buyers paid and we hold; an asset, so it is positive.
    BuyerCash,
    /// Our fees.
    PlatformRevenue,
    /// What a creator is owed.
    CreatorPayable {
        /// Whom.
        creator_id: UserId,
    },
    /// What tax offices are owed.
    TaxPayable,
}

/// What a leg is in what happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// The buyer's money comes, or goes back.
    BuyerCharge,
    /// Our part.
    PlatformFee,
    /// The creator's part.
    CreatorShare,
    /// The tax in it.
    Tax,
}

impl Role {
    /// In keys.
    pub const fn as_str(self) -> &'static str {
        match self {
            Role::BuyerCharge => "buyer_charge",
            Role::PlatformFee => "platform_fee",
            Role::CreatorShare => "creator_share",
            Role::Tax => "tax",
        }
    }
}

/// A line of a journal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Leg {
    /// What it is in what happened.
    pub role: Role,
    /// On whose account.
    #[serde(flatten)]
    pub account: LedgerAccount,
    /// In minor units; debits are positive.
    pub amount: i64,
}

/// Something that happened to money.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Journal {
    /// About this purchase.
    pub purchase_id: PurchaseId,
    /// What happened: the same thing has the same cause, however often it is heard of.
    pub cause: String,
    /// When.
    pub at: Timestamp,
    /// Of every leg.
    pub currency: Currency,
    /// At most one of each role; none is zero.
    pub legs: Vec<Leg>,
}

/// Legs that do not sum to zero, or two of one role.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the journal {cause} does not balance: {sum}")]
pub struct Unbalanced {
    /// What happened.
    pub cause: String,
    /// What the legs sum to.
    pub sum: i64,
}

impl Journal {
    /// The one way to make a journal. Legs of nothing are left out.
    ///
    /// # Errors
    /// [`Unbalanced`].
    pub fn build(
        purchase_id: PurchaseId,
        cause: String,
        currency: Currency,
        mut legs: Vec<Leg>,
        at: Timestamp,
    ) -> Result<Journal, Unbalanced> {
        legs.retain(|leg| leg.amount != 0);
        let sum = legs.iter().map(|leg| leg.amount).sum();
        let mut roles: Vec<Role> = legs.iter().map(|leg| leg.role).collect();
        roles.sort_unstable();
        roles.dedup();
        if sum != 0 || roles.len() != legs.len() {
            return Err(Unbalanced { cause, sum });
        }
        Ok(Journal { purchase_id, cause, at, currency, legs })
    }

    /// Money that came (positive) or went back (negative) for a sale, with the tax in it.
    ///
    /// # Errors
    /// [`Unbalanced`], when the split is none.
    pub fn of_sale(
        (purchase_id, creator_id): (PurchaseId, UserId),
        cause: String,
        (split, tax, currency): (Split, i64, Currency),
        at: Timestamp,
    ) -> Result<Journal, Unbalanced> {
        let legs = vec![
            Leg {
                role: Role::BuyerCharge,
                account: LedgerAccount::BuyerCash,
                amount: split.gross + tax,
            },
            Leg {
                role: Role::PlatformFee,
                account: LedgerAccount::PlatformRevenue,
                amount: -split.fee,
            },
            Leg {
                role: Role::CreatorShare,
                account: LedgerAccount::CreatorPayable { creator_id },
                amount: -split.net,
            },
            Leg { role: Role::Tax, account: LedgerAccount::TaxPayable, amount: -tax },
        ];
        Journal::build(purchase_id, cause, currency, legs, at)
    }
}
