//! The transitions of a payout, each with everything that it changes in one transaction.

use super::{PAYOUT_MIN, Payout, PayoutState, SkipReason};
use crate::{
    billing::external::{BankPayoutId, ConnectedAccountId, ReceivedId, TransferId},
    id::PurchaseId,
    marketplace::creator::{
        attempt::Attempt,
        balance::CreatorBalance,
        cause::{Cause, PayoutMove},
        journal::{Journal, LedgerAccount, Posting, Role, Unbalanced},
        sale::{Reversal, Sale},
    },
    time::Timestamp,
};

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

/// A transfer of a payout as Stripe states it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SentTransfer {
    /// Stripe's id.
    pub transfer: TransferId,
    /// The payment that the connected account received.
    pub received: ReceivedId,
    /// The connected account.
    pub account: ConnectedAccountId,
    /// The amount sent, in minor units.
    pub amount: i64,
    /// When it was made.
    pub sent_at: Timestamp,
    /// The part that was reversed, in minor units.
    pub reversed: i64,
    /// The reversals of which it consists, by the sale that each is for.
    pub reversals: Vec<(PurchaseId, Reversal)>,
}

impl PayoutUpdate {
    /// An update without changes so far.
    pub fn new(payout: Payout, book: CreatorBalance, sales: Vec<Sale>) -> PayoutUpdate {
        PayoutUpdate { payout, book, sales, journals: Vec::new() }
    }

    /// Adds the payable sales whose hold ended before it was created.
    ///
    /// # Errors
    /// Only if amounts overflow.
    pub fn collect(&mut self, now: Timestamp) -> Result<(), Unbalanced> {
        if self.payout.state != PayoutState::Collecting {
            return Ok(());
        }
        let mut sum = 0;
        let until = self.payout.created_at;
        let due = |sale: &&mut Sale| sale.is_payable() && sale.hold_until <= until;
        for sale in self.sales.iter_mut().filter(due) {
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
        let collected = PayoutMove::Collected(self.payout.batches);
        let legs = [
            Posting::new(Role::Collected, LedgerAccount::CreatorAvailable, sum),
            Posting::new(Role::InPayout, LedgerAccount::CreatorInPayout, -sum),
        ];
        self.post_move(collected, legs, now)
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
        let (settled, too_little) = (payout.settled, payout.amount < PAYOUT_MIN);
        self.post_move(PayoutMove::Planned, settlement(settled), now)?;
        if too_little {
            return self.fail(SkipReason::BelowMinimum.into_str(), now);
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
        let amount = payout.amount;
        let legs = [
            Posting::new(Role::InPayout, LedgerAccount::CreatorInPayout, amount),
            Posting::new(Role::Paid, LedgerAccount::CreatorPaid, -amount),
            Posting::new(Role::Transfer, LedgerAccount::Transferred, amount),
            Posting::new(Role::TransferCash, LedgerAccount::BuyerCash, -amount),
        ];
        self.post_move(PayoutMove::Sent, legs, now)
    }

    /// Records its transfer that was found at Stripe: of the amount that was sent, whatever its
    /// sales are worth by now. The difference is debt, in the creator's favor if the sales are worth
    /// more. What was reversed for its sales is recovered.
    ///
    /// # Errors
    /// Only if amounts overflow.
    pub fn adopt(&mut self, found: &SentTransfer, now: Timestamp) -> Result<(), Unbalanced> {
        let payout = &mut self.payout;
        if !payout.is_unsent() {
            return Ok(());
        }
        let planned = payout.amount;
        payout.settled += planned - found.amount;
        (payout.amount, payout.reversed) = (found.amount, found.reversed);
        payout.account = Some(found.account.clone());
        payout.transfer = Some(found.transfer.clone());
        payout.received = Some(found.received.clone());
        (payout.state, payout.sent_at) = (PayoutState::Sent, Some(found.sent_at));
        self.book.payout = None;
        for (purchase, reversal) in &found.reversals {
            let theirs = |sale: &&mut Sale| {
                sale.purchase_id == *purchase && sale.payout_id.as_ref() == Some(&self.payout.id)
            };
            if let Some(sale) = self.sales.iter_mut().find(theirs) {
                sale.recovered += reversal.amount;
                sale.recoveries = sale.recoveries.max(reversal.number);
            }
        }
        let left = found.amount - found.reversed;
        let legs = [
            Posting::new(Role::InPayout, LedgerAccount::CreatorInPayout, planned),
            Posting::new(Role::Paid, LedgerAccount::CreatorPaid, -left),
            Posting::new(Role::Transfer, LedgerAccount::Transferred, left),
            Posting::new(Role::TransferCash, LedgerAccount::BuyerCash, -left),
            Posting::new(Role::DebtSettled, LedgerAccount::CreatorDebt, left - planned),
        ];
        self.post_move(PayoutMove::Sent, legs, now)
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
        let (amount, settled) = (payout.amount, payout.settled);
        let legs = [
            Posting::new(Role::TransferCash, LedgerAccount::BuyerCash, rest),
            Posting::new(Role::Transfer, LedgerAccount::Transferred, -rest),
            Posting::new(Role::Paid, LedgerAccount::CreatorPaid, rest),
            Posting::new(Role::InPayout, LedgerAccount::CreatorInPayout, -amount),
            Posting::new(Role::DebtSettled, LedgerAccount::CreatorDebt, reversed),
        ];
        self.post_move(PayoutMove::Returned, legs, now)?;
        self.reverse_debt_offset(settled, now)
    }

    /// Fails it for good: Stripe refused, the creator was banned meanwhile, or another transfer was
    /// found that no payout records.
    ///
    /// # Errors
    /// Only if amounts overflow.
    pub fn fail(&mut self, code: &str, now: Timestamp) -> Result<(), Unbalanced> {
        if !self.payout.is_unsent() {
            return Ok(());
        }
        self.payout.state = PayoutState::Failed { code: code.to_owned() };
        let settled = self.payout.settled;
        self.reverse_debt_offset(settled, now)
    }

    fn reverse_debt_offset(&mut self, settled: i64, now: Timestamp) -> Result<(), Unbalanced> {
        self.payout.settled = 0;
        self.post_move(PayoutMove::Unsettled, settlement(-settled), now)
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
        let detached = PayoutMove::Detached(self.payout.batches);
        let legs = [
            Posting::new(Role::InPayout, LedgerAccount::CreatorInPayout, collected),
            Posting::new(Role::Collected, LedgerAccount::CreatorAvailable, -kept),
            Posting::new(Role::DebtSettled, LedgerAccount::CreatorDebt, kept - collected),
        ];
        self.post_move(detached, legs, now)
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
        let cause = sale.reversal_cause(recovery.number);
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

    fn post_move(
        &mut self,
        step: PayoutMove,
        legs: impl IntoIterator<Item = Posting>,
        now: Timestamp,
    ) -> Result<(), Unbalanced> {
        self.post(self.payout.cause(step), legs, now)
    }

    fn post(
        &mut self,
        cause: Cause,
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
