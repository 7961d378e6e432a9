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
//! itself cannot be read, the others are checked first, then the run fails and the next one repeats
//! it. A night may take several runs (`day`): a schedule starts one every five minutes, and it
//! continues where the last one stopped (`walk`).
//!
//! It looks only at what is late. Orders and purchases have a time after which they are, follow-ups
//! and top-ups are deleted when they are done, and a payout that a bank received is no longer sent.
//! What grows with the business are Stripe's events and the subscriptions, a hundred in a page. A
//! thousand times the base of `infra/workload.py` is 32,000 pages of events a day, 10,000 pages of
//! subscriptions and 14,000 requests about late payouts: at 20 requests a second 2,300 s, and 5,000 s
//! for the subscriptions, which come page after page. That is ten runs of 810 s; the schedule starts
//! runs for three hours.
//!
//! Events are read in slices of time, several at once, and the checkpoint moves behind each slice, so
//! that the next run reads only what this one did not come to.

use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use clients::{
    Stripe, TopUpQueue,
    queue::{NotSent, TopUpMessage},
    stripe::{
        ListedEvent, ListedSubscription, RequestRate, StripePage, SubscriptionNow,
        webhook_event::Subject,
    },
};
use domain::{
    Timestamp,
    billing::{
        Billing,
        external::{EventId, SubscriptionId},
        follow_up::FollowUp,
    },
    id::{OrderId, PayoutId, PurchaseId, UserId},
    time::DAY,
};
use futures_util::future::try_join_all;
use runtime::{Connect, Function, Metrics, Task, TaskError, Worker};
use settlement::{EventOutcome, ReceivedEvent, SettleError, Settlement};
use store::{IndexPage, IndexPosition, ParkedEvent, Store, StoreError};
use tracing::{info, warn};

use crate::{
    day::Day,
    walk::{Leg, Walk},
};

pub const WORKER: Worker = Worker::new("background-reconcile-stripe");

/// Stripe lists events for 30 days: <https://docs.stripe.com/api/events>.
const EVENTS_KEPT: Duration = DAY.saturating_mul(30);
/// Stripe may list an event a little after its creation.
const OVERLAP: Duration = Duration::from_secs(60 * 60);
/// The events of this time are read one page after the other, which takes half a second each, and
/// kept until they are applied. The busiest hour has an eighth of a day: a thousand times the base
/// has 67 pages in a slice then, 12 MB if no webhook delivered any.
const SLICE: Duration = Duration::from_secs(60);
/// Slices that are read at a time: 24 requests a second, of the 25 that Stripe allows for a list. With
/// more of them, the oldest, behind which the checkpoint moves, would be read later.
const SLICES_AT_ONCE: usize = 12;
/// Records that are looked at at a time: in half a second a request, more than the rate allows.
const AT_ONCE: u16 = 32;
/// A payout is late when its day began so long ago. The creator's account pays its bank the day
/// after, which takes two business days, and Stripe repeats an event for three days.
const LATE: Duration = DAY.saturating_mul(5);
/// Top-ups of a page.
const PAGE: u16 = 100;

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
    rate: RequestRate,
}

async fn handle(Deps { store, stripe, queue, rate }: &Deps, task: Task) -> Result<(), TaskError> {
    let Some(day) = Day::begin(store, &task, WORKER.name).await? else { return Ok(()) };
    let stripe = &stripe.at_rate(rate);
    let settlement = Settlement::new(store, stripe);
    let mut run =
        Run { store, stripe, settlement, now: task.now, found: RefCell::default(), error: None };
    let done = run.whole(&task, queue, day).await;
    let Found { looked_at, repaired, paid_back, failed } = run.found.into_inner();
    info!(looked_at, repaired, failed, "Stripe reconciliation ended");
    Metrics::new()
        .count("ReconcileLookedAt", looked_at)
        .count("ReconcileRepairs", repaired)
        .count("SurplusSubscriptions", paid_back)
        .count("ReconcileFailures", failed)
        .emit();
    done
}

struct Run<'a> {
    store: &'a Store,
    stripe: &'a Stripe,
    settlement: Settlement<'a>,
    now: Timestamp,
    found: RefCell<Found>,
    /// The first error that ended a list early.
    error: Option<SettleError>,
}

