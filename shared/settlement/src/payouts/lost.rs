//! Transfers that exist at Stripe and whose payouts the table has lost.
//!
//! A table that is restored to a time before a payout forgets its transfer: the sales are payable
//! again, and the next day's payout, under another id, would pay them a second time. So before a
//! payout is advanced to its transfer, the transfers to its creator are looked up.
//!
//! * Its own transfer is adopted with the amount that was sent.
//! * If there are others that no payout records, this payout is not sent. Its sales are detached.
//!   Then each lost payout, oldest first, is opened again under its id, collects the sales that were
//!   payable then, and adopts its transfer. The next day's payout pays what is left.
//!
//! A transfer that was reversed completely moved no money and is ignored.

use std::time::Duration;

use clients::stripe::Transfer;
use domain::{
    Timestamp,
    id::UserId,
    marketplace::creator::{
        cause::Cause,
        payout::{Payout, PayoutState, update::SentTransfer},
        sale::Reversal,
    },
    time::DAY,
};
use store::PageSize;
use tracing::warn;

use super::{Payer, STEPS_MAX};
use crate::SettleError;

/// How far back a table may be restored, and a day more: point-in-time recovery keeps 35 days.
const RESTORABLE: Duration = DAY.saturating_mul(36);

impl Payer<'_> {
    /// Looks up the transfers to the creator of a payout that is not sent. Returns the payout as it
    /// is after that, and the transfers to adopt once it is closed, oldest first.
    ///
    /// An attempt is recorded before the lookup, so that two idempotency keys are never in use at
    /// once.
    pub(super) async fn look_up_transfers(
        &self,
        payout: Payout,
        now: Timestamp,
    ) -> Result<(Payout, Vec<Transfer>), SettleError> {
        let payout = match payout.state == PayoutState::Sending {
            true => self.note_attempt(&payout, now).await?,
            false => payout,
        };
        if !payout.is_unsent() {
            return Ok((payout, Vec::new()));
        }
        let creator = &payout.creator_id;
        let since = payout.created_at.min(now.minus(RESTORABLE));
        let made = self.payouts.transfers_to(creator, since).await?;
        let lost = self.lost(creator, &made).await?;
        let own = made.iter().find(|it| it.payout.as_ref() == Some(&payout.id));
        match own {
            Some(own) if lost.iter().all(|it| it.id == own.id) => {
                return Ok((self.adopt(payout, own, now).await?, Vec::new()));
            }
            None if lost.is_empty() => return Ok((payout, lost)),
            Some(_) | None => {}
        }
        let failed =
            self.settlement.step(&payout, (&[], now), |step| step.fail("transfer_lost", now));
        Ok((failed.await?, lost))
    }

    /// Opens the payout of a lost transfer again, and adopts the transfer. `false` if the table has
    /// that payout in a state that does not fit.
    pub(super) async fn adopt_lost(
        &self,
        creator: &UserId,
        transfer: &Transfer,
        now: Timestamp,
    ) -> Result<bool, SettleError> {
        let Some(id) = &transfer.payout else { return Ok(false) };
        let store = self.settlement.store;
        let Some(payout) = store.open_lost_payout(creator, id, transfer.created_at).await? else {
            warn!(payout = %id, actor = %creator, transfer = %transfer.id,
                "transfer belongs to a payout in another state, resolve by hand");
            return Ok(false);
        };
        self.adopt(payout, transfer, now).await?;
        Ok(true)
    }

    /// The transfers that no payout records, oldest first.
    async fn lost(
        &self,
        creator: &UserId,
        made: &[Transfer],
    ) -> Result<Vec<Transfer>, SettleError> {
        let moved = |it: &&Transfer| it.payout.is_some() && it.reversed < it.amount.amount;
        let mut lost: Vec<Transfer> = made.iter().filter(moved).cloned().collect();
        if !lost.is_empty() {
            // At most one a day, so these are those of more than three months.
            let known = self.settlement.store.payouts(creator, PageSize::WHOLE, None).await?.items;
            lost.retain(|it| known.iter().all(|payout| payout.transfer.as_ref() != Some(&it.id)));
        }
        lost.sort_by_key(|it| it.created_at);
        Ok(lost)
    }

    /// Records a transfer that was found, as what it is: made, or made and reversed.
    async fn adopt(
        &self,
        mut payout: Payout,
        found: &Transfer,
        now: Timestamp,
    ) -> Result<Payout, SettleError> {
        let (id, actor, transfer) = (payout.id.clone(), payout.creator_id.clone(), &found.id);
        warn!(payout = %id, %actor, %transfer, "transfer found at Stripe, the payout adopts it");
        if found.reversed >= found.amount.amount {
            let step = self.settlement.step(&payout, (&[], now), |step| step.fail("returned", now));
            return step.await;
        }
        for _ in 0..STEPS_MAX {
            if payout.state != PayoutState::Collecting {
                break;
            }
            let Some(more) = self.collect(&payout, now).await? else { break };
            payout = more;
        }
        let sent = self.as_sent(found).await?;
        let sales: Vec<_> = sent.reversals.iter().map(|(purchase, _)| purchase.clone()).collect();
        self.settlement.step(&payout, (&sales, now), |step| step.adopt(&sent, now)).await
    }

    /// A transfer with the reversals that were made of it.
    async fn as_sent(&self, found: &Transfer) -> Result<SentTransfer, SettleError> {
        let reversals = match found.reversed {
            0 => Vec::new(),
            _ => self.payouts.reversals(&found.id).await?,
        };
        let reversals = reversals.into_iter().filter_map(|it| {
            let Ok(Cause::TransferReversal { purchase, number }) = it.name?.parse() else {
                return None;
            };
            Some((purchase, Reversal { number, amount: it.amount }))
        });
        Ok(SentTransfer {
            transfer: found.id.clone(),
            received: found.received.clone(),
            account: found.account.clone(),
            amount: found.amount.amount,
            sent_at: found.created_at,
            reversed: found.reversed,
            reversals: reversals.collect(),
        })
    }
}
