//! The marketplace's double-entry ledger, in whole minor units.
//!
//! A journal records one event that moves money of one creator. Its postings sum to zero or it does
//! not build. A posting is keyed by cause and role, so that an event processed twice posts once,
//! and a user who is both creator and sharer has two postings instead of one that overwrites the
//! other.
//!
//! Debits are positive: assets (cash, claims) are positive, liabilities negative. A creator's
//! accounts always sum to zero. [`Balances`] are stored beside the journals in the same write; the
//! reconciliation folds the journals again and compares.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use strum::IntoStaticStr;

use super::cause::Cause;
use crate::{id::UserId, money::Currency, time::Timestamp};

/// The ledger accounts. Each belongs to one creator: even the platform's revenue is the revenue
/// from that creator's sales.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum LedgerAccount {
    /// Buyers' payments that Stripe holds for us.
    BuyerCash,
    /// The platform's fees.
    PlatformRevenue,
    /// Processing and dispute fees charged by Stripe.
    ProcessorFees,
    /// Tax owed to tax authorities.
    TaxPayable,
    /// Refunds owed to buyers who paid for what could no longer be bought.
    BuyerReturns,
    /// Paid to buyers from an account of ours outside Stripe, because no refund reached them. The
    /// money of their payments stays at Stripe.
    OutsideStripe,
    /// Owed to the creator for sales that are still held.
    CreatorPending,
    /// Owed to the creator and payable.
    CreatorAvailable,
    /// In a payout that is not sent yet.
    CreatorInPayout,
    /// Sent to the creator, net of reversals. `transferred` is its contra account.
    CreatorPaid,
    /// Transferred to the creator's connected account, net of reversals.
    Transferred,
    /// Owed by the creator, because a buyer's money was taken back after it was paid out. Negative
    /// if it came back after all; the next payout offsets it either way.
    CreatorDebt,
    /// Withdrawn by an open dispute beyond what was paid.
    DisputesReceivable,
    /// The same, of a lost dispute.
    DisputeLosses,
    /// The cost of sharers' rewards, at the price of the credits.
    RewardExpense,
    /// The credits granted to sharers.
    RewardCredits,
}

/// The role of a posting in its journal.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, IntoStaticStr,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case", const_into_str)]
pub enum Role {
    /// The buyer's payment, or its return.
    BuyerCharge,
    /// The platform's fee.
    PlatformFee,
    /// The creator's share.
    CreatorShare,
    /// The tax.
    Tax,
    /// Owed back to the buyer, because the listing could not be bought.
    Return,
    /// Paid back to the buyer outside Stripe.
    PaidOutside,
    /// Stripe's fee.
    ProcessorFee,
    /// The cash from which Stripe's fee is deducted.
    ProcessorCash,
    /// The part of a dispute beyond the payment.
    DisputeExcess,
    /// The cash from which it is withdrawn.
    DisputeCash,
    /// The same part, once the dispute is lost.
    DisputeLoss,
    /// A held sale becomes payable.
    Released,
    /// The hold account's side of a release.
    Held,
    /// A sale is added to a payout, or detached.
    Collected,
    /// The payout account's side of that.
    InPayout,
    /// Debt is offset.
    DebtSettled,
    /// A transfer, on the creator's account.
    Paid,
    /// A transfer, on the contra account.
    Transfer,
    /// The cash from which a transfer is made.
    TransferCash,
    /// A sharer's reward, as an expense.
    Reward,
    /// A sharer's reward, as credits granted.
    RewardCredits,
}

/// A posting: an amount on one account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Posting {
    /// Its role in the journal.
    pub role: Role,
    /// The account.
    pub account: LedgerAccount,
    /// The amount in minor units; debits are positive.
    pub amount: i64,
}

impl Posting {
    /// Posts `amount` minor units to `account`.
    pub const fn new(role: Role, account: LedgerAccount, amount: i64) -> Posting {
        Posting { role, account, amount }
    }
}

/// A posting as stored, with the data of its journal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The cause of the journal.
    pub cause: Cause,
    /// The id of the purchase or payout that it belongs to.
    pub about: String,
    /// When it was posted.
    pub at: Timestamp,
    /// The currency of the amount.
    pub currency: Currency,
    /// The posting.
    pub leg: Posting,
}

