//! Creator payouts: from the collection of sales to the transfer, or to its reversal.
//!
//! Every step is recorded before the request to Stripe and written after its answer, so that the
//! next run resumes an interrupted one. If an answer was lost or was a failure, its effect is
//! looked up at Stripe before the request is sent again, under the idempotency key of the next
//! attempt.
//!
//! The same lookup makes a restored table safe ([`lost`]): it shows the transfers whose payouts the
//! table has lost.

mod bank;
mod lost;
mod recovery;

use clients::{
    Stripe,
    stripe::{BankPayoutState, NewTransfer, Payouts, StripeError, Transfer},
};
use domain::{
    Timestamp,
    billing::external::TransferId,
    marketplace::creator::{
        attempt::Attempt,
        payee::PayeeState,
        payout::{Payout, PayoutState, SkipReason},
    },
    money::Money,
};
use store::{SALES_AT_ONCE, Store};
use tracing::warn;

use crate::{SettleError, Settlement};

/// Most steps of one payout in one call: adds some ten thousand sales, and detaches them again.
const STEPS_MAX: u32 = 1_000;

/// How far a payout was advanced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PayoutProgress {
    /// Finished, or on its way to the bank.
    Over(Payout),
    /// Stripe refused the transfer with this code. The sales are payable by another day's payout.
    Refused(Payout, String),
    /// Blocked for this reason; the run of the next day retries it.
    Stuck(Payout, String),
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
        payout: Payout,
        now: Timestamp,
    ) -> Result<PayoutProgress, SettleError> {
        let (mut payout, lost) = self.look_up_transfers(payout, now).await?;
        let mut refused = None;
        for _ in 0..STEPS_MAX {
            payout = match &payout.state {
                PayoutState::Collecting => match self.collect(&payout, now).await? {
                    Some(more) => more,
                    None => self.plan(&payout, now).await?,
                },
                PayoutState::Planned => self.address(&payout, now).await?,
                PayoutState::Sending => self.send(&payout, &mut refused, now).await?,
                PayoutState::Failed { code } => match self.detach_sales(&payout, now).await? {
                    Some(next) => next,
                    None => return Ok(PayoutProgress::Stuck(payout.clone(), code.clone())),
                },
                PayoutState::Skipped { .. }
                | PayoutState::Sent
                | PayoutState::Paid
                | PayoutState::Reopened { .. } => {
                    for transfer in &lost {
                        if !self.adopt_lost(&payout.creator_id, transfer, now).await? {
                            let why = "transfer_of_another_state".to_owned();
                            return Ok(PayoutProgress::Stuck(payout, why));
                        }
                    }
                    return Ok(match refused {
                        Some(code) => PayoutProgress::Refused(payout, code),
                        None => PayoutProgress::Over(payout),
                    });
                }
            };
        }
        Ok(PayoutProgress::Stuck(payout, "too_many_steps".to_owned()))
    }

    /// Adds payable sales; `None` when there are no more.
    async fn collect(
        &self,
        payout: &Payout,
        now: Timestamp,
    ) -> Result<Option<Payout>, SettleError> {
        let sales = self.settlement.store.payable_sales(&payout.creator_id).await?;
        if sales.is_empty() {
            return Ok(None);
        }
        let after = self.settlement.step(payout, (&sales, now), |step| step.collect(now)).await?;
        // The index may lag: if nothing changed, there is nothing more to collect now.
        Ok((after.sales > payout.sales || after.state != payout.state).then_some(after))
    }

    /// Fixes its amount.
    async fn plan(&self, payout: &Payout, now: Timestamp) -> Result<Payout, SettleError> {
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
                self.settlement
                    .step(payout, (&[], now), |step| step.fail(why.into_str(), now))
                    .await
            }
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
            if rest > 0 && self.reversed_as(transfer, &name).await?.is_none() {
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

    /// The amount of a reversal that was made under this name, in minor units.
    async fn reversed_as(
        &self,
        transfer: &TransferId,
        name: &str,
    ) -> Result<Option<i64>, SettleError> {
        let reversals = self.payouts.reversals(transfer).await?;
        let made = reversals.into_iter().find(|it| it.name.as_deref() == Some(name));
        Ok(made.map(|it| it.amount))
    }
}

/// Stripe's code, if it refused the request. A refused API key is our own fault and is returned as
/// an error.
fn refusal(error: StripeError) -> Result<String, SettleError> {
    if error.is_unauthorized() {
        return Err(error.into());
    }
    match error {
        StripeError::Refused { status, code, message, .. } => {
            warn!(status, code, %message, "Stripe refused a transfer or a reversal");
            Ok(code.unwrap_or_else(|| "refused".to_owned()))
        }
        StripeError::Missing | StripeError::Unreached { .. } | StripeError::Unknown { .. } => {
            Err(error.into())
        }
    }
}
