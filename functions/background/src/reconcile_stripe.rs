//! `background-reconcile-stripe`: every night, what Stripe knows and we do not.
//!
//! It repairs whatever fell through: webhooks that were never delivered, a day on which Stripe or we
//! were down, events that were parked by a fault that is mended by now, orders and purchases nobody
//! told us the end of, payouts that a bank returned, top-ups whose hint was lost. Each repair is the
//! very step the webhook would have taken, so running twice, late or at once with it does no harm. A
//! repair is a metric with an alarm: on a good night there is none.
//!
//! A run that is cut off has done what it did; the next begins where events were last looked through
//! to the end.

use std::time::Duration;

use clients::{
    Stripe, TopUpQueue,
    queue::TopUpHint,
    stripe::notice::{Notice, Subject},
};
use domain::{Refusal, RefusalKind, Timestamp, time::DAY};
use runtime::{Metrics, Task, TaskError, Worker};
use settlement::{Heard, Received, SettleError, Settlement};
use store::Store;
use tracing::{info, warn};

pub const WORKER: Worker = Worker::new("background-reconcile-stripe");

/// Stripe keeps events for 30 days: <https://docs.stripe.com/api/events>.
const EVENTS_KEPT: Duration = DAY.saturating_mul(30);
/// Events may be listed a little after they are made.
const OVERLAP: Duration = Duration::from_secs(60 * 60);
/// Most of our own things in one run; the rest comes the next night.
const MOST: u16 = 500;
/// Most pages of one of Stripe's lists in one run: a hundred thousand of each.
const PAGES_MAX: u32 = 1_000;

/// What was found.
#[derive(Debug, Default)]
struct Found {
    looked_at: u64,
    repaired: u64,
    paid_back: u64,
    failed: u64,
}

impl Found {
    /// Counts one thing. What does not pass by itself is told and left for a person: one such thing
    /// must not keep the others from being looked at.
    fn count(&mut self, what: &str, heard: Result<Heard, SettleError>) -> Result<(), SettleError> {
        self.looked_at += 1;
        match heard {
            Ok(Heard::Applied | Heard::Returned) => self.repaired += 1,
            Ok(Heard::PaidBack) => {
                self.repaired += 1;
                self.paid_back += 1;
            }
            Ok(Heard::Before | Heard::NotOurs | Heard::Ignored) => {}
            Err(later) if later.kind() == RefusalKind::Unavailable => return Err(later),
            Err(error) => {
                warn!(what, %error, "not repaired");
                self.failed += 1;
            }
        }
        Ok(())
    }
}

pub async fn handle(
    (store, stripe, queue): &(Store, Stripe, TopUpQueue),
    task: Task,
) -> Result<(), TaskError> {
    let settlement = Settlement::new(store, stripe);
    let mut found = Found::default();
    replay_parked(store, &settlement, task.now, &mut found).await?;
    look_through_events(store, stripe, &settlement, task.now, &mut found).await?;
    look_at_orders(store, &settlement, task.now, &mut found).await?;
    look_at_purchases(store, &settlement, task.now, &mut found).await?;
    look_at_payouts(store, &settlement, task.now, &mut found).await?;
    look_at_subscriptions(store, stripe, &settlement, task.now, &mut found).await?;
    for done in settlement.carry_out_due(task.now, MOST).await? {
        found.count("follow-up", done)?;
    }
    let waiting = store.due_top_ups(MOST).await?;
    let hints: Vec<_> = waiting.into_iter().map(|user_id| TopUpHint { user_id }).collect();
    let Found { looked_at, repaired, paid_back, failed } = found;
    info!(looked_at, repaired, failed, top_ups = hints.len(), "reconciled");
    Metrics::at(task.now)
        .count("ReconcileLookedAt", looked_at)
        .count("ReconcileRepairs", repaired)
        .count("SurplusSubscriptions", paid_back)
        .count("ReconcileFailures", failed)
        .emit();
    queue.send(&hints).await.into_iter().collect::<Result<(), _>>().map_err(TaskError::from)
}

/// What was parked is tried again: the fault may be mended by now.
async fn replay_parked(
    store: &Store,
    settlement: &Settlement<'_>,
    now: Timestamp,
    found: &mut Found,
) -> Result<(), SettleError> {
    for parked in store.parked_events(MOST).await? {
        match settlement.receive(&parked.body, now).await? {
            Received::Parked(why) => {
                warn!(event = parked.id, kind = parked.kind, why, "still parked");
                found.failed += 1;
            }
            Received::Heard(..) => {
                store.unpark_event(&parked.id).await?;
                found.repaired += 1;
            }
        }
        found.looked_at += 1;
    }
    Ok(())
}

