//! The monthly recurring revenue (MRR) of a member's subscription, reported as it moves.

use std::time::Duration;

use super::{
    Billing,
    subscription::{Subscription, SubscriptionStatus},
};
use crate::{
    metrics::{Fact, FactKind, MrrState, Recurring},
    plan::PAST_DUE_GRACE,
    time::Timestamp,
};

impl Billing {
    /// Reports the change of the MRR since the last report, if any. The member has paid until
    /// `paid_until`; the billing has the version under which it will be written.
    ///
    /// The end of a grace period is dated when the grace ended, the end of a subscription when it
    /// ended, and everything else when it is processed; no date is before the previous movement.
    pub fn state(&mut self, paid_until: Option<Timestamp>, now: Timestamp) -> Option<Fact> {
        let (worth, grace_ends_at, at) = match &self.subscription {
            Some(subscription) => mrr_state(subscription, paid_until, now),
            None => (MrrState::NONE, None, now),
        };
        self.moved(worth, grace_ends_at, at.min(now))
    }

    /// Reports the end of a grace period without payment.
    pub fn end_grace(&mut self, now: Timestamp) -> Option<Fact> {
        let ended = self.recurring?.grace_ends_at.filter(|ends_at| *ends_at <= now)?;
        self.moved(MrrState::NONE, None, ended)
    }

    fn moved(
        &mut self,
        worth: MrrState,
        grace_ends_at: Option<Timestamp>,
        at: Timestamp,
    ) -> Option<Fact> {
        let last = self.recurring;
        let before = last.map_or(MrrState::NONE, |last| last.worth);
        let at = last.map_or(at, |last| at.max(last.since));
        let movement = before.moves_to(worth, last.is_some());
        let since = if movement.is_some() { at } else { last?.since };
        self.recurring = Some(Recurring { worth, since, grace_ends_at });
        let id = format!("moved:{}:{}", self.user_id, self.version);
        movement.map(|movement| Fact::new(id, at, FactKind::Moved(movement)))
    }
}

/// The MRR of a subscription, the end of its grace period if a payment is missing, and its date.
fn mrr_state(
    subscription: &Subscription,
    paid_until: Option<Timestamp>,
    now: Timestamp,
) -> (MrrState, Option<Timestamp>, Timestamp) {
    use SubscriptionStatus::{
        Active, Canceled, Incomplete, IncompleteExpired, PastDue, Paused, Trialing, Unpaid,
    };
    let mrr = subscription.monthly_cents;
    let committed = if subscription.cancel_at_period_end { 0 } else { mrr };
    let worth = match mrr {
        0 => MrrState::NONE,
        _ => MrrState { plan: subscription.plan, mrr, committed },
    };
    match subscription.status {
        Active => (worth, None, now),
        PastDue => {
            let grace = match subscription.cancel_at_period_end {
                true => Duration::ZERO,
                false => PAST_DUE_GRACE,
            };
            // Stripe's current period began when the last paid one ended.
            let ends_at = paid_until.unwrap_or(subscription.period.starts_at).plus(grace);
            if now < ends_at {
                (worth, Some(ends_at), now)
            } else {
                (MrrState::NONE, None, ends_at)
            }
        }
        Trialing | Incomplete | IncompleteExpired | Canceled | Unpaid | Paused => {
            (MrrState::NONE, None, subscription.ended_at.unwrap_or(now))
        }
    }
}
