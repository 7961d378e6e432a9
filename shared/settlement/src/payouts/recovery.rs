//! Recovers what was overpaid for a sale, by reversing a part of its transfer.

use domain::{
    Timestamp,
    id::{PurchaseId, UserId},
    marketplace::creator::{
        attempt::Attempt,
        payout::{Payout, PayoutState, update::PayoutUpdate},
        sale::Reversal,
    },
};
use tracing::warn;

use super::{Payer, refusal};
use crate::SettleError;

impl Payer<'_> {
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
        let name = sale.reversal_cause(recovery.number).to_string();
        let key = Attempt::key(noted_on.recovery_attempt, &name);
        // It may have been made already: by a run that was interrupted, or before the table was
        // restored, then maybe of another amount.
        let made = match self.reversed_as(transfer, &name).await? {
            Some(amount) => Ok(amount),
            None => match self.payouts.reverse(transfer, recovery.amount, (&name, &key)).await {
                Ok(_) => Ok(recovery.amount),
                Err(error) => Err(refusal(error)?),
            },
        };
        self.end_recovery(&noted.payout, (purchase, recovery), made, now).await
    }

    /// Records the amount that was reversed, or the code with which Stripe refused it.
    async fn end_recovery(
        &self,
        payout: &Payout,
        (purchase, recovery): (&PurchaseId, Reversal),
        made: Result<i64, String>,
        now: Timestamp,
    ) -> Result<i64, SettleError> {
        if let Err(code) = &made {
            let actor = &payout.creator_id;
            warn!(%purchase, %actor, code, "reversal refused, the amount stays creator debt");
        }
        self.settlement
            .step(payout, (std::slice::from_ref(purchase), now), |step| {
                let Some(sale) = step.sales.first_mut().filter(|it| it.recovery == Some(recovery))
                else {
                    return Ok(());
                };
                match &made {
                    Ok(amount) => {
                        let made = Reversal { amount: *amount, ..recovery };
                        sale.recovery = Some(made);
                        step.recovered(made, now)
                    }
                    Err(_) => {
                        sale.write_off();
                        Ok(())
                    }
                }
            })
            .await?;
        Ok(made.unwrap_or(0))
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