impl Run<'_> {
    /// Checks every list. Ends early only if Stripe or the table does not answer at all.
    async fn whole(
        &mut self,
        task: &Task,
        queue: &TopUpQueue,
        day: Day<'_>,
    ) -> Result<(), TaskError> {
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
            if done.is_err() {
                walk.leave_behind();
            }
            self.ended(leg.list, done).await?;
        }
        match self.error.take() {
            Some(error) => {
                walk.close().await?;
                Err(error.into())
            }
            None => day.end(walk).await,
        }
    }

    /// Records the result of a list. If it could not be read, the run continues with the others.
    async fn ended(
        &mut self,
        list: &str,
        done: Result<(), SettleError>,
    ) -> Result<(), SettleError> {
        if let Err(error) = done {
            warn!(list, %error, "list not read to its end, the run continues and will be retried");
            self.found.borrow_mut().failed += 1;
            self.settlement.check_answers(&error).await?;
            self.error.get_or_insert(error);
        }
        Ok(())
    }

    /// Counts one record. A failure is logged and left for the next night, or for a person: it must
    /// not stop the others.
    async fn count(
        &self,
        what: &str,
        outcome: Result<EventOutcome, SettleError>,
    ) -> Result<(), SettleError> {
        self.found.borrow_mut().looked_at += 1;
        match outcome {
            Ok(EventOutcome::Applied | EventOutcome::LatePaymentRefunded) => {
                self.found.borrow_mut().repaired += 1;
            }
            Ok(EventOutcome::DuplicateRefunded) => {
                let mut found = self.found.borrow_mut();
                found.repaired += 1;
                found.paid_back += 1;
            }
            Ok(EventOutcome::Already | EventOutcome::NotOurs | EventOutcome::Ignored) => {}
            Err(error) => {
                warn!(what, %error, "record not repaired, the next night retries");
                self.found.borrow_mut().failed += 1;
                self.settlement.check_answers(&error).await?;
            }
        }
        Ok(())
    }

    /// Replays parked events: the fault may be fixed by now.
    async fn replay_parked(&self, walk: &mut Walk<'_>, leg: &Leg) -> Result<(), SettleError> {
        let page = async |after: Option<&IndexPosition>| {
            let parked = self.store.parked_events(after, AT_ONCE).await;
            parked.map(|parked| parked.map(|event| (event.id.clone(), event)))
        };
        let replay = async |_: String, parked: Vec<ParkedEvent>| {
            for event in &parked {
                self.replay(event).await?;
            }
            Ok(())
        };
        // One at a time: they may be of one member.
        walk.each(leg, 1, page, replay).await
    }

    async fn replay(&self, parked: &ParkedEvent) -> Result<(), SettleError> {
        self.found.borrow_mut().looked_at += 1;
        match self.settlement.receive(&parked.body, self.now).await {
            Ok(ReceivedEvent::Processed(..)) => {
                self.store.unpark_event(&parked.id).await?;
                self.found.borrow_mut().repaired += 1;
            }
            Ok(ReceivedEvent::Parked(why)) => {
                warn!(
                    event = parked.id,
                    kind = parked.kind,
                    why,
                    "replay failed, the event stays parked"
                );
                self.found.borrow_mut().failed += 1;
            }
            Err(error) => {
                warn!(event = parked.id, kind = parked.kind, %error, "replay failed, event parked");
                self.found.borrow_mut().failed += 1;
                self.settlement.check_answers(&error).await?;
            }
        }
        Ok(())
    }

    /// Applies every event since the checkpoint that was not applied: all at once if they are one
    /// page, else day by day, and a day of more than a page slice by slice.
    async fn look_through_events(&self, walk: &mut Walk<'_>, leg: &Leg) -> Result<(), SettleError> {
        if walk.is_time_up(leg, None).await? {
            return Ok(());
        }
        walk.leave(leg, None).await?;
        let oldest = self.now.minus(EVENTS_KEPT);
        let checkpoint = self.store.events_checkpoint().await?;
        let since = checkpoint.map_or(oldest, |at| at.minus(OVERLAP).max(oldest));
        let whole = (since, None);
        if let Some(missed) = self.read_page(whole).await? {
            return self.apply((walk, leg), missed, self.now).await.map(drop);
        }
        for day in slices(whole, DAY, self.now) {
            if let Some(missed) = self.read_page(day).await? {
                let until = day.1.unwrap_or(self.now);
                if !self.apply((&mut *walk, leg), missed, until).await? {
                    return Ok(());
                }
            } else {
                for some in slices(day, SLICE, self.now).chunks(SLICES_AT_ONCE) {
                    // All are read before one is applied: a request that nobody polls meanwhile
                    // would be out of time.
                    let reads = try_join_all(some.iter().map(|slice| self.read_slice(*slice)));
                    let Some(read) = walk.within(leg, reads).await? else { return Ok(()) };
                    for (missed, until) in read? {
                        if !self.apply((&mut *walk, leg), missed, until).await? {
                            return Ok(());
                        }
                    }
                }
            }
        }
        Ok(())
    }

    /// Applies a slice; `false` if the time of the run is up. An event is applied and marked in one
    /// write, so one that is cut off comes again.
    async fn apply(
        &self,
        (walk, leg): (&mut Walk<'_>, &Leg),
        missed: Vec<ListedEvent>,
        until: Timestamp,
    ) -> Result<bool, SettleError> {
        let Some(applied) = walk.within(leg, self.apply_slice(missed, until)).await? else {
            return Ok(false);
        };
        applied?;
        Ok(!walk.is_time_up(leg, None).await?)
    }

    /// The events of a slice that were not applied; `None` if it has more than a page.
    async fn read_page(&self, slice: Slice) -> Result<Option<Vec<ListedEvent>>, SettleError> {
        let StripePage { items, more } = self.stripe.events(slice, None).await?;
        if more {
            return Ok(None);
        }
        Ok(Some(self.missed(items).await?))
    }

    /// The events of a slice that were not applied, and its end.
    async fn read_slice(
        &self,
        (since, before): Slice,
    ) -> Result<(Vec<ListedEvent>, Timestamp), SettleError> {
        let (mut missed, mut after) = (Vec::new(), None);
        loop {
            let StripePage { items, more } =
                self.stripe.events((since, before), after.as_ref()).await?;
            let last = items.last().map(|event| event.notice.id.clone());
            missed.extend(self.missed(items).await?);
            // A page of events that all have no id would be read again and again.
            if !more || last.is_none() {
                return Ok((missed, before.unwrap_or(self.now)));
            }
            after = last;
        }
    }

    /// Those of a page that were not applied.
    async fn missed(&self, listed: Vec<ListedEvent>) -> Result<Vec<ListedEvent>, SettleError> {
        let is_handled = |event: &ListedEvent| event.notice.subject != Subject::Ignored;
        let handled: Vec<ListedEvent> = listed.into_iter().filter(is_handled).collect();
        let ids: Vec<EventId> = handled.iter().map(|event| event.notice.id.clone()).collect();
        let applied = self.store.events_applied(&ids).await?;
        let missed = handled.into_iter().zip(applied).filter(|(_, is_applied)| !is_applied);
        Ok(missed.map(|(event, _)| event).collect())
    }

    /// Applies the events of a slice that was read, oldest first, and moves the checkpoint to its
    /// end. The next run begins by the overlap before the checkpoint.
    async fn apply_slice(
        &self,
        mut missed: Vec<ListedEvent>,
        until: Timestamp,
    ) -> Result<(), SettleError> {
        missed.sort_by_key(|event| event.notice.created_at);
        for event in &missed {
            self.apply_missed(event).await?;
        }
        Ok(self.store.set_events_checkpoint(until.plus(OVERLAP).min(self.now)).await?)
    }

    /// Applies an event that no webhook delivered. One that fails is parked, so that the checkpoint
    /// can move past it.
    async fn apply_missed(&self, event: &ListedEvent) -> Result<(), SettleError> {
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
    async fn look_at_orders(&self, walk: &mut Walk<'_>, leg: &Leg) -> Result<(), SettleError> {
        let due = async |after: Option<&_>| self.store.due_orders(self.now, after, AT_ONCE).await;
        let look = async |user: &UserId, id: &OrderId| {
            look_at_order(self.store, &self.settlement, (user, id), self.now).await
        };
        self.look_at_each("order", (walk, leg), due, look).await
    }

    /// Purchases whose outcome no event has reported, and those with a refund still to make.
    async fn look_at_purchases(&self, walk: &mut Walk<'_>, leg: &Leg) -> Result<(), SettleError> {
        let due =
            async |after: Option<&_>| self.store.due_purchases(self.now, after, AT_ONCE).await;
        let look = async |buyer: &UserId, id: &PurchaseId| {
            self.settlement.purchase(buyer, id, self.now).await
        };
        self.look_at_each("purchase", (walk, leg), due, look).await
    }

    /// Sent payouts that no bank confirmed in time. The listed events do not include those of
    /// connected accounts.
    async fn look_at_payouts(&self, walk: &mut Walk<'_>, leg: &Leg) -> Result<(), SettleError> {
        let late = self.now.minus(LATE);
        let sent = async |after: Option<&_>| self.store.sent_payouts(late, after, AT_ONCE).await;
        let look = async |creator: &UserId, id: &PayoutId| {
            self.settlement.look_at_sent(creator, id, self.now).await
        };
        self.look_at_each("payout", (walk, leg), sent, look).await
    }

    /// Carries out recorded follow-ups that are not yet done at Stripe.
    async fn carry_out_follow_ups(
        &self,
        walk: &mut Walk<'_>,
        leg: &Leg,
    ) -> Result<(), SettleError> {
        let due = async |after: Option<&_>| {
            let due = self.store.due_follow_ups(after, AT_ONCE).await;
            due.map(|due| due.map(|follow_up| (follow_up.user_id.clone(), follow_up)))
        };
        let carry_out =
            async |_: &UserId, due: &FollowUp| self.settlement.carry_out_due(due, self.now).await;
        self.look_at_each("follow-up", (walk, leg), due, carry_out).await
    }

    /// Checks every record of one of our lists.
    async fn look_at_each<T>(
        &self,
        what: &str,
        (walk, leg): (&mut Walk<'_>, &Leg),
        page: impl AsyncFn(Option<&IndexPosition>) -> Result<IndexPage<(UserId, T)>, StoreError>,
        look: impl AsyncFn(&UserId, &T) -> Result<EventOutcome, SettleError>,
    ) -> Result<(), SettleError> {
        let each = async |user: UserId, found: Vec<T>| {
            for one in &found {
                let outcome = look(&user, one).await;
                self.count(what, outcome).await?;
            }
            Ok(())
        };
        walk.each(leg, AT_ONCE.into(), page, each).await
    }

    /// Subscriptions that differ from our records.
    async fn look_at_subscriptions(
        &self,
        walk: &mut Walk<'_>,
        leg: &Leg,
    ) -> Result<(), SettleError> {
        let mut after = leg.after.as_deref().and_then(|id| SubscriptionId::parse(id).ok());
        loop {
            let here = after.as_ref().map(ToString::to_string);
            if walk.is_time_up(leg, here.clone()).await? {
                return Ok(());
            }
            let page = self.stripe.subscriptions(after.as_ref()).await?;
            after = page.items.last().map(|last| last.id.clone()).filter(|_| page.more);
            walk.leave(leg, after.as_ref().map(ToString::to_string)).await?;
            let known = self.billings_of(&page.items).await?;
            for at_stripe in page.items {
                if walk.is_time_up(leg, here.clone()).await? {
                    return Ok(());
                }
                let outcome = match at_stripe.now {
                    Ok(now) => self.look_at_subscription(&now, &known).await,
                    Err(error) => Err(error.into()),
                };
                self.count("subscription", outcome).await?;
            }
            if after.is_none() {
                return Ok(());
            }
        }
    }

    /// The billings of the members whom a page of subscriptions names.
    async fn billings_of(
        &self,
        listed: &[ListedSubscription],
    ) -> Result<BTreeMap<UserId, Billing>, SettleError> {
        let named = listed.iter().filter_map(|it| it.now.as_ref().ok()?.user.clone());
        Ok(self.store.billings(&named.collect::<BTreeSet<_>>()).await?)
    }

    async fn look_at_subscription(
        &self,
        at_stripe: &SubscriptionNow,
        billings: &BTreeMap<UserId, Billing>,
    ) -> Result<EventOutcome, SettleError> {
        let Some(theirs) = &at_stripe.subscription else { return Ok(EventOutcome::NotOurs) };
        let user = match &at_stripe.user {
            Some(user) => Some(user.clone()),
            None => self.store.user_of_customer(&at_stripe.customer).await?,
        };
        let Some(user) = user else { return Ok(EventOutcome::NotOurs) };
        let known = match billings.get(&user) {
            Some(billing) => billing.subscription.clone(),
            None => self.store.billing(&user).await?.subscription,
        };
        let former = theirs.status.is_over() && known.as_ref().is_some_and(|k| k.id != theirs.id);
        if known.as_ref() == Some(theirs) || former {
            return Ok(EventOutcome::Already);
        }
        self.settlement.subscription(&user, &theirs.id, self.now).await
    }

    /// Sends a message for each due top-up: the first one may be lost.
    async fn send_top_ups(
        &self,
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
                warn!(%unsent, "messages of due top-ups not sent, the next night sends them");
                self.found.borrow_mut().failed += 1;
            }
            Ok(())
        };
        walk.pages(leg, page, send).await
    }
}

/// A time and when it ends; one without an end has what happens now.
type Slice = (Timestamp, Option<Timestamp>);

/// A time in slices of this length, of which the last has the same end.
fn slices((since, before): Slice, length: Duration, now: Timestamp) -> Vec<Slice> {
    let (mut slices, mut from, end) = (Vec::new(), since, before.unwrap_or(now));
    while from.plus(length) < end {
        slices.push((from, Some(from.plus(length))));
        from = from.plus(length);
    }
    slices.push((from, before));
    slices
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slices_leave_nothing_out_and_overlap_nowhere() {
        let since = Timestamp::from_secs(1_795_000_000);
        for (seconds, count) in [(0, 1), (899, 1), (900, 1), (901, 2), (86_400, 96), (90_000, 100)]
        {
            let end = since.plus(Duration::from_secs(seconds));
            for before in [None, Some(end)] {
                let found = slices((since, before), Duration::from_secs(900), end);
                assert_eq!(found.len(), count, "{seconds}");
                assert_eq!(found[0].0, since);
                for pair in found.windows(2) {
                    assert_eq!(pair[0].1, Some(pair[1].0));
                }
                assert_eq!(found.last().unwrap().1, before);
            }
        }
    }
}
