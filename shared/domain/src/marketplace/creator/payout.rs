//! Paying creators: what a payout run decides, and what each update moves.
//!
//! A creator has at most one payout per date, and at most one open payout. Its id is made of
//! creator and date and is the idempotency key of the transfer, so concurrent and resumed runs work
//! on the same item.
//!
//! | state | meaning | next |
//! |---|---|---|
//! | `skipped` | nothing is paid on that date, for a reason shown to the creator | |
//! | `collecting` | payable sales are added in batches | `planned`; `sent` if its transfer is found; `failed` if one that no payout records is |
//! | `planned` | its amount is fixed, less debt | `sending`; the same; `failed` if the creator is banned |
//! | `sending` | the transfer is requested from Stripe under the payout's key | `sent`, `failed` |
//! | `sent` | the transfer is on the creator's connected account | `paid`, `failed` |
//! | `paid` | the bank received it | `failed`: banks return money days later |
//! | `failed` | its sales are detached in batches | `reopened`; `sent` if a bank retry follows |
//! | `reopened` | its sales are payable by another payout | |
//!
//! A payout's amount is frozen once sales are in it, because Stripe may know it. Later refunds and
//! disputes become creator debt ([`super::sale::Sale::account`]), recovered by reversing a part of
//! the transfer, or else offset by the next payout.
//!
//! A table that was restored may have lost payouts whose transfers exist at Stripe. So the
//! transfers to a creator are looked up before one is made, and a payout adopts its own: it takes
//! the amount that was sent, and the difference to its sales becomes debt, the creator's or
//! ours ([`PayoutUpdate::adopt`](update::PayoutUpdate::adopt)).

pub mod update;

use serde::{Deserialize, Serialize};
use strum::{EnumDiscriminants, IntoStaticStr};

use super::{
    attempt::Attempt,
    balance::CreatorBalance,
    cause::{Cause, PayoutMove},
    journal::LedgerAccount,
};
use crate::{
    account::Account,
    billing::external::{BankPayoutId, ChargeId, ConnectedAccountId, ReceivedId, TransferId},
    id::{PayoutId, UserId},
    money::Currency,
    time::Timestamp,
};

/// The smallest payout, in minor units.
pub const PAYOUT_MIN: i64 = 1_000;

/// A payout, or the record of why there was none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Payout {
    /// Its id, and the idempotency key of its transfer.
    pub id: PayoutId,
    /// The creator to be paid.
    pub creator_id: UserId,
    /// The optimistic lock: goes up by one with every write; zero before the first.
    pub version: u64,
    /// The day of the run, such as `2026-11-25`.
    pub date: String,
    /// The currency of every amount here.
    pub currency: Currency,
    /// Its state.
    #[serde(flatten)]
    pub state: PayoutState,
    /// The amount to send, in minor units: `collected` less `settled`. If it was skipped, the
    /// balance that was payable.
    pub amount: i64,
    /// The net of its sales, in minor units.
    #[serde(default)]
    pub collected: i64,
    /// The debt that it offsets, in minor units; negative if the debt was in the creator's favor.
    #[serde(default)]
    pub settled: i64,
    /// The part of its transfer that was reversed, in minor units.
    #[serde(default)]
    pub reversed: i64,
    /// The number of its sales.
    #[serde(default)]
    pub sales: u32,
    /// How often sales were added or detached: part of the cause of a journal.
    #[serde(default)]
    pub batches: u32,
    /// The charge that funds its transfer (`source_transaction`), if it consists of one sale and no
    /// more. Such a transfer does not depend on our Stripe balance; a payout of many sales is one
    /// transfer that our balance has to cover.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<ChargeId>,
    /// The last attempt at its transfer; after the bank returned it, at the reversal of the rest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attempt: Option<Attempt>,
    /// The connected account that receives it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<ConnectedAccountId>,
    /// Stripe's transfer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transfer: Option<TransferId>,
    /// The payment that the connected account received by it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub received: Option<ReceivedId>,
    /// The connected account's latest payout to the bank.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bank_payout: Option<BankPayoutId>,
    /// When it was created.
    pub created_at: Timestamp,
    /// When the transfer was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sent_at: Option<Timestamp>,
    /// When the bank received it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paid_at: Option<Timestamp>,
}

/// The state of a payout.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, IntoStaticStr, EnumDiscriminants)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(tag = "state", rename_all = "snake_case")]
#[strum(serialize_all = "snake_case", const_into_str)]
#[strum_discriminants(
    name(PayoutStatus),
    doc = "The state of a payout, without its details.",
    derive(Hash, Serialize, Deserialize),
    cfg_attr(feature = "schema", derive(schemars::JsonSchema)),
    serde(rename_all = "snake_case")
)]
pub enum PayoutState {
    /// Nothing was paid.
    Skipped {
        /// The reason, as shown to the creator.
        reason: SkipReason,
    },
    /// Sales are being added.
    Collecting,
    /// Its amount is fixed.
    Planned,
    /// The transfer is being requested from Stripe.
    Sending,
    /// The transfer was made.
    Sent,
    /// The bank received it.
    Paid,
    /// It is not sent, or was returned.
    Failed {
        /// Stripe's code, or one of a [`SkipReason`].
        code: String,
    },
    /// It failed, and its sales are detached.
    Reopened {
        /// The code of the failure.
        code: String,
    },
}

