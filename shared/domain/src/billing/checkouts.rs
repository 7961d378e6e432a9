//! A member's checkouts of plans: the open one, and the latest that are closed.

use super::{
    Billing,
    checkout::{CheckoutStatus, PlanCheckout},
    external::SubscriptionId,
};
use crate::{id::CheckoutId, time::Timestamp};

/// Most closed checkouts of plans that are kept, the latest ones.
const CLOSED_MAX: usize = 8;

impl Billing {
    /// A checkout of a plan, open or among the latest closed ones, with the subscription that it
    /// led to, and its state as far as that alone tells: who is [`CheckoutStatus::Paid`] may have
    /// the credits already.
    pub fn plan_checkout(
        &self,
        id: &CheckoutId,
        now: Timestamp,
    ) -> Option<(&PlanCheckout, Option<&SubscriptionId>, CheckoutStatus)> {
        if let Some(open) = self.checkout.as_ref().filter(|open| open.id() == *id) {
            // A paid page creates the subscription before Stripe reports the page as closed.
            let theirs = self.live_subscription().ok().map(|it| &it.id);
            let status = match theirs {
                Some(_) => CheckoutStatus::Paid,
                None if open.expires_at <= now => CheckoutStatus::Expired,
                None => CheckoutStatus::Open,
            };
            return Some((open, theirs, status));
        }
        let closed = self.closed_checkouts.iter().find(|closed| closed.id() == *id)?;
        let theirs = closed.subscription.as_ref();
        let status = theirs.map_or(CheckoutStatus::Expired, |_| CheckoutStatus::Paid);
        Some((closed, theirs, status))
    }

    /// Moves the present checkout to the closed ones.
    pub(super) fn close_checkout(&mut self, subscription: Option<&SubscriptionId>) {
        let Some(open) = self.checkout.take() else { return };
        if self.closed_checkouts.len() == CLOSED_MAX {
            self.closed_checkouts.remove(0);
        }
        self.closed_checkouts.push(PlanCheckout { subscription: subscription.cloned(), ..open });
    }
}