/// A balanced set of postings with one cause.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Journal {
    /// The creator whose accounts it posts to.
    pub creator_id: UserId,
    /// The id of the purchase or payout that it belongs to.
    pub about: String,
    /// The event that moved the money. One event has one cause, however often it is processed.
    pub cause: Cause,
    /// When it was posted.
    pub at: Timestamp,
    /// The currency of every posting.
    pub currency: Currency,
    /// The postings: at most one per role, none of zero.
    pub legs: Vec<Posting>,
}

/// Postings that do not sum to zero, or two with the same role.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the journal {cause} does not balance: {sum}")]
pub struct Unbalanced {
    /// The cause of the journal.
    pub cause: Cause,
    /// The sum of the postings.
    pub sum: i64,
}

crate::domain_error!(Unbalanced => Internal, "internal");

impl Journal {
    /// Builds a journal; the only constructor. Postings of zero are dropped.
    ///
    /// # Errors
    /// [`Unbalanced`].
    pub fn build(
        (creator_id, about): (UserId, String),
        cause: Cause,
        currency: Currency,
        legs: impl IntoIterator<Item = Posting>,
        at: Timestamp,
    ) -> Result<Journal, Unbalanced> {
        let legs: Vec<Posting> = legs.into_iter().filter(|leg| leg.amount != 0).collect();
        let sum = legs.iter().map(|leg| leg.amount).sum();
        let mut roles: Vec<Role> = legs.iter().map(|leg| leg.role).collect();
        roles.sort_unstable();
        roles.dedup();
        if sum != 0 || roles.len() != legs.len() {
            return Err(Unbalanced { cause, sum });
        }
        Ok(Journal { creator_id, about, cause, at, currency, legs })
    }

    /// Its postings as stored.
    pub fn entries(&self) -> impl Iterator<Item = Entry> {
        self.legs.iter().map(|leg| Entry {
            cause: self.cause.clone(),
            about: self.about.clone(),
            at: self.at,
            currency: self.currency,
            leg: *leg,
        })
    }
}

/// The balance of each account of a creator, in minor units. Accounts at zero are absent.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(transparent)]
pub struct Balances(BTreeMap<LedgerAccount, i64>);

impl Balances {
    /// The balance of an account.
    pub fn of(&self, account: LedgerAccount) -> i64 {
        self.0.get(&account).copied().unwrap_or(0)
    }

    /// What we owe on an account: its negated balance.
    pub fn owed(&self, account: LedgerAccount) -> i64 {
        -self.of(account)
    }

    /// Adds a posting.
    pub fn add(&mut self, leg: &Posting) {
        self.change(leg.account, leg.amount);
    }

    /// Adds all postings of a journal.
    pub fn post(&mut self, journal: &Journal) {
        journal.legs.iter().for_each(|leg| self.add(leg));
    }

    /// Adds all balances of another creator.
    pub fn merge(&mut self, other: &Balances) {
        for (account, amount) in other.iter() {
            self.change(account, amount);
        }
    }

    fn change(&mut self, account: LedgerAccount, amount: i64) {
        let balance = self.0.entry(account).or_insert(0);
        *balance += amount;
        if *balance == 0 {
            self.0.remove(&account);
        }
    }

    /// All accounts with a balance.
    pub fn iter(&self) -> impl Iterator<Item = (LedgerAccount, i64)> {
        self.0.iter().map(|(account, amount)| (*account, *amount))
    }

    /// The sum of all balances; anything but zero is an internal fault.
    pub fn sum(&self) -> i64 {
        self.0.values().sum()
    }

    /// Accounts whose balances differ, with both balances.
    pub fn differences(&self, other: &Balances) -> Vec<(LedgerAccount, i64, i64)> {
        let mut accounts: Vec<LedgerAccount> =
            self.0.keys().chain(other.0.keys()).copied().collect();
        accounts.sort_unstable();
        accounts.dedup();
        let both = accounts.into_iter().map(|it| (it, self.of(it), other.of(it)));
        both.filter(|(_, here, there)| here != there).collect()
    }
}
