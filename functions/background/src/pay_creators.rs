//! `background-pay-creators`: every day, pays creators their balances.
//!
//! A run first completes payouts of earlier runs, then releases sales whose seven-day hold is over,
//! then pays every creator with at least ten dollars and a connected account that is ready; for the
//! others the reason is recorded. A second run for a day pays no creator twice: a creator's payout
//! of a day has one id, which is also Stripe's idempotency key.
//!
//! Creators are paid several at a time, and none waits for another. A day may take several runs
//! (`day`): a schedule starts one every five minutes, and it continues where the last one stopped
//! (`walk`). A failure for one creator is counted, with an alarm, and does not stop the others: the
//! next day retries it. If Stripe or the table does not answer at all, the run fails, and the next
//! one begins at the same place.
//!
//! What limits it is Stripe. A payout takes four requests of half a second, and 18 to the table of 5
//! ms: 2.1 s. With the template's 24 creators at a time and 40 requests a second, of the hundred
//! that Stripe allows for everything, 10 are paid a second. That asks each operation at Stripe at
//! most 20 times a second, which allows 25. 200,000 payouts, a thousand times those of the base in
//! `infra/workload.py`, take 20,000 s: 25 runs of 810 s. The schedule starts runs for 18 hours.

use std::cell::RefCell;

use clients::{
    Stripe,
    stripe::{Payouts, RequestRate},
};
use domain::{
    Timestamp,
    id::{PayoutId, PurchaseId, UserId},
    marketplace::creator::payout::{Payout, PayoutDecision, PayoutState},
};
use runtime::{Aws, Connect, Environment, Function, InitError, Metrics, Task, TaskError, Worker};
use settlement::{Payer, PayoutProgress, SettleError, Settlement};
use store::{Begun, IndexPosition, SALES_AT_ONCE, Store};
use tracing::{info, warn};

use crate::{
    day::Day,
    walk::{Leg, Walk},
};

pub const WORKER: Worker = Worker::new("background-pay-creators");

const PAYOUTS_AT_ONCE: &str = "PAYOUTS_AT_ONCE";

/// Sales on hold per page.
const PAGE: u16 = 400;

/// Reverses transfers of amounts paid out in excess.
const RECOVER: &str = "recover";
/// Resumes unfinished payouts of any day.
const RESUME: &str = "resume";
/// Releases sales whose hold is over.
const RELEASE: &str = "release";
/// Begins the payouts of the day.
const PAY: &str = "pay";
/// A payout just sent may already be too much, and by tomorrow it is at the bank.
const RECOVER_AGAIN: &str = "recover_again";

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
    rate: RequestRate,
    at_once: PayoutsAtOnce,
}

/// How many creators are paid at a time.
struct PayoutsAtOnce(u16);

impl Connect for PayoutsAtOnce {
    fn variables() -> Vec<&'static str> {
        vec![PAYOUTS_AT_ONCE]
    }
    async fn connect(env: &Environment, _: &Aws) -> Result<PayoutsAtOnce, InitError> {
        Ok(PayoutsAtOnce(env.parse(PAYOUTS_AT_ONCE)?))
    }
}

async fn handle(deps: &Deps, task: Task) -> Result<(), TaskError> {
    let store = &deps.store;
    let Some(day) = Day::begin(store, &task, WORKER.name).await? else { return Ok(()) };
    let (stripe, payouts) = (deps.stripe.at_rate(&deps.rate), deps.payouts.at_rate(&deps.rate));
    let run = Run {
        store,
        payer: Payer::new(store, &stripe, &payouts),
        settlement: Settlement::new(store, &stripe),
        now: task.now,
        midnight: day.midnight(),
        at_once: deps.at_once.0.max(1),
        tally: RefCell::default(),
    };
    let done = run.whole(&task, day).await;
    let Tally { released, recovered, sent, cents, skipped, refused, stuck, failed } =
        run.tally.into_inner();
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
    done
}

struct Run<'a> {
    store: &'a Store,
    payer: Payer<'a>,
    settlement: Settlement<'a>,
    now: Timestamp,
    midnight: Timestamp,
    at_once: u16,
    tally: RefCell<Tally>,
}

