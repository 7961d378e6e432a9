//! The end of a world: nothing goes wrong any more, and what is open is carried to its end.

use sandbox::stripe::{Bank, Closing, Decision};

use super::{CREATORS, Violation, World};
use crate::{dice::Dice, step::SCHEDULED};

/// How long a world is looked after once nothing goes wrong any more: longer than sales are held,
/// than Stripe tries to collect an invoice, and than a closed account is kept.
const CALM_DAYS: u32 = 40;
/// Most attempts for an event of Stripe in a calm world.
const ATTEMPTS_MAX: u32 = 5;

impl World {
    /// Nothing goes wrong any more: what is open is carried to its end, day by day.
    pub(crate) async fn settle(&self) -> Result<(), Violation> {
        self.calm_down();
        let stripe = self.app.stripe();
        for creator in 0..CREATORS {
            if let Some(account) = self.connected_account(creator).await {
                let _ = stripe.onboard(&account, Bank::Works);
            }
        }
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
                self.quiet_day().await?;
            }
            self.app.advance_days(1);
        }
        self.quiet_day().await?;
        self.quiet_day().await
    }

    /// A day on which everything works.
    async fn quiet_day(&self) -> Result<(), Violation> {
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
        for name in SCHEDULED {
            self.ran(name, self.app.run(name).await)?;
            self.deliver_all().await?;
        }
        self.relay().await
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

    /// Works on jobs until none is in the queue; an hour at most.
    async fn drain_jobs(&self) -> Result<(), Violation> {
        let mut dice = Dice(0);
        for _ in 0..60 {
            let queue = self.app.generation_queue();
            let Some(next) = queue.messages().first().map(|message| message.visible_at) else {
                return Ok(());
            };
            let wait = self.app.now().until(next);
            self.app.advance(wait);
            self.work(&mut dice).await?;
            self.relay().await?;
        }
        Err(Violation("the queue of jobs is never empty".to_owned()))
    }
}
