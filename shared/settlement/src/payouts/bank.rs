//! Connected accounts, and what their banks made of our payouts.

use clients::stripe::{BankPayoutState, StripeError};
use domain::{
    Timestamp,
    billing::external::{BankPayoutId, ConnectedAccountId},
    id::{PayoutId, PurchaseId, UserId},
    marketplace::creator::{
        journal::Unbalanced,
        payee::Payee,
        payout::{Payout, PayoutState, update::PayoutUpdate},
    },
};
use store::PageSize;
use tracing::warn;

use crate::{EventOutcome, SettleError, Settlement};

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
    pub(super) async fn last_bank_payout(
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

    /// One update of a payout.
    pub(super) async fn step(
        &self,
        payout: &Payout,
        (sales, now): (&[PurchaseId], Timestamp),
        decide: impl Fn(&mut PayoutUpdate) -> Result<(), Unbalanced>,
    ) -> Result<Payout, SettleError> {
        let step = self.store.step_payout(&payout.creator_id, &payout.id, (sales, now), decide);
        Ok(step.await?.payout)
    }
}