impl Run<'_> {
    async fn whole(&self, task: &Task, day: Day<'_>) -> Result<(), TaskError> {
        let lists = [RECOVER, RESUME, RELEASE, PAY, RECOVER_AGAIN];
        let (mut walk, legs) = Walk::begin((self.store, task), WORKER.name, &lists).await?;
        for leg in &legs {
            match leg.list {
                RESUME => self.resume(&mut walk, leg).await?,
                RELEASE => self.release(&mut walk, leg).await?,
                PAY => self.pay(&mut walk, leg).await?,
                _ => self.recover(&mut walk, leg).await?,
            }
        }
        day.end(walk).await
    }

    async fn recover(&self, walk: &mut Walk<'_>, leg: &Leg) -> Result<(), SettleError> {
        let page = async |after: Option<&IndexPosition>| {
            self.store.overpaid_sales(after, self.at_once).await
        };
        let recover = async |creator: UserId, overpaid: Vec<PurchaseId>| {
            for purchase in &overpaid {
                let back = self.payer.recover(&creator, purchase, self.now).await;
                if let Some(back) = self.counted(&creator, back).await? {
                    self.tally.borrow_mut().recovered += u64::try_from(back).unwrap_or(0);
                }
            }
            Ok(())
        };
        walk.each(leg, self.at_once.into(), page, recover).await
    }

    async fn resume(&self, walk: &mut Walk<'_>, leg: &Leg) -> Result<(), SettleError> {
        let page = async |after: Option<&IndexPosition>| {
            self.store.open_payouts(after, self.at_once).await
        };
        let resume = async |creator: UserId, open: Vec<PayoutId>| {
            for id in &open {
                let payout = self.store.payout(&creator, id).await.map_err(SettleError::from);
                if let Some(payout) = self.counted(&creator, payout).await? {
                    self.carry_on(&creator, payout).await?;
                }
            }
            Ok(())
        };
        walk.each(leg, self.at_once.into(), page, resume).await
    }

    async fn release(&self, walk: &mut Walk<'_>, leg: &Leg) -> Result<(), SettleError> {
        let page =
            async |after: Option<&IndexPosition>| self.store.due_sales(self.now, after, PAGE).await;
        let release =
            async |creator: UserId, due: Vec<PurchaseId>| self.release_of(&creator, &due).await;
        walk.each(leg, self.at_once.into(), page, release).await
    }

    async fn release_of(&self, creator: &UserId, sales: &[PurchaseId]) -> Result<(), SettleError> {
        for some in sales.chunks(usize::from(SALES_AT_ONCE)) {
            let done = self.store.release_sales(creator, some, self.now).await;
            let done = done.map_err(SettleError::from);
            let released = self.counted(creator, done).await?.unwrap_or(0);
            self.tally.borrow_mut().released += u64::try_from(released).unwrap_or(u64::MAX);
        }
        Ok(())
    }

    async fn pay(&self, walk: &mut Walk<'_>, leg: &Leg) -> Result<(), SettleError> {
        let page = async |after: Option<&IndexPosition>| {
            let due = self.store.due_creators(after, self.at_once).await;
            due.map(|due| due.map(|creator| (creator, ())))
        };
        let pay = async |creator: UserId, _: Vec<()>| self.pay_one(&creator).await;
        walk.each(leg, self.at_once.into(), page, pay).await
    }

    async fn pay_one(&self, creator: &UserId) -> Result<(), SettleError> {
        let begun = self.begin(creator).await;
        match self.counted(creator, begun).await? {
            Some(Begun::Skipped(payout)) => {
                info!(
                    actor = %creator, date = payout.date, state = ?payout.state,
                    "payout skipped"
                );
                self.tally.borrow_mut().skipped += 1;
                Ok(())
            }
            Some(Begun::Open(payout)) => self.carry_on(creator, payout).await,
            Some(Begun::Nothing | Begun::Over(_)) | None => Ok(()),
        }
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

    async fn carry_on(&self, creator: &UserId, payout: Payout) -> Result<(), SettleError> {
        let progress = self.payer.advance(payout, self.now).await;
        match self.counted(creator, progress).await? {
            Some(PayoutProgress::Over(payout)) if payout.state == PayoutState::Sent => {
                self.tally.borrow_mut().sent += 1;
                self.tally.borrow_mut().cents += u64::try_from(payout.amount).unwrap_or(0);
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
                self.tally.borrow_mut().refused += 1;
            }
            Some(PayoutProgress::Stuck(payout, code)) => {
                warn!(actor = %creator, payout = %payout.id, code, "payout stuck, resolve by hand");
                self.tally.borrow_mut().stuck += 1;
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
    ) -> Result<Option<T>, SettleError> {
        match done {
            Ok(done) => Ok(Some(done)),
            Err(error) => {
                warn!(actor = %creator, %error, "payout step failed, the next day's run retries");
                self.tally.borrow_mut().failed += 1;
                self.settlement.check_answers(&error).await?;
                Ok(None)
            }
        }
    }
}
