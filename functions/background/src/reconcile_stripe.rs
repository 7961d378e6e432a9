//! `background-reconcile-stripe`: every night, reconciles our records with Stripe.
//!
//! It repairs what events missed: webhooks never delivered, outages of Stripe or ours, parked
//! events whose fault is fixed by now, orders and purchases whose outcome is unknown, payouts
//! returned by a bank, top-ups whose message was lost. Each repair is the same step as the
//! webhook's, so repeated, late and concurrent runs are safe. Each repair counts in a metric with
//! an alarm: normally there is none.
//!
//! A record that cannot be read or repaired is counted, with an alarm, and does not stop the rest:
//! every list is read to its end, and an event that fails is parked for the next night. If a list
//! itself cannot be read, the others are checked first, then the run fails and Lambda repeats it.
//! After an interrupted run, or one whose time was up, the next one continues behind it (`walk`).

use std::time::Duration;

use clients::{
    Stripe, TopUpQueue,
    queue::{NotSent, TopUpMessage},
    stripe::{ListedEvent, SubscriptionNow, webhook_event::Subject},
};
use domain::{
    Timestamp,
    billing::{external::SubscriptionId, follow_up::FollowUp},
    id::{OrderId, PayoutId, PurchaseId, UserId},
    time::DAY,
};
use runtime::{Connect, Function, Metrics, Task, TaskError, Worker};
use settlement::{EventOutcome, ReceivedEvent, SettleError, Settlement};
use store::{IndexPage, IndexPosition, ParkedEvent, Store, StoreError};
use tracing::{info, warn};

use crate::walk::{Leg, Walk};

pub const WORKER: Worker = Worker::new("background-reconcile-stripe");

/// Stripe lists events for 30 days: <https://docs.stripe.com/api/events>.
const EVENTS_KEPT: Duration = DAY.saturating_mul(30);
/// Stripe may list an event a little after its creation.
const OVERLAP: Duration = Duration::from_secs(60 * 60);
/// One at a time of what Stripe is asked about: the next run begins behind one that takes all the
/// time.
const ONE: u16 = 1;
/// Top-ups of a page.
const PAGE: u16 = 100;
/// Most pages of events in one run.
const PAGES_MAX: u32 = 1_000;

/// The lists, in their order.
const LISTS: [&str; 8] = [
    "parked events",
    "events",
    "orders",
    "purchases",
    "payouts",
    "subscriptions",
    "follow-ups",
    "top-ups",
];

/// The counts of a run.
#[derive(Debug, Default)]
struct Found {
    looked_at: u64,
    repaired: u64,
    paid_back: u64,
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
    queue: TopUpQueue,
}

async fn handle(Deps { store, stripe, queue }: &Deps, task: Task) -> Result<(), TaskError> {
    let settlement = Settlement::new(store, stripe);
    let mut run =
        Run { store, stripe, settlement, now: task.now, found: Found::default(), error: None };
    let done = run.whole(&task, queue).await;
    let Found { looked_at, repaired, paid_back, failed } = run.found;
    info!(looked_at, repaired, failed, "Stripe reconciliation ended");
    Metrics::new()
        .count("ReconcileLookedAt", looked_at)
        .count("ReconcileRepairs", repaired)
        .count("SurplusSubscriptions", paid_back)
        .count("ReconcileFailures", failed)
        .emit();
    done?;
    run.error.map_or(Ok(()), |error| Err(error.into()))
}

struct Run<'a> {
    store: &'a Store,
    stripe: &'a Stripe,
    settlement: Settlement<'a>,
    now: Timestamp,
    found: Found,
    /// The first error that ended a list early.
    error: Option<SettleError>,
}

