//! The end of a world: nothing goes wrong any more, and what is open is carried to its end.

use std::time::Duration;

use sandbox::stripe::{Bank, Closing, Decision};
use testing::{Actor, queue::TestQueue};

use super::{CREATORS, MEMBERS, Violation, World};
use crate::{
    dice::Dice,
    step::{RETRY_WEBHOOKS, SCHEDULED},
};

/// How long a world is looked after once nothing goes wrong any more: longer than sales are held,
/// than Stripe tries to collect an invoice, and than a closed account is kept.
const CALM_DAYS: u32 = 40;
/// Most attempts for an event of Stripe in a calm world.
const ATTEMPTS_MAX: u32 = 5;
/// Most batches of a queue in a day: a generation that never ends is asked about some forty times.
const BATCHES_MAX: u32 = 400;
/// Cents that the operator adds to the balance at Stripe: more than fees and lost disputes take.
const FUNDS: i64 = 1_000_000;
/// How long a message that was received is hidden.
const HIDDEN: Duration = Duration::from_secs(6 * 60);
/// What only adds up and reports, so that its last runs show whether it can.
const REPORTING: [&str; 3] =
    ["background-rank-popular", "background-report-revenue", "background-verify-audit"];

/// What a quiet day has.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Day {
    /// What carries things on.
    Usual,
    /// Also what reports.
    Last,
}

impl World {
    /// Nothing goes wrong any more: what is open is carried to its end, day by day.
    pub(crate) async fn settle(&self) -> Result<(), Violation> {
        self.calm_down();
        self.settled_at.set(self.app.now());
        let stripe = self.app.stripe();
        for creator in 0..CREATORS {
            if let Some(account) = self.connected_account(creator).await {
                let _ = stripe.onboard(&account, Bank::Works);
            }
        }
        for member in 0..MEMBERS {
            self.answer_webhooks(member, 200);
        }
        // As the alarm `transfers-refused` asks.
        stripe.add_funds(FUNDS);
        // What was said of a dispute has arrived when it ends, so that only its end can tell of it.
        self.quiet_day(Day::Usual).await?;
        let disputes = self.past.borrow().disputes.clone();
        for dispute in disputes {
            let _ = stripe.close_dispute(&dispute, Closing::Lost);
        }
        let debits = self.past.borrow().debits.clone();
        for session in debits {
            let _ = stripe.decide(&session, Decision::Succeed);
        }
        for day in 0..CALM_DAYS {
            // The first days in full; then only what waits for a date.
            if day < 3 || day % 8 == 7 {
                self.quiet_day(Day::Usual).await?;
            }
            self.app.advance_days(1);
        }
        self.pay_outside().await?;
        self.quiet_day(Day::Last).await?;
        self.quiet_day(Day::Last).await?;
        // What was charged last reaches the balance too.
        self.deliver_all().await?;
        stripe.book_charges();
        self.deliver_all().await
    }

    /// As the alarm `events-parked` asks: it is recorded that buyers whom no refund reaches are paid
    /// outside Stripe.
    async fn pay_outside(&self) -> Result<(), Violation> {
        let parked = self.app.store.parked_events(None, 100).await.unwrap().items;
        let purchases = self.past.borrow().purchases.clone();
        for (buyer, id) in &purchases {
            let purchase = self.app.store.purchase(&self.members[*buyer].id, id).await.unwrap();
            let Some(payment) = &purchase.payment else { continue };
            let said = format!("{payment} is owed to its buyer");
            if parked.iter().any(|event| event.why.starts_with(&said)) {
                let owed = purchase.paid.map_or(0, |paid| paid.amount) - purchase.money_back();
                let market = self.market();
                let answer = market.record_paid_back(&Actor::admin(), &purchase, owed).await;
                self.answered("record what is paid outside Stripe", &answer)?;
            }
        }
        Ok(())
    }

    /// A day on which everything works.
    async fn quiet_day(&self, day: Day) -> Result<(), Violation> {
        for _ in 0..2 {
            self.deliver_all().await?;
            self.app.stripe().book_charges();
        }
        self.relay().await?;
        for _ in 0..2 {
            self.buy_top_ups().await?;
            self.drain_jobs().await?;
            self.deliver_all().await?;
            self.relay().await?;
        }
        let has_webhooks = !self.past.borrow().with_webhooks.is_empty();
        for name in SCHEDULED {
            let is_due = match name {
                RETRY_WEBHOOKS => has_webhooks,
                _ => day == Day::Last || !REPORTING.contains(&name),
            };
            if is_due {
                self.run(name).await?;
                self.deliver_all().await?;
            }
        }
        self.relay().await?;
        self.drain_webhooks().await
    }

    async fn deliver_all(&self) -> Result<(), Violation> {
        let mut events = std::mem::take(&mut self.past.borrow_mut().events);
        events.extend(self.app.events());
        for event in events {
            let mut status = 0;
            for _ in 0..ATTEMPTS_MAX {
                status = self.app.deliver(&event).await;
                if status == 200 {
                    break;
                }
            }
            Violation::check(status == 200, || format!("{status} for ever, for {event}"))?;
        }
        Ok(())
    }

    /// Works on jobs until none is in the queue.
    pub(crate) async fn drain_jobs(&self) -> Result<(), Violation> {
        let (queue, mut dice) = (self.app.generation_queue(), Dice(0));
        for _ in 0..BATCHES_MAX {
            if !self.wait_for(&queue) {
                return Ok(());
            }
            self.work(&mut dice).await?;
            self.relay().await?;
        }
        Err(Violation("the queue of jobs is never empty".to_owned()))
    }

    /// Sends events to members' webhooks until none is in the queue.
    async fn drain_webhooks(&self) -> Result<(), Violation> {
        let queue = self.app.webhook_queue();
        for _ in 0..BATCHES_MAX {
            if !self.wait_for(&queue) {
                return Ok(());
            }
            let before = queue.messages();
            self.send_webhooks().await?;
            if queue.messages() == before {
                // One that was received before hides those behind it.
                self.app.advance(HIDDEN);
            }
            // Nobody reads them: their deliveries are queued again when they count as lost.
            queue.take_dead_letters();
            self.relay().await?;
        }
        Err(Violation("the queue of webhooks is never empty".to_owned()))
    }

    /// Waits until the first message of a queue can be received; false if there is none.
    fn wait_for(&self, queue: &TestQueue) -> bool {
        let Some(next) = queue.messages().first().map(|message| message.visible_at) else {
            return false;
        };
        let wait = self.app.now().until(next);
        self.app.advance(wait);
        true
    }
}
