//! Paying creators: what a payout run decides, and what each update moves.
//!
//! A creator has at most one payout per date, and at most one open payout. Its id is made of
//! creator and date and is the idempotency key of the transfer, so concurrent and resumed runs work
//! on the same item.
//!
//! | state | meaning | next |
//! |---|---|---|
//! | `skipped` | nothing is paid on that date, for a reason shown to the creator | |
//! | `collecting` | payable sales are added in batches | `planned` |
//! | `planned` | its amount is fixed, less debt | `sending`; `failed` if the creator is banned |
//! | `sending` | the transfer is requested from Stripe under the payout's key | `sent`, `failed` |
//! | `sent` | the transfer is on the creator's connected account | `paid`, `failed` |
//! | `paid` | the bank received it | `failed`: banks return money days later |
//! | `failed` | its sales are detached in batches | `reopened`; `sent` if a bank retry follows |
//! | `reopened` | its sales are payable by another payout | |
//!
//! A payout's amount is frozen once sales are in it, because Stripe may know it. Later refunds and
//! disputes become creator debt ([`Sale::account`]), recovered by reversing a part of the transfer,
//! or else offset by the next payout.

use serde::{Deserialize, Serialize};

use super::{
    attempt::Attempt,
    journal::{Journal, LedgerAccount, Posting, Role, Unbalanced},
    listing_stats::CreatorBalance,
    sale::{Reversal, Sale},
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

/// The state of a payout; see the table above.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
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
    /// The name on the wire.
    pub const fn as_str(&self) -> &'static str {
        match self {
            PayoutState::Skipped { .. } => "skipped",
            PayoutState::Collecting => "collecting",
            PayoutState::Planned => "planned",
            PayoutState::Sending => "sending",
            PayoutState::Sent => "sent",
            PayoutState::Paid => "paid",
            PayoutState::Failed { .. } => "failed",
            PayoutState::Reopened { .. } => "reopened",
        }
    }
}

/// Why a creator is not paid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
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

    /// The name on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            SkipReason::BelowMinimum => "below_minimum",
            SkipReason::AccountNotReady => "account_not_ready",
            SkipReason::FrozenDispute => "frozen_dispute",
            SkipReason::NegativeBalance => "negative_balance",
            SkipReason::Banned => "banned",
            SkipReason::EmailUnverified => "email_unverified",
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

    /// What is left of its transfer after reversals, in minor units.
    pub const fn standing(&self) -> i64 {
        if self.transfer.is_some() { self.amount - self.reversed } else { 0 }
    }

    /// The idempotency key for reversing the rest of its transfer.
    pub fn return_key(&self) -> String {
        format!("payout:{}:returned", self.id)
    }
}

/// An update of a payout: everything that is written in one transaction. An update that does not
/// fit the payout's state changes nothing: another run made it.
#[derive(Debug, Clone)]
pub struct PayoutUpdate {
    /// The payout.
    pub payout: Payout,
    /// The creator's totals and balances.
    pub book: CreatorBalance,
    /// The sales it changes.
    pub sales: Vec<Sale>,
    /// New journals, to be appended.
    pub journals: Vec<Journal>,
}

impl PayoutUpdate {
    /// An update without changes so far.
    pub fn new(payout: Payout, book: CreatorBalance, sales: Vec<Sale>) -> PayoutUpdate {
        PayoutUpdate { payout, book, sales, journals: Vec::new() }
    }

    /// Adds the payable sales.
    ///
    /// # Errors
    /// Only if amounts overflow.
    pub fn collect(&mut self, now: Timestamp) -> Result<(), Unbalanced> {
        if self.payout.state != PayoutState::Collecting {
            return Ok(());
        }
        let mut sum = 0;
        for sale in self.sales.iter_mut().filter(|sale| sale.is_payable()) {
            sale.payout_id = Some(self.payout.id.clone());
            (sale.collected, sale.recovered) = (sale.kept.net, 0);
            sum += sale.collected;
            self.payout.sales += 1;
            let is_alone = self.payout.sales == 1;
            self.payout.source = sale.charge.clone().filter(|_| is_alone);
        }
        self.payout.batches += 1;
        self.payout.collected += sum;
        self.payout.amount = self.payout.collected;
        let cause = format!("payout:{}:in:{}", self.payout.id, self.payout.batches);
        let legs = [
            Posting::new(Role::Collected, LedgerAccount::CreatorAvailable, sum),
            Posting::new(Role::InPayout, LedgerAccount::CreatorInPayout, -sum),
        ];
        self.post(cause, legs, now)
    }

    /// Fixes its amount: what was collected, less debt. An amount below [`PAYOUT_MIN`] fails.
    ///
    /// # Errors
    /// Only if amounts overflow.
    pub fn plan(&mut self, now: Timestamp) -> Result<(), Unbalanced> {
        let payout = &mut self.payout;
        if payout.state != PayoutState::Collecting {
            return Ok(());
        }
        let debt = self.book.balances.of(LedgerAccount::CreatorDebt);
        payout.settled = debt.min(payout.collected);
        payout.amount = payout.collected - payout.settled;
        payout.state = PayoutState::Planned;
        if payout.settled < 0 {
            payout.source = None;
        }
        let (cause, settled) = (format!("payout:{}:plan", payout.id), payout.settled);
        let too_little = payout.amount < PAYOUT_MIN;
        self.post(cause, settlement(settled), now)?;
        if too_little {
            return self.fail(SkipReason::BelowMinimum.as_str(), now);
        }
        Ok(())
    }