impl Run<'_> {
    /// Checks every list. Ends early only if Stripe or the table does not answer at all.
    async fn whole(&mut self, task: &Task, queue: &TopUpQueue) -> Result<(), TaskError> {
        let (mut walk, legs) = Walk::begin((self.store, task), WORKER.name, &LISTS).await?;
        for leg in &legs {
            let done = match leg.list {
                "parked events" => self.replay_parked(&mut walk, leg).await,
                "events" => self.look_through_events(&mut walk, leg).await,
                "orders" => self.look_at_orders(&mut walk, leg).await,
                "purchases" => self.look_at_purchases(&mut walk, leg).await,
                "payouts" => self.look_at_payouts(&mut walk, leg).await,
                "subscriptions" => self.look_at_subscriptions(&mut walk, leg).await,
                "follow-ups" => self.carry_out_follow_ups(&mut walk, leg).await,
                _ => self.send_top_ups(&mut walk, leg, queue).await,
            };
            self.ended(leg.list, done).await?;
        }
        walk.end().await
    }

    /// Records the result of a list. If it could not be read, the run continues with the others.
    async fn ended(
        &mut self,
        list: &str,
        done: Result<(), SettleError>,
    ) -> Result<(), SettleError> {
        if let Err(error) = done {
            warn!(list, %error, "list not read to its end, the run continues and will be retried");
            self.found.failed += 1;
            self.settlement.check_answers(&error).await?;
            self.error.get_or_insert(error);
        }
        Ok(())
    }

    /// Counts one record. A failure is logged and left for the next night, or for a person: it must
    /// not stop the others.
    async fn count(
        &mut self,
        what: &str,
        outcome: Result<EventOutcome, SettleError>,
    ) -> Result<(), SettleError> {
        self.found.looked_at += 1;
        match outcome {
            Ok(EventOutcome::Applied | EventOutcome::LatePaymentRefunded) => {
                self.found.repaired += 1
            }
            Ok(EventOutcome::DuplicateRefunded) => {
                self.found.repaired += 1;
                self.found.paid_back += 1;
            }
            Ok(EventOutcome::Already | EventOutcome::NotOurs | EventOutcome::Ignored) => {}
            Err(error) => {
                warn!(what, %error, "record not repaired, the next run retries");
                self.found.failed += 1;
                self.settlement.check_answers(&error).await?;
            }
        }
        Ok(())
    }

    /// Replays parked events: the fault may be fixed by now.
    async fn replay_parked(&mut self, walk: &mut Walk<'_>, leg: &Leg) -> Result<(), SettleError> {
        let store = self.store;
        let page = async |after: Option<&IndexPosition>| store.parked_events(after, ONE).await;
        let replay = async |parked: Vec<ParkedEvent>| {
            for event in &parked {
                self.replay(event).await?;
            }
            Ok(())
        };
        walk.pages(leg, page, replay).await
    }

    async fn replay(&mut self, parked: &ParkedEvent) -> Result<(), SettleError> {
        self.found.looked_at += 1;
        match self.settlement.receive(&parked.body, self.now).await {
            Ok(ReceivedEvent::Processed(..)) => {
                self.store.unpark_event(&parked.id).await?;
                self.found.repaired += 1;
            }
            Ok(ReceivedEvent::Parked(why)) => {
                warn!(
                    event = parked.id,
                    kind = parked.kind,
                    why,
                    "replay failed, the event stays parked"
                );
                self.found.failed += 1;
            }
            Err(error) => {
                warn!(event = parked.id, kind = parked.kind, %error, "replay failed, event parked");
                self.found.failed += 1;
                self.settlement.check_answers(&error).await?;
            }
        }
        Ok(())
    }

    /// Applies every event since the checkpoint that was not applied.
    async fn look_through_events(
        &mut self,
        walk: &mut Walk<'_>,
        leg: &Leg,
    ) -> Result<(), SettleError> {
        if walk.is_time_up(leg, None).await? {
            return Ok(());
        }
        walk.leave(leg, None).await?;
        let oldest = self.now.minus(EVENTS_KEPT);
        let checkpoint = self.store.events_checkpoint().await?;
        let since = checkpoint.map_or(oldest, |at| at.minus(OVERLAP).max(oldest));
        let mut missed: Vec<ListedEvent> = Vec::new();
        let (mut after, mut whole) = (None, false);
        for _ in 0..PAGES_MAX {
            let page = self.stripe.events(since, after.as_ref()).await?;
            after = page.items.last().map(|event| event.notice.id.clone());
            for event in page.items {
                let notice = &event.notice;
                if notice.subject != Subject::Ignored
                    && !self.store.event_applied(&notice.id).await?
                {
                    missed.push(event);
                }
            }
            if !page.more {
                whole = true;
                break;
            }
        }
        missed.sort_by_key(|event| event.notice.created_at);
        for event in &missed {
            self.apply_missed(event).await?;
        }
        // Stripe lists the newest first: if the list was cut off, the oldest were not read.
        if whole {
            self.store.set_events_checkpoint(self.now).await?;
        } else {
            warn!(%since, "more events than one run can read, the checkpoint stays");
            self.found.failed += 1;
        }
        Ok(())
    }

    /// Applies an event that no webhook delivered. One that fails is parked, so that the checkpoint
    /// can move past it.
    async fn apply_missed(&mut self, event: &ListedEvent) -> Result<(), SettleError> {
        let notice = &event.notice;
        let outcome = self.settlement.process_event(notice, self.now).await;
        let why = outcome.as_ref().err().map(SettleError::to_string);
        self.count(&notice.kind, outcome).await?;
        if let Some(why) = why {
            let (id, kind) = (Some(&notice.id), &notice.kind);
            self.store.park_event(id, kind, &event.body, &why, self.now).await?;
        }
        Ok(())
    }

    /// Orders whose outcome no event has reported.
    async fn look_at_orders(&mut self, walk: &mut Walk<'_>, leg: &Leg) -> Result<(), SettleError> {
        let (store, settlement, now) = (self.store, self.settlement, self.now);
        let due = async |after: Option<&_>| store.due_orders(now, after, ONE).await;
        let look = async |(user, id): &(UserId, OrderId)| {
            look_at_order(store, &settlement, (user, id), now).await
        };
        self.look_at_each("order", (walk, leg), due, look).await
    }

    /// Purchases whose outcome no event has reported, and those with a refund still to make.
    async fn look_at_purchases(
        &mut self,
        walk: &mut Walk<'_>,
        leg: &Leg,
    ) -> Result<(), SettleError> {
        let (store, settlement, now) = (self.store, self.settlement, self.now);
        let due = async |after: Option<&_>| store.due_purchases(now, after, ONE).await;
        let look =
            async |(buyer, id): &(UserId, PurchaseId)| settlement.purchase(buyer, id, now).await;
        self.look_at_each("purchase", (walk, leg), due, look).await
    }

    /// Sent payouts not yet confirmed by a bank. The listed events do not include those of
    /// connected accounts.
    async fn look_at_payouts(&mut self, walk: &mut Walk<'_>, leg: &Leg) -> Result<(), SettleError> {
        let (store, settlement, now) = (self.store, self.settlement, self.now);
        let sent = async |after: Option<&_>| store.sent_payouts(after, ONE).await;
        let look = async |(creator, id): &(UserId, PayoutId)| {
            settlement.look_at_sent(creator, id, now).await
        };
        self.look_at_each("payout", (walk, leg), sent, look).await
    }

    /// Carries out recorded follow-ups that are not yet done at Stripe.
    async fn carry_out_follow_ups(
        &mut self,
        walk: &mut Walk<'_>,
        leg: &Leg,
    ) -> Result<(), SettleError> {
        let (store, settlement, now) = (self.store, self.settlement, self.now);
        let due = async |after: Option<&_>| store.due_follow_ups(after, ONE).await;
        let carry_out = async |due: &FollowUp| settlement.carry_out_due(due, now).await;
        self.look_at_each("follow-up", (walk, leg), due, carry_out).await
    }

    /// Checks every record of one of our lists.
    async fn look_at_each<T>(
        &mut self,
        what: &str,
        (walk, leg): (&mut Walk<'_>, &Leg),
        page: impl AsyncFn(Option<&IndexPosition>) -> Result<IndexPage<T>, StoreError>,
        look: impl AsyncFn(&T) -> Result<EventOutcome, SettleError>,
    ) -> Result<(), SettleError> {
        let each = async |found: Vec<T>| {
            for one in &found {
                let outcome = look(one).await;
                self.count(what, outcome).await?;
            }
            Ok(())
        };
        walk.pages(leg, page, each).await
    }

    /// Subscriptions that differ from our records.
    async fn look_at_subscriptions(
        &mut self,
        walk: &mut Walk<'_>,
        leg: &Leg,
    ) -> Result<(), SettleError> {
        let mut after = leg.after.as_deref().and_then(|id| SubscriptionId::parse(id).ok());
        loop {
            let here = after.as_ref().map(ToString::to_string);
            if walk.is_time_up(leg, here).await? {
                return Ok(());
            }
            let page = self.stripe.subscriptions(after.as_ref()).await?;
            after = page.items.last().map(|last| last.id.clone()).filter(|_| page.more);
            walk.leave(leg, after.as_ref().map(ToString::to_string)).await?;
            for at_stripe in page.items {
                let outcome = match at_stripe.now {
                    Ok(now) => self.look_at_subscription(&now).await,
                    Err(error) => Err(error.into()),
                };
                self.count("subscription", outcome).await?;
            }
            if after.is_none() {
                return Ok(());
            }
        }
    }

    async fn look_at_subscription(
        &self,
        at_stripe: &SubscriptionNow,
    ) -> Result<EventOutcome, SettleError> {
        let Some(theirs) = &at_stripe.subscription else { return Ok(EventOutcome::NotOurs) };
        let user = match &at_stripe.user {
            Some(user) => Some(user.clone()),
            None => self.store.user_of_customer(&at_stripe.customer).await?,
        };
        let Some(user) = user else { return Ok(EventOutcome::NotOurs) };
        let known = self.store.billing(&user).await?.subscription;
        let former = theirs.status.is_over() && known.as_ref().is_some_and(|k| k.id != theirs.id);
        if known.as_ref() == Some(theirs) || former {
            return Ok(EventOutcome::Already);
        }
        self.settlement.subscription(&user, &theirs.id, self.now).await
    }

    /// Sends a message for each due top-up: the first one may be lost.
    async fn send_top_ups(
        &mut self,
        walk: &mut Walk<'_>,
        leg: &Leg,
        queue: &TopUpQueue,
    ) -> Result<(), SettleError> {
        let store = self.store;
        let page = async |after: Option<&IndexPosition>| store.due_top_ups(after, PAGE).await;
        let send = async |due: Vec<UserId>| {
            let messages: Vec<_> =
                due.into_iter().map(|user_id| TopUpMessage { user_id }).collect();
            let sent = queue.send(&messages).await.into_iter().collect::<Result<(), NotSent>>();
            if let Err(unsent) = sent {
                warn!(%unsent, "messages of due top-ups not sent, the next run sends them");
                self.found.failed += 1;
            }
            Ok(())
        };
        walk.pages(leg, page, send).await
    }
}

async fn look_at_order(
    store: &Store,
    settlement: &Settlement<'_>,
    (user, id): (&UserId, &OrderId),
    now: Timestamp,
) -> Result<EventOutcome, SettleError> {
    let order = store.order(user, id).await?;
    match (&order.session, &order.payment) {
        (Some(session), _) => settlement.session(user, session, now).await,
        (None, Some(payment)) => settlement.payment(user, payment, now).await,
        // Its checkout session was never created.
        (None, None) => {
            settlement.fail_order(user, id, "abandoned", now).await.map(|()| EventOutcome::Applied)
        }
    }
}
