//! Creator payouts: connected accounts, transfers, and reversals of overpaid sales.
//!
//! Every step is recorded before the request to Stripe and written after its answer, so that the
//! next run resumes an interrupted one. If an answer was lost or was a failure, its effect is
//! looked up at Stripe before the request is sent again, under the idempotency key of the next
//! attempt.

use clients::{
    Stripe,
    stripe::{BankPayoutState, NewTransfer, Payouts, StripeError, Transfer},
};
use domain::{
    Timestamp,
    billing::external::{BankPayoutId, ConnectedAccountId, TransferId},
    id::{PayoutId, PurchaseId, UserId},
    marketplace::{
        attempt::Attempt,
        journal::Unbalanced,
        payee::{Payee, PayeeState},
        payout::{Payout, PayoutState, PayoutUpdate, SkipReason},
        sale::{Reversal, Sale},
    },
    money::Money,
};
use store::{PageSize, SALES_AT_ONCE, Store};
use tracing::warn;

use crate::{EventOutcome, SettleError, Settlement};

/// Most steps of one payout in one call: adds some ten thousand sales, and detaches them again.
const STEPS_MAX: u32 = 1_000;

/// How far a payout was advanced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PayoutProgress {
    /// Finished, or on its way to the bank.
    Over(Payout),
    /// Stripe refused the transfer with this code. The sales are payable by another day's payout.
    Refused(Payout, String),
    /// Blocked for this reason; the next run retries it.
    Stuck(Payout, String),
}

