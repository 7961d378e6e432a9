//! `background-pay-creators`: every day, pays creators their balances.
//!
//! A run first completes payouts of earlier runs, then releases sales whose seven-day hold is over,
//! then pays every creator with at least ten dollars and a connected account that is ready; for the
//! others the reason is recorded. The day of a run is that of its event's `time`. A second run for
//! a day pays no creator twice: a creator's payout of a day has one id, which is also Stripe's
//! idempotency key.
//!
//! If a run is interrupted, the next run resumes each payout. A failure for one creator is counted,
//! with an alarm, and does not stop the others: the next run retries it. If Stripe or the table
//! does not answer at all, the run fails and EventBridge retries it.

use std::collections::BTreeMap;

use clients::{Stripe, stripe::Payouts};
use domain::{
    Timestamp,
    id::{PurchaseId, UserId},
    marketplace::creator::payout::{Payout, PayoutDecision, PayoutState},
    time::DAY,
};
use runtime::{Connect, Function, Metrics, Task, TaskError, Worker};
use settlement::{Payer, PayoutProgress, SettleError, Settlement};
use store::{Begun, SALES_AT_ONCE, Store};
use tracing::{info, warn};

pub const WORKER: Worker = Worker::new("background-pay-creators");

/// Index entries per page.
const PAGE: u16 = 100;
/// Most pages of each kind in one run: the rest follow the next day.
const TRIPS_MAX: u32 = 1_000;

/// The counts of a run, for its log line and metrics; amounts are in cents.
#[derive(Debug, Default)]
struct Tally {
    released: u64,
    recovered: u64,
    sent: u64,
    cents: u64,
    skipped: u64,
    refused: u64,
    stuck: u64,
    failed: u64,
}

/// The function of this worker.
pub fn function() -> Function {
    Function::schedule(WORKER, handle)
}

#[derive(Connect)]
struct Deps {
    store: Store,
    stripe: Stripe,
    payouts: Payouts,
}

async fn handle(Deps { store, stripe, payouts }: &Deps, task: Task) -> Result<(), TaskError> {
    let run = Run {
        store,
        payer: Payer::new(store, stripe, payouts),
        settlement: Settlement::new(store, stripe),
        now: task.now,
        midnight: task.sent_at.min(task.now).floor_to(DAY),
    };
    let mut tally = Tally::default();
    let done = run.whole(&mut tally).await;
    let Tally { released, recovered, sent, cents, skipped, refused, stuck, failed } = tally;
    info!(released, recovered, sent, cents, skipped, refused, stuck, failed, "payout run ended");
    Metrics::new()
        .count("PayoutsSent", sent)
        .count("PayoutCents", cents)
        .count("PayoutsSkipped", skipped)
        .count("TransfersRefused", refused)
        .count("PayoutsStuck", stuck)
        .count("PayoutFailures", failed)
        .count("RecoveredCents", recovered)
        .emit();
    Ok(done?)
}

struct Run<'a> {
    store: &'a Store,
    payer: Payer<'a>,
    settlement: Settlement<'a>,
    now: Timestamp,
    midnight: Timestamp,
}