    /// Records the destination account before the transfer is requested.
    pub fn send_to(&mut self, account: ConnectedAccountId, now: Timestamp) {
        if self.payout.state == PayoutState::Planned {
            self.payout.account = Some(account);
            self.payout.state = PayoutState::Sending;
            self.attempt(now);
        }
    }

    /// Records an attempt at its transfer or the transfer's reversal, before Stripe is asked again.
    pub fn attempt(&mut self, now: Timestamp) {
        let is_sent = self.payout.transfer.is_some();
        match self.payout.state {
            PayoutState::Sending => {}
            PayoutState::Failed { .. } if is_sent => {}
            PayoutState::Failed { .. }
            | PayoutState::Skipped { .. }
            | PayoutState::Collecting
            | PayoutState::Planned
            | PayoutState::Sent
            | PayoutState::Paid
            | PayoutState::Reopened { .. } => return,
        }
        self.payout.attempt = Some(Attempt::after(self.payout.attempt, now));
    }

    /// Records its transfer.
    ///
    /// # Errors
    /// Only if amounts overflow.
    pub fn sent(
        &mut self,
        (transfer, received): (TransferId, ReceivedId),
        now: Timestamp,
    ) -> Result<(), Unbalanced> {
        let payout = &mut self.payout;
        if payout.state != PayoutState::Sending {
            return Ok(());
        }
        (payout.transfer, payout.received) = (Some(transfer), Some(received));
        (payout.state, payout.sent_at) = (PayoutState::Sent, Some(now));
        self.book.payout = None;
        let (cause, amount) = (format!("payout:{}:sent", payout.id), payout.amount);
        let legs = [
            Posting::new(Role::InPayout, LedgerAccount::CreatorInPayout, amount),
            Posting::new(Role::Paid, LedgerAccount::CreatorPaid, -amount),
            Posting::new(Role::Transfer, LedgerAccount::Transferred, amount),
            Posting::new(Role::TransferCash, LedgerAccount::BuyerCash, -amount),
        ];
        self.post(cause, legs, now)
    }

    /// Records that the bank received it. Ignored if it failed or was already paid.
    pub fn paid(&mut self, bank_payout: BankPayoutId, now: Timestamp) {
        if self.payout.state == PayoutState::Sent {
            self.payout.state = PayoutState::Paid;
            (self.payout.bank_payout, self.payout.paid_at) = (Some(bank_payout), Some(now));
        }
    }

    /// Records that the bank returned it. The money stays on the connected account until
    /// [`PayoutUpdate::returned`].
    pub fn returned_by_bank(&mut self, bank_payout: BankPayoutId, code: &str) {
        if matches!(self.payout.state, PayoutState::Sent | PayoutState::Paid) {
            self.payout.state = PayoutState::Failed { code: code.to_owned() };
            (self.payout.bank_payout, self.payout.attempt) = (Some(bank_payout), None);
        }
    }

    /// Records that Stripe sent the returned money to a bank again: the payout did not fail after
    /// all.
    pub fn bank_retry(&mut self, bank_payout: BankPayoutId) {
        let failed = matches!(self.payout.state, PayoutState::Failed { .. });
        if failed && self.payout.transfer.is_some() {
            self.payout.state = PayoutState::Sent;
            self.payout.bank_payout = Some(bank_payout);
        }
    }

    /// Records that the rest of its transfer was reversed, after the bank returned it.
    ///
    /// # Errors
    /// Only if amounts overflow.
    pub fn returned(&mut self, now: Timestamp) -> Result<(), Unbalanced> {
        let payout = &mut self.payout;
        if !matches!(payout.state, PayoutState::Failed { .. }) || payout.transfer.is_none() {
            return Ok(());
        }
        let (rest, reversed) = (payout.standing(), payout.reversed);
        (payout.transfer, payout.received) = (None, None);
        let cause = format!("payout:{}:returned", payout.id);
        let (amount, settled) = (payout.amount, payout.settled);
        let legs = [
            Posting::new(Role::TransferCash, LedgerAccount::BuyerCash, rest),
            Posting::new(Role::Transfer, LedgerAccount::Transferred, -rest),
            Posting::new(Role::Paid, LedgerAccount::CreatorPaid, rest),
            Posting::new(Role::InPayout, LedgerAccount::CreatorInPayout, -amount),
            Posting::new(Role::DebtSettled, LedgerAccount::CreatorDebt, reversed),
        ];
        self.post(cause, legs, now)?;
        self.reverse_debt_offset(settled, now)
    }

