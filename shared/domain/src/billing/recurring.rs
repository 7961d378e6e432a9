//! What a member's subscription is worth a month, stated as it moves.

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
    /// States how what recurs has moved since it was stated last, if it has. The member has paid
    /// until `paid_until`; the billing has the version it is about to be written under.
    ///
    /// The end of a grace is dated when the grace ended, that of a subscription when it ended, and
    /// everything else when it was heard of; nothing before the movement before it.
    pub fn state(&mut self, paid_until: Option<Timestamp>, now: Timestamp) -> Option<Fact> {
        let (worth, grace_ends_at, at) = match &self.subscription {
            Some(subscription) => stands(subscription, paid_until, now),
            None => (MrrState::NONE, None, now),
        };
        self.moved(worth, grace_ends_at, at.min(now))
    }

    /// States the end of a grace in which nobody paid.
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
        let said = self.recurring;
        let before = said.map_or(MrrState::NONE, |said| said.worth);
        let at = said.map_or(at, |said| at.max(said.since));
        let movement = before.moves_to(worth, said.is_some());
        let since = if movement.is_some() { at } else { said?.since };
        self.recurring = Some(Recurring { worth, since, grace_ends_at });
        let id = format!("moved:{}:{}", self.user_id, self.version);
        movement.map(|movement| Fact::new(id, at, FactKind::Moved(movement)))
    }
}

/// What a subscription is worth, until when if that depends on a payment, and since when.
fn stands(
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
            // The period that Stripe is in began when the one that was paid ended.
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