impl Run<'_> {
    async fn whole(&self, tally: &mut Tally) -> Result<(), SettleError> {
        self.recover(tally).await?;
        self.go_on(tally).await?;
        self.release(tally).await?;
        self.pay(tally).await?;
        // A payout just sent may already be too much, and by tomorrow it is at the bank.
        self.recover(tally).await
    }

    /// Reverses transfers of amounts paid out in excess.
    async fn recover(&self, tally: &mut Tally) -> Result<(), SettleError> {
        let mut after: Option<PurchaseId> = None;
        for _ in 0..TRIPS_MAX {
            let page = self.store.overpaid_sales(after.as_ref(), PAGE).await?;
            let Some((_, last)) = page.last() else { break };
            after = Some(last.clone());
            for (creator, purchase) in &page {
                let back = self.payer.recover(creator, purchase, self.now).await;
                if let Some(back) = self.counted(creator, back, tally).await? {
                    tally.recovered += u64::try_from(back).unwrap_or(0);
                }
            }
        }
        Ok(())
    }

    /// Resumes unfinished payouts of any day.
    async fn go_on(&self, tally: &mut Tally) -> Result<(), SettleError> {
        let mut after = None;
        for _ in 0..TRIPS_MAX {
            let page = self.store.open_payouts(after.as_ref(), PAGE).await?;
            let Some((_, last)) = page.last() else { break };
            after = Some(last.clone());
            for (creator, id) in &page {
                let payout = self.store.payout(creator, id).await.map_err(SettleError::from);
                if let Some(payout) = self.counted(creator, payout, tally).await? {
                    self.carry_on(creator, payout, tally).await?;
                }
            }
        }
        Ok(())
    }

    /// Releases sales whose hold is over.
    async fn release(&self, tally: &mut Tally) -> Result<(), SettleError> {
        let mut after = None;
        for _ in 0..TRIPS_MAX {
            let page = self.store.due_sales(self.now, after.as_ref(), PAGE * 4).await?;
            let mut by_creator: BTreeMap<UserId, Vec<PurchaseId>> = BTreeMap::new();
            for (creator, purchase) in page.items {
                by_creator.entry(creator).or_default().push(purchase);
            }
            for (creator, sales) in &by_creator {
                for some in sales.chunks(usize::from(SALES_AT_ONCE)) {
                    let done = self.store.release_sales(creator, some, self.now).await;
                    let done = done.map_err(SettleError::from);
                    let released = self.counted(creator, done, tally).await?.unwrap_or(0);
                    tally.released += u64::try_from(released).unwrap_or(u64::MAX);
                }
            }
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        Ok(())
    }

    async fn pay(&self, tally: &mut Tally) -> Result<(), SettleError> {
        let mut after: Option<UserId> = None;
        for _ in 0..TRIPS_MAX {
            let page = self.store.due_creators(after.as_ref(), PAGE).await?;
            let Some(last) = page.last() else { break };
            after = Some(last.clone());
            for creator in &page {
                let begun = self.begin(creator).await;
                match self.counted(creator, begun, tally).await? {
                    Some(Begun::Skipped(payout)) => {
                        info!(
                            actor = %creator, date = payout.date, state = ?payout.state,
                            "payout skipped"
                        );
                        tally.skipped += 1;
                    }
                    Some(Begun::Open(payout)) => self.carry_on(creator, payout, tally).await?,
                    Some(Begun::Nothing | Begun::Over(_)) | None => {}
                }
            }
        }
        Ok(())
    }

    /// Begins a creator's payout of the day. Their connected account is refreshed from Stripe only
    /// if there is a balance to pay.
    async fn begin(&self, creator: &UserId) -> Result<Begun, SettleError> {
        let book = self.store.creator_book(creator).await?;
        if book.plan(None, true) == PayoutDecision::Pay {
            self.settlement.refresh_connected_account(creator, self.now).await?;
        }
        Ok(self.store.begin_payout(creator, self.midnight, self.now).await?)
    }

    async fn carry_on(
        &self,
        creator: &UserId,
        payout: Payout,
        tally: &mut Tally,
    ) -> Result<(), SettleError> {
        let progress = self.payer.advance(payout, self.now).await;
        match self.counted(creator, progress, tally).await? {
            Some(PayoutProgress::Over(payout)) if payout.state == PayoutState::Sent => {
                tally.sent += 1;
                tally.cents += u64::try_from(payout.amount).unwrap_or(0);
            }
            Some(PayoutProgress::Over(payout)) => {
                warn!(
                    actor = %creator, payout = %payout.id, state = ?payout.state,
                    "payout ended without being sent"
                );
            }
            Some(PayoutProgress::Refused(payout, code)) => {
                warn!(
                    actor = %creator, payout = %payout.id, code,
                    "transfer refused, payout reopened"
                );
                tally.refused += 1;
            }
            Some(PayoutProgress::Stuck(payout, code)) => {
                warn!(actor = %creator, payout = %payout.id, code, "payout stuck, resolve by hand");
                tally.stuck += 1;
            }
            None => {}
        }
        Ok(())
    }

    /// The result of a creator's step; `None` if it failed and the run may continue with the
    /// others.
    async fn counted<T>(
        &self,
        creator: &UserId,
        done: Result<T, SettleError>,
        tally: &mut Tally,
    ) -> Result<Option<T>, SettleError> {
        match done {
            Ok(done) => Ok(Some(done)),
            Err(error) => {
                warn!(actor = %creator, %error, "payout step failed, the next run retries");
                tally.failed += 1;
                self.settlement.check_answers(&error).await?;
                Ok(None)
            }
        }
    }
}
