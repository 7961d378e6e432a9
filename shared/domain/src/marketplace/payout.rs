//! Paying creators: what a run decides, and what each of its steps moves.
//!
//! A creator has at most one payout for each date, and at most one being made: its id is made of
//! both, and is the key under which Stripe is asked for the transfer. So two runs at once, or one
//! that is cut off and begun again, meet in the same item.
//!
//! | state | what holds | what comes next |
//! |---|---|---|
//! | `skipped` | nothing is paid that day, for a reason the creator is shown | another day |
//! | `collecting` | payable sales go into it, some at a time | more of them, then `planned` |
//! | `planned` | it has an amount, less what was owed to us | `sending`; `failed` if the creator was banned |
//! | `sending` | Stripe was or will be asked, under the payout's key, and no other | `sent`, `failed` |
//! | `sent` | the transfer stands on the creator's account at Stripe | `paid`, `failed` |
//! | `paid` | the bank has it | `failed`: banks return money days later |
//! | `failed` | its sales go out of it again, some at a time | `reopened`; `sent` if Stripe tries another bank first |
//! | `reopened` | its sales are payable, by another payout | |
//!
//! What changes in a sale after it went into a payout is never taken from that payout, whose amount
//! Stripe may know: it is on the creator's debt account ([`Sale::account`]), got back by reversing a
//! part of the transfer, or else evened out by the next payout.

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

/// The least that is paid out, in minor units.
pub const PAYOUT_MIN: i64 = 1_000;

/// A payout, or why there was none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Payout {
    /// Its name, and the key under which Stripe is asked for it.
    pub id: PayoutId,
    /// To whom.
    pub creator_id: UserId,
    /// Goes up by one with every write; zero before the first.
    pub version: u64,
    /// The day of the run, such as `2026-11-25`.
    pub date: String,
    /// Of every amount here.
    pub currency: Currency,
    /// How far it has come.
    #[serde(flatten)]
    pub state: PayoutState,
    /// What is or was to be sent, in minor units: what was collected less what was settled. Of a
    /// payout that was skipped, what there was to be paid.
    pub amount: i64,
    /// What its sales came to.
    #[serde(default)]
    pub collected: i64,
    /// What of that evens out what was owed to us; negative if we owed.
    #[serde(default)]
    pub settled: i64,
    /// What was got back of it by reversals.
    #[serde(default)]
    pub reversed: i64,
    /// How many sales are in it.
    #[serde(default)]
    pub sales: u32,
    /// How often sales went in or out: part of the cause of a journal.
    #[serde(default)]
    pub batches: u32,
    /// The charge its transfer is made of, if it is of one sale alone and no more than that. Such a
    /// transfer is made whatever our balance at Stripe is; a payout of many sales is one transfer
    /// all the same, which our balance has to cover.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<ChargeId>,
    /// The last attempt at its transfer; once a bank has returned it, at the return of that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attempt: Option<Attempt>,
    /// The account it goes to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<ConnectedAccountId>,
    /// The transfer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transfer: Option<TransferId>,
    /// What the creator's account received by it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub received: Option<ReceivedId>,
    /// What took it to the bank last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bank_payout: Option<BankPayoutId>,
    /// When it was begun.
    pub created_at: Timestamp,
    /// When the transfer was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sent_at: Option<Timestamp>,
    /// When the bank had it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paid_at: Option<Timestamp>,
}

/// How far a payout has come; see the table above.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum PayoutState {
    /// There was none.
    Skipped {
        /// Why.
        reason: SkipReason,
    },
    /// Sales go into it.
    Collecting,
    /// It has an amount.
    Planned,
    /// Stripe was or will be asked.
    Sending,
    /// The transfer was made.
    Sent,
    /// The bank has it.
    Paid,
    /// It will not be, or was returned.
    Failed {
        /// Stripe's code, or one of a [`SkipReason`].
        code: String,
    },
    /// It failed, and its sales are out of it.
    Reopened {
        /// Likewise.
        code: String,
    },
}

impl PayoutState {
    /// On the wire.
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
    /// There is less than [`PAYOUT_MIN`].
    BelowMinimum,
    /// Stripe does not know enough of them yet.
    AccountNotReady,
    /// Disputes keep so much that the rest is below the minimum.
    FrozenDispute,
    /// They owe us more than there is.
    NegativeBalance,
    /// They are banned or suspended.
    Banned,
    /// The issuer has not verified their e-mail address.
    EmailUnverified,
}

impl SkipReason {
    /// Why nothing is paid to the member of `account`, whatever their balance.
    pub fn for_account(account: &Account, now: Timestamp) -> Option<SkipReason> {
        match (account.standing.allows(now), account.email_unverified) {
            (false, _) => Some(SkipReason::Banned),
            (true, true) => Some(SkipReason::EmailUnverified),
            (true, false) => None,
        }
    }

    /// On the wire.
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

/// What a run does about a creator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PayoutDecision {
    /// There is nothing, and nothing to say.
    Nothing,
    /// Nothing is paid, and the creator is told why.
    Skip(SkipReason),
    /// They are paid.
    Pay,
}