impl Settlement<'_> {
    /// Refreshes a creator's connected account from Stripe and stores it; `None` if they have none.
    ///
    /// # Errors
    /// When Stripe or DynamoDB is unavailable.
    pub async fn refresh_connected_account(
        &self,
        creator: &UserId,
        now: Timestamp,
    ) -> Result<Option<Payee>, SettleError> {
        for _ in 0..crate::ROUNDS_MAX {
            let Some(read) = self.store.payee(creator).await? else { return Ok(None) };
            let found = match self.stripe.account(&read.account_id).await {
                Ok(found) => found,
                // Stripe no longer finds the account: it was closed.
                Err(StripeError::Missing) => {
                    let closed = Payee { ready: false, closed: true, ..read.clone() };
                    if self.store.put_payee(Some(&read), &closed).await? {
                        return Ok(Some(closed));
                    }
                    continue;
                }
                Err(error) => return Err(error.into()),
            };
            let after = Payee {
                ready: found.ready,
                closed: found.closed,
                requirements: found.requirements,
                looked_at: now,
                ..read.clone()
            };
            if self.store.put_payee(Some(&read), &after).await? {
                return Ok(Some(after));
            }
        }
        Err(SettleError::Busy)
    }

    /// Handles an event about a connected account.
    pub(crate) async fn process_account_event(
        &self,
        account: &ConnectedAccountId,
        now: Timestamp,
    ) -> Result<EventOutcome, SettleError> {
        match self.store.creator_of_account(account).await? {
            Some(creator) => {
                self.refresh_connected_account(&creator, now).await?;
                Ok(EventOutcome::Applied)
            }
            None => Ok(EventOutcome::NotOurs),
        }
    }

    /// Handles an event about a payout of a connected account to its bank.
    pub(crate) async fn process_bank_payout_event(
        &self,
        (account, id): (&ConnectedAccountId, &BankPayoutId),
        now: Timestamp,
    ) -> Result<EventOutcome, SettleError> {
        let Some(creator) = self.store.creator_of_account(account).await? else {
            return Ok(EventOutcome::NotOurs);
        };
        let bank = self.stripe.bank_payout(account, id).await?;
        let ours = self.store.payouts(&creator, PageSize::WHOLE, None).await?.items;
        let held = ours.iter().filter(|payout| {
            payout.received.as_ref().is_some_and(|received| bank.received.contains(received))
        });
        let mut outcome = Ok(EventOutcome::NotOurs);
        for payout in held {
            // A failure of one does not block the others; Stripe delivers the event again for it.
            let followed = self.apply_bank_event(payout, (id, &bank.state), now).await;
            if outcome.is_ok() {
                outcome = followed.map(|()| EventOutcome::Applied);
            }
        }
        outcome
    }

    async fn apply_bank_event(
        &self,
        payout: &Payout,
        (id, state): (&BankPayoutId, &BankPayoutState),
        now: Timestamp,
    ) -> Result<(), SettleError> {
        // A later bank payout may hold the money by now.
        let last = match state {
            BankPayoutState::Failed { .. } => self.last_bank_payout(payout).await?,
            BankPayoutState::Pending | BankPayoutState::Paid => None,
        };
        let last = last.unwrap_or_else(|| (id.clone(), state.clone()));
        self.follow_bank(payout, &last, now).await.map(drop)
    }

    /// Checks a sent payout at Stripe, in case its event was lost.
    ///
    /// # Errors
    /// When Stripe or DynamoDB is unavailable.
    pub async fn look_at_sent(
        &self,
        creator: &UserId,
        id: &PayoutId,
        now: Timestamp,
    ) -> Result<EventOutcome, SettleError> {
        let payout = self.store.payout(creator, id).await?;
        let Some(last) = self.last_bank_payout(&payout).await? else {
            return Ok(EventOutcome::Already);
        };
        let after = self.follow_bank(&payout, &last, now).await?;
        Ok(if after.state == payout.state { EventOutcome::Already } else { EventOutcome::Applied })
    }

    /// The newest bank payout that includes a payout of ours.
    async fn last_bank_payout(
        &self,
        payout: &Payout,
    ) -> Result<Option<(BankPayoutId, BankPayoutState)>, SettleError> {
        let (Some(account), Some(received)) = (&payout.account, &payout.received) else {
            return Ok(None);
        };
        for id in self.stripe.bank_payouts(account).await? {
            let bank = self.stripe.bank_payout(account, &id).await?;
            if bank.received.contains(received) {
                return Ok(Some((id, bank.state)));
            }
        }
        Ok(None)
    }

    async fn follow_bank(
        &self,
        payout: &Payout,
        (id, state): &(BankPayoutId, BankPayoutState),
        now: Timestamp,
    ) -> Result<Payout, SettleError> {
        let after = self
            .step(payout, (&[], now), |step| {
                match state {
                    BankPayoutState::Pending => {}
                    BankPayoutState::Paid => step.paid(id.clone(), now),
                    BankPayoutState::Failed { code } => step.returned_by_bank(id.clone(), code),
                }
                Ok(())
            })
            .await?;
        if let PayoutState::Failed { code } = &after.state {
            let (payout, actor) = (&after.id, &after.creator_id);
            warn!(%payout, %actor, code, "payout returned by the bank, the daily run reverses it");
        }
        Ok(after)
    }

    async fn step(
        &self,
        payout: &Payout,
        (sales, now): (&[PurchaseId], Timestamp),
        decide: impl Fn(&mut PayoutUpdate) -> Result<(), Unbalanced>,
    ) -> Result<Payout, SettleError> {
        let step = self.store.step_payout(&payout.creator_id, &payout.id, (sales, now), decide);
        Ok(step.await?.payout)
    }
}

/// Pays creators, with the Stripe client that may transfer money.
#[derive(Debug, Clone, Copy)]
pub struct Payer<'a> {
    settlement: Settlement<'a>,
    payouts: &'a Payouts,
}

