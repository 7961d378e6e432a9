//! Decisions on a member's checkout of a plan.

use super::{
    Billing,
    checkout::{CheckoutError, PlanCheckout, PlanCheckoutStep},
    external::{SessionId, SubscriptionId},
    order::CHECKOUT_OPEN,
    subscription::Subscription,
};
use crate::{plan::Plan, time::Timestamp};

impl Billing {
    /// Decides on a request to subscribe to `plan`. A new checkout is recorded here and takes
    /// effect only once this is written.
    ///
    /// # Errors
    /// When there is already a subscription, or the plan is not sold.
    pub fn subscribe(
        &mut self,
        plan: Plan,
        now: Timestamp,
    ) -> Result<PlanCheckoutStep, CheckoutError> {
        if plan.terms().lookup_key.is_none() {
            return Err(CheckoutError::NotSold);
        }
        if let Ok(existing) = self.live_subscription() {
            return Err(CheckoutError::Subscribed(existing.plan));
        }
        let open = self.checkout.as_ref();
        if let Some(open) = open.filter(|open| open.expires_at > now && !open.is_lost(now)) {
            return Ok(match &open.session {
                None => PlanCheckoutStep::Open(open.clone()),
                Some(session) if open.plan == plan => PlanCheckoutStep::Again(session.clone()),
                Some(session) => PlanCheckoutStep::Replace(session.clone()),
            });
        }
        self.checkouts += 1;
        let checkout = PlanCheckout {
            nth: self.checkouts,
            plan,
            begun_at: now,
            expires_at: now.plus(CHECKOUT_OPEN),
            session: None,
            url: None,
            subscription: None,
        };
        self.close_checkout(None);
        self.checkout = Some(checkout.clone());
        Ok(PlanCheckoutStep::Open(checkout))
    }

    /// The live subscription.
    ///
    /// # Errors
    /// When there is none.
    pub fn live_subscription(&self) -> Result<&Subscription, CheckoutError> {
        let existing = self.subscription.as_ref().filter(|existing| !existing.status.is_over());
        existing.ok_or(CheckoutError::NotSubscribed)
    }

    /// Records the session of the `nth` checkout.
    pub fn opened(&mut self, nth: u32, session: SessionId, url: String) {
        if let Some(open) = self.checkout.as_mut().filter(|open| open.nth == nth) {
            open.session = Some(session);
            open.url = Some(url);
        }
    }

    /// Closes the checkout of this session, which created `subscription`, or expired.
    pub fn closed(&mut self, session: &SessionId, subscription: Option<&SubscriptionId>) {
        if self.checkout.as_ref().is_some_and(|open| open.session.as_ref() == Some(session)) {
            return self.close_checkout(subscription);
        }
        // Its page was over by the clock, but had been paid.
        let mut closed = self.closed_checkouts.iter_mut();
        if let Some(theirs) = closed.find(|closed| closed.session.as_ref() == Some(session)) {
            theirs.subscription = subscription.cloned();
        }
    }
}