impl PayoutState {
    /// Its name.
    pub fn status(&self) -> PayoutStatus {
        self.into()
    }

    /// Why it was skipped or failed.
    pub fn reason(&self) -> Option<&str> {
        match self {
            PayoutState::Skipped { reason } => Some(reason.into_str()),
            PayoutState::Failed { code } | PayoutState::Reopened { code } => Some(code),
            PayoutState::Collecting
            | PayoutState::Planned
            | PayoutState::Sending
            | PayoutState::Sent
            | PayoutState::Paid => None,
        }
    }
}

/// Why a creator is not paid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, IntoStaticStr)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case", const_into_str)]
pub enum SkipReason {
    /// The balance is below [`PAYOUT_MIN`].
    BelowMinimum,
    /// The Stripe account cannot receive transfers yet.
    AccountNotReady,
    /// Without the money held by disputes, the balance is below the minimum.
    FrozenDispute,
    /// The creator's debt exceeds the balance.
    NegativeBalance,
    /// The creator is banned or suspended.
    Banned,
    /// The issuer has not verified their e-mail address.
    EmailUnverified,
}

impl SkipReason {
    /// Why the member of `account` is not paid, whatever the balance.
    pub fn for_account(account: &Account, now: Timestamp) -> Option<SkipReason> {
        match (account.standing.allows(now), account.email_unverified) {
            (false, _) => Some(SkipReason::Banned),
            (true, true) => Some(SkipReason::EmailUnverified),
            (true, false) => None,
        }
    }
}

/// What a run does for a creator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PayoutDecision {
    /// Nothing, and no record of it.
    Nothing,
    /// Nothing is paid, and the creator sees why.
    Skip(SkipReason),
    /// The creator is paid.
    Pay,
}

impl CreatorBalance {
    /// The payable balance before holds by disputes: available less debt, in minor units.
    pub fn payable(&self) -> i64 {
        let owed = self.balances.owed(LedgerAccount::CreatorAvailable);
        owed - self.balances.of(LedgerAccount::CreatorDebt)
    }

    /// Whether a payout run should look at this creator.
    pub fn is_due(&self) -> bool {
        let moves = [LedgerAccount::CreatorAvailable, LedgerAccount::CreatorDebt];
        self.payout.is_some() || moves.iter().any(|account| self.balances.of(*account) != 0)
    }

    /// Decides what to do for a creator. `barred` is [`SkipReason::for_account`]; `ready` is
    /// whether the connected account can receive transfers.
    pub fn plan(&self, barred: Option<SkipReason>, ready: bool) -> PayoutDecision {
        let payable = self.payable();
        if !self.is_due() {
            PayoutDecision::Nothing
        } else if let Some(reason) = barred {
            PayoutDecision::Skip(reason)
        } else if payable < 0 {
            PayoutDecision::Skip(SkipReason::NegativeBalance)
        } else if payable < PAYOUT_MIN {
            PayoutDecision::Skip(SkipReason::BelowMinimum)
        } else if payable - self.frozen < PAYOUT_MIN {
            PayoutDecision::Skip(SkipReason::FrozenDispute)
        } else if !ready {
            PayoutDecision::Skip(SkipReason::AccountNotReady)
        } else {
            PayoutDecision::Pay
        }
    }
}

impl Payout {
    /// A new payout with no sales.
    pub fn new(
        id: PayoutId,
        (creator_id, date): (UserId, String),
        state: PayoutState,
        (amount, currency): (i64, Currency),
        now: Timestamp,
    ) -> Payout {
        Payout {
            id,
            creator_id,
            version: 0,
            date,
            currency,
            state,
            amount,
            collected: 0,
            settled: 0,
            reversed: 0,
            sales: 0,
            batches: 0,
            source: None,
            attempt: None,
            account: None,
            transfer: None,
            received: None,
            bank_payout: None,
            created_at: now,
            sent_at: None,
            paid_at: None,
        }
    }

    /// Whether a run has to advance it.
    pub const fn is_open(&self) -> bool {
        match self.state {
            PayoutState::Collecting
            | PayoutState::Planned
            | PayoutState::Sending
            | PayoutState::Failed { .. } => true,
            PayoutState::Skipped { .. }
            | PayoutState::Sent
            | PayoutState::Paid
            | PayoutState::Reopened { .. } => false,
        }
    }

    /// Whether its transfer is still to be made.
    pub const fn is_unsent(&self) -> bool {
        matches!(self.state, PayoutState::Collecting | PayoutState::Planned | PayoutState::Sending)
    }

    /// What is left of its transfer after reversals, in minor units.
    pub const fn standing(&self) -> i64 {
        if self.transfer.is_some() { self.amount - self.reversed } else { 0 }
    }

    /// The idempotency key for reversing the rest of its transfer.
    pub fn return_key(&self) -> String {
        self.cause(PayoutMove::Returned).to_string()
    }

    fn cause(&self, step: PayoutMove) -> Cause {
        Cause::Payout(self.id.clone(), step)
    }
}