    /// Fails it for good: Stripe refused, or the creator was banned meanwhile.
    ///
    /// # Errors
    /// Only if amounts overflow.
    pub fn fail(&mut self, code: &str, now: Timestamp) -> Result<(), Unbalanced> {
        if !matches!(self.payout.state, PayoutState::Planned | PayoutState::Sending) {
            return Ok(());
        }
        self.payout.state = PayoutState::Failed { code: code.to_owned() };
        let settled = self.payout.settled;
        self.reverse_debt_offset(settled, now)
    }

    fn reverse_debt_offset(&mut self, settled: i64, now: Timestamp) -> Result<(), Unbalanced> {
        self.payout.settled = 0;
        let cause = format!("payout:{}:unsettled", self.payout.id);
        self.post(cause, settlement(-settled), now)
    }

    /// Detaches the sales of a failed payout.
    ///
    /// # Errors
    /// Only if amounts overflow.
    pub fn detach_sales(&mut self, now: Timestamp) -> Result<(), Unbalanced> {
        if !matches!(self.payout.state, PayoutState::Failed { .. })
            || self.payout.transfer.is_some()
        {
            return Ok(());
        }
        let (mut collected, mut kept) = (0, 0);
        let frozen: i64 = self.sales.iter().map(Sale::frozen_part).sum();
        let id = self.payout.id.clone();
        for sale in self.sales.iter_mut().filter(|sale| sale.payout_id.as_ref() == Some(&id)) {
            collected += sale.collected;
            kept += sale.kept.net;
            sale.payout_id = None;
            (sale.collected, sale.recovered) = (0, 0);
            // Stripe counts what was reversed against the charge, and may have refused this charge.
            if self.payout.source.is_some() {
                sale.charge = None;
            }
            // The whole transfer was reversed, so nothing of it is left to recover.
            (sale.recovery, sale.recovery_refused) = (None, false);
            self.payout.sales = self.payout.sales.saturating_sub(1);
        }
        self.book.frozen += self.sales.iter().map(Sale::frozen_part).sum::<i64>() - frozen;
        self.payout.batches += 1;
        self.payout.collected -= collected;
        let cause = format!("payout:{id}:out:{}", self.payout.batches);
        let legs = [
            Posting::new(Role::InPayout, LedgerAccount::CreatorInPayout, collected),
            Posting::new(Role::Collected, LedgerAccount::CreatorAvailable, -kept),
            Posting::new(Role::DebtSettled, LedgerAccount::CreatorDebt, kept - collected),
        ];
        self.post(cause, legs, now)
    }

    /// Reopens it once all its sales are detached.
    pub fn reopen(&mut self) {
        let PayoutState::Failed { code } = &self.payout.state else { return };
        if self.payout.transfer.is_some() || self.payout.sales > 0 {
            return;
        }
        self.payout.state = PayoutState::Reopened { code: code.clone() };
        if self.book.payout.as_ref() == Some(&self.payout.id) {
            self.book.payout = None;
        }
    }

    /// How much of a sale's overpaid part can be recovered from this payout's transfer, in minor
    /// units: at most the debt, and at most what is left of the transfer.
    pub fn recoverable(&self, sale: &Sale) -> i64 {
        let debt = self.book.balances.of(LedgerAccount::CreatorDebt).max(0);
        let sent = matches!(self.payout.state, PayoutState::Sent | PayoutState::Paid);
        let left = if sent { self.payout.standing() } else { 0 };
        sale.overpaid().min(debt).min(left)
    }

    /// Records the reversal of a part of its transfer, for the one sale of this update.
    ///
    /// # Errors
    /// Only if amounts overflow.
    pub fn recovered(&mut self, recovery: Reversal, now: Timestamp) -> Result<(), Unbalanced> {
        let amount = recovery.amount;
        let noted = |sale: &&mut Sale| sale.recovery == Some(recovery);
        let Some(sale) = self.sales.first_mut().filter(noted) else { return Ok(()) };
        let cause = sale.reversal_key(recovery.number);
        sale.recovery = None;
        sale.recovered += amount;
        self.payout.reversed += amount;
        let legs = [
            Posting::new(Role::TransferCash, LedgerAccount::BuyerCash, amount),
            Posting::new(Role::Transfer, LedgerAccount::Transferred, -amount),
            Posting::new(Role::Paid, LedgerAccount::CreatorPaid, amount),
            Posting::new(Role::DebtSettled, LedgerAccount::CreatorDebt, -amount),
        ];
        self.post(cause, legs, now)
    }

    fn post(
        &mut self,
        cause: String,
        legs: impl IntoIterator<Item = Posting>,
        now: Timestamp,
    ) -> Result<(), Unbalanced> {
        let (about, currency) = (self.payout.id.to_string(), self.payout.currency);
        self.journals.extend(self.book.post(about, (cause, currency), legs, now)?);
        Ok(())
    }
}

fn settlement(settled: i64) -> [Posting; 2] {
    [
        Posting::new(Role::InPayout, LedgerAccount::CreatorInPayout, settled),
        Posting::new(Role::DebtSettled, LedgerAccount::CreatorDebt, -settled),
    ]
}