impl<'a> Payer<'a> {
    /// A payer over this store and both Stripe clients.
    pub fn new(store: &'a Store, stripe: &'a Stripe, payouts: &'a Payouts) -> Payer<'a> {
        Payer { settlement: Settlement::new(store, stripe), payouts }
    }

    /// Advances a payout as far as possible.
    ///
    /// # Errors
    /// When Stripe or DynamoDB is unavailable. All progress is stored: call again.
    pub async fn advance(
        &self,
        mut payout: Payout,
        now: Timestamp,
    ) -> Result<PayoutProgress, SettleError> {
        let mut may_have_sent = payout.state == PayoutState::Sending;
        let mut refused = None;
        for _ in 0..STEPS_MAX {
            payout = match &payout.state {
                PayoutState::Collecting => self.collect(&payout, now).await?,
                PayoutState::Planned => self.address(&payout, now).await?,
                PayoutState::Sending if may_have_sent => {
                    match self.find_sent(&payout, now).await? {
                        Ok(sent) => sent,
                        Err(unsent) => self.send(&unsent, &mut refused, now).await?,
                    }
                }
                PayoutState::Sending => self.send(&payout, &mut refused, now).await?,
                PayoutState::Failed { code } => match self.detach_sales(&payout, now).await? {
                    Some(next) => next,
                    None => return Ok(PayoutProgress::Stuck(payout.clone(), code.clone())),
                },
                PayoutState::Skipped { .. }
                | PayoutState::Sent
                | PayoutState::Paid
                | PayoutState::Reopened { .. } => {
                    return Ok(match refused {
                        Some(code) => PayoutProgress::Refused(payout, code),
                        None => PayoutProgress::Over(payout),
                    });
                }
            };
            may_have_sent &= payout.state == PayoutState::Sending;
        }
        Ok(PayoutProgress::Stuck(payout, "too_many_steps".to_owned()))
    }

    /// Adds payable sales, or fixes the amount when there are no more.
    async fn collect(&self, payout: &Payout, now: Timestamp) -> Result<Payout, SettleError> {
        let sales = self.settlement.store.payable_sales(&payout.creator_id).await?;
        if !sales.is_empty() {
            let after =
                self.settlement.step(payout, (&sales, now), |step| step.collect(now)).await?;
            // The index may lag: if nothing changed, there is nothing more to collect now.
            if after.sales > payout.sales || after.state != payout.state {
                return Ok(after);
            }
        }
        self.settlement.step(payout, (&[], now), |step| step.plan(now)).await
    }

    /// Sets the destination account, or fails the payout if the creator cannot be paid now.
    async fn address(&self, payout: &Payout, now: Timestamp) -> Result<Payout, SettleError> {
        let creator = &payout.creator_id;
        let barred = self.settlement.store.barred_from_payouts(creator, now).await?;
        let payee = self.settlement.refresh_connected_account(creator, now).await?;
        let against = match &payee {
            _ if barred.is_some() => barred,
            payee if PayeeState::of(payee.as_ref()) == PayeeState::Ready => None,
            _ => Some(SkipReason::AccountNotReady),
        };
        match (against, payee) {
            (None, Some(payee)) => {
                let account = payee.account_id;
                self.settlement
                    .step(payout, (&[], now), |step| {
                        step.send_to(account.clone(), now);
                        Ok(())
                    })
                    .await
            }
            (against, _) => {
                let why = against.unwrap_or(SkipReason::AccountNotReady);
                self.settlement.step(payout, (&[], now), |step| step.fail(why.as_str(), now)).await
            }
        }
    }

    /// Looks up a transfer that may have been made. If there is none, returns the payout with the
    /// attempt to make now: it is recorded first, so that two keys are never in use at once.
    async fn find_sent(
        &self,
        payout: &Payout,
        now: Timestamp,
    ) -> Result<Result<Payout, Payout>, SettleError> {
        let noted = self.note_attempt(payout, now).await?;
        let Some(account) = noted.account.as_ref().filter(|_| noted.state == PayoutState::Sending)
        else {
            // Another run advanced it meanwhile.
            return Ok(Ok(noted));
        };
        match self.payouts.find_transfer(&noted.id, account, noted.created_at).await? {
            Some(transfer) => self.sent(&noted, &transfer, now).await.map(Ok),
            None => Ok(Err(noted)),
        }
    }

    /// Creates the transfer. If Stripe refuses it, the payout fails and `refused` gets the code.
    async fn send(
        &self,
        payout: &Payout,
        refused: &mut Option<String>,
        now: Timestamp,
    ) -> Result<Payout, SettleError> {
        let Some(account) = &payout.account else { return Err(SettleError::Busy) };
        let new = NewTransfer {
            payout: &payout.id,
            key: &Attempt::key(payout.attempt, payout.id.as_str()),
            user: &payout.creator_id,
            account,
            amount: Money { amount: payout.amount, currency: payout.currency },
            source: payout.source.as_ref(),
        };
        match self.payouts.transfer(&new).await {
            Ok(transfer) => self.sent(payout, &transfer, now).await,
            Err(error) => {
                let code = refusal(error)?;
                let failed = self.settlement.step(payout, (&[], now), |step| step.fail(&code, now));
                let failed = failed.await?;
                *refused = Some(code);
                Ok(failed)
            }
        }
    }

    async fn sent(
        &self,
        payout: &Payout,
        transfer: &Transfer,
        now: Timestamp,
    ) -> Result<Payout, SettleError> {
        self.settlement
            .step(payout, (&[], now), |step| {
                step.sent((transfer.id.clone(), transfer.received.clone()), now)
            })
            .await
    }

    async fn note_attempt(&self, payout: &Payout, now: Timestamp) -> Result<Payout, SettleError> {
        self.settlement
            .step(payout, (&[], now), |step| {
                step.attempt(now);
                Ok(())
            })
            .await
    }

    /// Takes a failed payout apart: reverses the rest of its transfer, then detaches its sales.
    /// `None` if the connected account lacks the money.
    async fn detach_sales(
        &self,
        payout: &Payout,
        now: Timestamp,
    ) -> Result<Option<Payout>, SettleError> {
        if payout.transfer.is_some() {
            let payout = &self.note_attempt(payout, now).await?;
            let Some(transfer) = &payout.transfer else { return Ok(Some(payout.clone())) };
            let (rest, name) = (payout.standing(), payout.return_key());
            let key = Attempt::key(payout.attempt, &name);
            if rest > 0 && !self.was_reversed(transfer, &name).await? {
                match self.payouts.reverse(transfer, rest, (&name, &key)).await {
                    Ok(_) => {}
                    Err(error) => {
                        let code = refusal(error)?;
                        warn!(payout = %payout.id, code, "payout reversal refused, transfer stays");
                        return self.bank_retry(payout, now).await;
                    }
                }
            }
            return self
                .settlement
                .step(payout, (&[], now), |step| step.returned(now))
                .await
                .map(Some);
        }
        let sales = self.settlement.store.sales_in(payout).await?;
        if sales.is_empty() {
            let reopened = self.settlement.step(payout, (&[], now), |step| {
                step.payout.sales = 0;
                step.reopen();
                Ok(())
            });
            return reopened.await.map(Some);
        }
        let mut after = payout.clone();
        for some in sales.chunks(usize::from(SALES_AT_ONCE)) {
            after =
                self.settlement.step(&after, (some, now), |step| step.detach_sales(now)).await?;
        }
        Ok(Some(after))
    }

    /// The connected account lacks the money: it may have been paid to another bank account.
    async fn bank_retry(
        &self,
        payout: &Payout,
        now: Timestamp,
    ) -> Result<Option<Payout>, SettleError> {
        let last = self.settlement.last_bank_payout(payout).await?;
        let Some((id, state)) = last.filter(|(id, _)| payout.bank_payout.as_ref() != Some(id))
        else {
            return Ok(None);
        };
        if let BankPayoutState::Failed { .. } = state {
            return Ok(None);
        }
        let after = self.settlement.step(payout, (&[], now), |step| {
            step.bank_retry(id.clone());
            if state == BankPayoutState::Paid {
                step.paid(id.clone(), now);
            }
            Ok(())
        });
        after.await.map(Some)
    }

    /// Recovers what was overpaid for a sale: reverses it if the connected account has the money;
    /// otherwise it stays creator debt. Returns the reversed amount, in minor units.
    ///
    /// # Errors
    /// When Stripe or DynamoDB is unavailable. All progress is stored: call again.
    pub async fn recover(
        &self,
        creator: &UserId,
        purchase: &PurchaseId,
        now: Timestamp,
    ) -> Result<i64, SettleError> {
        let sale = self.settlement.store.sale(creator, purchase).await?;
        let Some(payout) = &sale.payout_id else { return Ok(0) };
        let payout = self.settlement.store.payout(creator, payout).await?;
        let only = std::slice::from_ref(purchase);
        let noted = self
            .settlement
            .store
            .step_payout(creator, &payout.id, (only, now), |step| {
                note_recovery(step, now);
            })
            .await?;
        let noted_for = noted.sales.first().and_then(|sale| Some((sale.recovery?, sale)));
        let (Some((recovery, noted_on)), Some(transfer)) = (noted_for, &noted.payout.transfer)
        else {
            return Ok(0);
        };
        let name = sale.reversal_key(recovery.number);
        let key = Attempt::key(noted_on.recovery_attempt, &name);
        // A reversal that was recorded before may have been made already.
        let again = sale.recovery == Some(recovery);
        let done = again && self.was_reversed(transfer, &name).await?;
        let refused = match done {
            true => None,
            false => match self.payouts.reverse(transfer, recovery.amount, (&name, &key)).await {
                Ok(_) => None,
                Err(error) => Some(refusal(error)?),
            },
        };
        self.end_recovery(&noted.payout, (purchase, recovery), refused.as_deref(), now).await
    }

    async fn end_recovery(
        &self,
        payout: &Payout,
        (purchase, recovery): (&PurchaseId, Reversal),
        refused: Option<&str>,
        now: Timestamp,
    ) -> Result<i64, SettleError> {
        if let Some(code) = refused {
            let actor = &payout.creator_id;
            warn!(%purchase, %actor, code, "reversal refused, the amount stays creator debt");
        }
        self.settlement
            .step(payout, (std::slice::from_ref(purchase), now), |step| match refused {
                None => step.recovered(recovery, now),
                Some(_) => {
                    let sale = step.sales.first_mut().filter(|it| it.recovery == Some(recovery));
                    sale.into_iter().for_each(Sale::write_off);
                    Ok(())
                }
            })
            .await?;
        Ok(if refused.is_none() { recovery.amount } else { 0 })
    }

    async fn was_reversed(&self, transfer: &TransferId, name: &str) -> Result<bool, SettleError> {
        let reversals = self.payouts.reversals(transfer).await?;
        Ok(reversals.iter().any(|it| it.name.as_deref() == Some(name)))
    }
}

/// Stripe's code, if it refused the request. A refused API key (401, 403) is our own fault and is
/// returned as an error.
fn refusal(error: StripeError) -> Result<String, SettleError> {
    match error {
        StripeError::Refused { status, code, message, .. } if !matches!(status, 401 | 403) => {
            warn!(status, code, %message, "Stripe refused a transfer or a reversal");
            Ok(code.unwrap_or_else(|| "refused".to_owned()))
        }
        StripeError::Refused { .. }
        | StripeError::Missing
        | StripeError::Unreached { .. }
        | StripeError::Unknown { .. } => Err(error.into()),
    }
}

/// Records the amount to reverse for the one sale of a step, unless it is recorded or zero, and the
/// attempt at it. What later payouts have offset is not reversed.
fn note_recovery(step: &mut PayoutUpdate, now: Timestamp) {
    note_amount(step);
    let noted = step.sales.first_mut().filter(|sale| sale.recovery.is_some());
    if let Some(sale) = noted {
        sale.recovery_attempt = Some(Attempt::after(sale.recovery_attempt, now));
    }
}

fn note_amount(step: &mut PayoutUpdate) {
    let Some(sale) = step.sales.first() else { return };
    if sale.recovery.is_some() || !sale.is_to_be_recovered() {
        return;
    }
    let sent = matches!(step.payout.state, PayoutState::Sent | PayoutState::Paid);
    let amount = step.recoverable(sale);
    let Some(sale) = step.sales.first_mut() else { return };
    match amount {
        1.. => {
            sale.begin_reversal(amount);
        }
        _ if sent => sale.write_off(),
        _ => {}
    }
}
