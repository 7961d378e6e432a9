//! The books of the marketplace: double entry, in whole minor units.
//!
//! A journal is one thing that happened to the money around one creator. Its legs sum to zero or it
//! does not build. A leg is keyed by what happened and by its role in that, so that the same thing
//! heard of twice is one leg, and who is creator and sharer at once has two legs, not one that
//! swallowed the other.
//!
//! Debits are positive. What we have is positive (cash, claims), what we owe is negative; the sum of
//! all accounts of a creator is zero at every moment. [`Balances`] are kept beside the journals and
//! written with them; the audit folds the journals anew and compares.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{
    error::{DomainError, ErrorKind},
    id::UserId,
    money::Currency,
    time::Timestamp,
};

/// OwnerRef money it is. All of it is around one creator: what is ours of it is ours of their sales.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LedgerAccount {
    /// What buyers paid and Stripe holds for us.
    BuyerCash,
    /// Our fees.
    PlatformRevenue,
    /// What Stripe keeps of charges and for disputes.
    ProcessorFees,
    /// What tax offices are owed.
    TaxPayable,
    /// What buyers are owed who paid for what could not be bought any more.
    BuyerReturns,
    /// What a creator is owed of sales that a buyer may still get back.
    CreatorPending,
    /// What a creator is owed and can be paid.
    CreatorAvailable,
    /// What is in a payout that was not sent yet.
    CreatorInPayout,
    /// What a creator was sent, reversals aside. [`LedgerAccount::Transferred`] is its other side.
    CreatorPaid,
    /// What stands on the creator's account at Stripe, or went from there to their bank.
    Transferred,
    /// What a creator owes us, because money went back to a buyer after it was paid out. Negative if
    /// it came back after all; the next payout evens it out either way.
    CreatorDebt,
    /// What an open dispute took beyond what was paid.
    DisputesReceivable,
    /// What a lost one did.
    DisputeLosses,
    /// What rewards of sharers cost, at the price of the credits.
    RewardExpense,
    /// The credits that they were given.
    RewardCredits,
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
    /// It goes back to the buyer, because nothing could be bought for it.
    Return,
    /// What Stripe keeps.
    ProcessorFee,
    /// Where it is kept from.
    ProcessorCash,
    /// What a dispute takes beyond the payment.
    DisputeExcess,
    /// Where it is taken from.
    DisputeCash,
    /// What an excess is once it is lost.
    DisputeLoss,
    /// A sale becomes payable: its days are over.
    Released,
    /// Likewise, where it was.
    Connected,
    /// A sale goes into a payout, or out of one.
    Collected,
    /// The payout's side of that.
    InPayout,
    /// What was owed is evened out.
    DebtSettled,
    /// What is sent, on the creator's side.
    Paid,
    /// What is sent, as it stands on their account.
    Transfer,
    /// Where it is sent from.
    TransferCash,
    /// A sharer's credits, as a cost.
    Reward,
    /// And as what was given.
    RewardCredits,
}

impl Role {
    /// In keys.
    pub const fn as_str(self) -> &'static str {
        match self {
            Role::BuyerCharge => "buyer_charge",
            Role::PlatformFee => "platform_fee",
            Role::CreatorShare => "creator_share",
            Role::Tax => "tax",
            Role::Return => "return",
            Role::ProcessorFee => "processor_fee",
            Role::ProcessorCash => "processor_cash",
            Role::DisputeExcess => "dispute_excess",
            Role::DisputeCash => "dispute_cash",
            Role::DisputeLoss => "dispute_loss",
            Role::Released => "released",
            Role::Connected => "held",
            Role::Collected => "collected",
            Role::InPayout => "in_payout",
            Role::DebtSettled => "debt_settled",
            Role::Paid => "paid",
            Role::Transfer => "transfer",
            Role::TransferCash => "transfer_cash",
            Role::Reward => "reward",
            Role::RewardCredits => "reward_credits",
        }
    }
}

/// A line of a journal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Posting {
    /// What it is in what happened.
    pub role: Role,
    /// On which account.
    pub account: LedgerAccount,
    /// In minor units; debits are positive.
    pub amount: i64,
}

impl Posting {
    /// So much on an account.
    pub const fn new(role: Role, account: LedgerAccount, amount: i64) -> Posting {
        Posting { role, account, amount }
    }
}

/// A leg as it is kept, with what it is a part of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// What happened.
    pub cause: String,
    /// About this: the id of a purchase or of a payout.
    pub about: String,
    /// When.
    pub at: Timestamp,
    /// Of the amount.
    pub currency: Currency,
    /// The leg.
    pub leg: Posting,
}

/// Something that happened to money.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Journal {
    /// Around this creator.
    pub creator_id: UserId,
    /// About this: the id of a purchase or of a payout.
    pub about: String,
    /// What happened: the same thing has the same cause, however often it is heard of.
    pub cause: String,
    /// When.
    pub at: Timestamp,
    /// Of every leg.
    pub currency: Currency,
    /// At most one of each role; none is zero.
    pub legs: Vec<Posting>,
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

impl DomainError for Unbalanced {
    fn kind(&self) -> ErrorKind {
        ErrorKind::Internal
    }
    fn code(&self) -> &'static str {
        "internal"
    }
}

impl Journal {
    /// The one way to make a journal. Legs of nothing are left out.
    ///
    /// # Errors
    /// [`Unbalanced`].
    pub fn build(
        (creator_id, about): (UserId, String),
        cause: String,
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

    /// Its legs as they are kept.
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

/// What stands on each account of a creator, in minor units. Accounts of nothing are left out.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Balances(BTreeMap<LedgerAccount, i64>);

impl Balances {
    /// What stands on one.
    pub fn of(&self, account: LedgerAccount) -> i64 {
        self.0.get(&account).copied().unwrap_or(0)
    }

    /// What we owe on one: its balance, the other way round.
    pub fn owed(&self, account: LedgerAccount) -> i64 {
        -self.of(account)
    }

    /// Adds a leg.
    pub fn add(&mut self, leg: &Posting) {
        self.change(leg.account, leg.amount);
    }

    /// Adds all legs of a journal.
    pub fn post(&mut self, journal: &Journal) {
        journal.legs.iter().for_each(|leg| self.add(leg));
    }

    /// Adds everything of another creator's.
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

    /// Every account that something stands on.
    pub fn iter(&self) -> impl Iterator<Item = (LedgerAccount, i64)> {
        self.0.iter().map(|(account, amount)| (*account, *amount))
    }

    /// The sum of all; anything but zero is a fault of ours.
    pub fn sum(&self) -> i64 {
        self.0.values().sum()
    }

    /// Accounts on which something else stands than in `other`: what stands here, and there.
    pub fn differences(&self, other: &Balances) -> Vec<(LedgerAccount, i64, i64)> {
        let mut accounts: Vec<LedgerAccount> =
            self.0.keys().chain(other.0.keys()).copied().collect();
        accounts.sort_unstable();
        accounts.dedup();
        let both = accounts.into_iter().map(|it| (it, self.of(it), other.of(it)));
        both.filter(|(_, here, there)| here != there).collect()
    }
}