/// Every event since the last look that was not applied.
async fn look_through_events(
    store: &Store,
    stripe: &Stripe,
    settlement: &Settlement<'_>,
    now: Timestamp,
    found: &mut Found,
) -> Result<(), SettleError> {
    let oldest = now.minus(EVENTS_KEPT);
    let since = store.events_checkpoint().await?.map_or(oldest, |at| at.minus(OVERLAP).max(oldest));
    let mut missed: Vec<Notice> = Vec::new();
    let (mut after, mut whole) = (None, false);
    for _ in 0..PAGES_MAX {
        let page = stripe.events(since, after.as_ref()).await?;
        after = page.items.last().map(|notice| notice.id.clone());
        for notice in page.items {
            if notice.subject != Subject::Ignored && !store.event_applied(&notice.id).await? {
                missed.push(notice);
            }
        }
        if !page.more {
            whole = true;
            break;
        }
    }
    missed.sort_by_key(|notice| notice.created_at);
    for notice in &missed {
        found.count(&notice.kind, settlement.heed(notice, now).await)?;
    }
    // Stripe lists the newest first: where the list was cut, the oldest were not seen.
    if whole {
        store.set_events_checkpoint(now).await?;
    } else {
        warn!(%since, "there are more events than one run looks through");
        found.failed += 1;
    }
    Ok(())
}

/// Orders that nobody has told us the end of.
async fn look_at_orders(
    store: &Store,
    settlement: &Settlement<'_>,
    now: Timestamp,
    found: &mut Found,
) -> Result<(), SettleError> {
    for (user, id) in store.due_orders(now, MOST).await? {
        let order = store.order(&user, &id).await?;
        let heard = match (&order.session, &order.payment) {
            (Some(session), _) => settlement.session(&user, session, now).await,
            (None, Some(payment)) => settlement.payment(&user, payment, now).await,
            // Nobody was ever sent to a page of it.
            (None, None) => {
                settlement.fail_order(&user, &id, "abandoned", now).await.map(|()| Heard::Applied)
            }
        };
        found.count("order", heard)?;
    }
    Ok(())
}

/// Purchases that nobody has told us the end of, and those whose money is still to go back.
async fn look_at_purchases(
    store: &Store,
    settlement: &Settlement<'_>,
    now: Timestamp,
    found: &mut Found,
) -> Result<(), SettleError> {
    for (buyer, id) in store.due_purchases(now, MOST).await? {
        found.count("purchase", settlement.purchase(&buyer, &id, now).await)?;
    }
    Ok(())
}

/// Payouts of which nobody has told us whether a bank has them. What happens to creators' accounts
/// is not among the events that are looked through.
async fn look_at_payouts(
    store: &Store,
    settlement: &Settlement<'_>,
    now: Timestamp,
    found: &mut Found,
) -> Result<(), SettleError> {
    for (creator, id) in store.sent_payouts(MOST).await? {
        found.count("payout", settlement.look_at_sent(&creator, &id, now).await)?;
    }
    Ok(())
}

/// Subscriptions that are not as we know them.
async fn look_at_subscriptions(
    store: &Store,
    stripe: &Stripe,
    settlement: &Settlement<'_>,
    now: Timestamp,
    found: &mut Found,
) -> Result<(), SettleError> {
    let mut after = None;
    for _ in 0..PAGES_MAX {
        let page = stripe.subscriptions(after.as_ref()).await?;
        for at_stripe in &page.items {
            after = Some(at_stripe.id.clone());
            let Some(theirs) = &at_stripe.subscription else { continue };
            let user = match &at_stripe.user {
                Some(user) => Some(user.clone()),
                None => store.user_of_customer(&at_stripe.customer).await?,
            };
            let Some(user) = user else { continue };
            let known = store.billing(&user).await?.subscription;
            let former =
                theirs.status.is_over() && known.as_ref().is_some_and(|k| k.id != theirs.id);
            if known.as_ref() == Some(theirs) || former {
                found.looked_at += 1;
                continue;
            }
            let heard = settlement.subscription(&user, &theirs.id, now).await;
            found.count("subscription", heard)?;
        }
        if !page.more {
            break;
        }
    }
    Ok(())
}