impl CreatorBalance {
    /// What could be paid out if no dispute kept anything: what is available less what is owed, in
    /// minor units.
    pub fn payable(&self) -> i64 {
        let owed = self.balances.owed(LedgerAccount::CreatorAvailable);
        owed - self.balances.of(LedgerAccount::CreatorDebt)
    }

    /// Whether a run should look at it.
    pub fn is_due(&self) -> bool {
        let moves = [LedgerAccount::CreatorAvailable, LedgerAccount::CreatorDebt];
        self.payout.is_some() || moves.iter().any(|account| self.balances.of(*account) != 0)
    }

    /// What to do about a creator. `barred` is [`SkipReason::for_account`]; `ready` is whether their
    /// account at Stripe can be sent money.
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
    /// One that nothing was done for so far.
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

    /// Whether a run has to go on with it.
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

    /// What stands of its transfer on the creator's side, in minor units.
    pub const fn standing(&self) -> i64 {
        if self.transfer.is_some() { self.amount - self.reversed } else { 0 }
    }

    /// What the reversal of the rest of its transfer is called at Stripe.
    pub fn return_key(&self) -> String {
        format!("payout:{}:returned", self.id)
    }
}

/// A step of a payout: everything that is written at once. A step that does not fit the state the
/// payout is in changes nothing: somebody else has taken it.
#[derive(Debug, Clone)]
pub struct PayoutUpdate {
    /// The payout.
    pub payout: Payout,
    /// The creator's sums.
    pub book: CreatorBalance,
    /// The sales that move.
    pub sales: Vec<Sale>,
    /// What happened to money: only ever added to.
    pub journals: Vec<Journal>,
}

impl PayoutUpdate {
    /// Before anything moves.
    pub fn new(payout: Payout, book: CreatorBalance, sales: Vec<Sale>) -> PayoutUpdate {
        PayoutUpdate { payout, book, sales, journals: Vec::new() }
    }

    /// Puts the sales that are payable into it.
    ///
    /// # Errors
    /// Never, unless amounts overflow.
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

    /// Fixes its amount: what was collected, less what is owed. Less than [`PAYOUT_MIN`] is not
    /// paid.
    ///
    /// # Errors
    /// Never, unless amounts overflow.
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

    /// Notes that Stripe is asked for it, before it is.
    pub fn send_to(&mut self, account: ConnectedAccountId, now: Timestamp) {
        if self.payout.state == PayoutState::Planned {
            self.payout.account = Some(account);
            self.payout.state = PayoutState::Sending;
            self.attempt(now);
        }
    }

    /// Notes an attempt at its transfer or at the return of that, before Stripe is asked again.
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

    /// The transfer was made.
    ///
    /// # Errors
    /// Never, unless amounts overflow.
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

    /// The bank has it. One that failed stays so, and one the bank has already is not news.
    pub fn paid(&mut self, bank_payout: BankPayoutId, now: Timestamp) {
        if self.payout.state == PayoutState::Sent {
            self.payout.state = PayoutState::Paid;
            (self.payout.bank_payout, self.payout.paid_at) = (Some(bank_payout), Some(now));
        }
    }

    /// The bank returned it. Its money is still on the creator's account at Stripe, until
    /// [`Step::returned`].
    pub fn returned_by_bank(&mut self, bank_payout: BankPayoutId, code: &str) {
        if matches!(self.payout.state, PayoutState::Sent | PayoutState::Paid) {
            self.payout.state = PayoutState::Failed { code: code.to_owned() };
            (self.payout.bank_payout, self.payout.attempt) = (Some(bank_payout), None);
        }
    }

    /// After a bank returned it, Stripe has sent what stands on the creator's account to a bank
    /// again: it did not fail after all.
    pub fn bank_retry(&mut self, bank_payout: BankPayoutId) {
        let failed = matches!(self.payout.state, PayoutState::Failed { .. });
        if failed && self.payout.transfer.is_some() {
            self.payout.state = PayoutState::Sent;
            self.payout.bank_payout = Some(bank_payout);
        }
    }

    /// What was left of its transfer was reversed, after the bank returned it.
    ///
    /// # Errors
    /// Never, unless amounts overflow.
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

    /// It will never be sent: Stripe refused, or the creator was banned meanwhile.
    ///
    /// # Errors
    /// Never, unless amounts overflow.
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

    /// Puts the sales that are in it out of it again.
    ///
    /// # Errors
    /// Never, unless amounts overflow.
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
            // Stripe counts what was reversed, and may have refused this charge.
            if self.payout.source.is_some() {
                sale.charge = None;
            }
            // All of the transfer came back, so that nothing of it is to be got back any more.
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

    /// All its sales are out of it.
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

    /// How much of a sale's overpaid part can be got back from this payout's transfer: no more than
    /// is still owed, and no more than is left of it.
    pub fn recoverable(&self, sale: &Sale) -> i64 {
        let debt = self.book.balances.of(LedgerAccount::CreatorDebt).max(0);
        let sent = matches!(self.payout.state, PayoutState::Sent | PayoutState::Paid);
        let left = if sent { self.payout.standing() } else { 0 };
        sale.overpaid().min(debt).min(left)
    }

    /// A part of its transfer was reversed, for the one sale of this step.
    ///
    /// # Errors
    /// Never, unless amounts overflow.
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
