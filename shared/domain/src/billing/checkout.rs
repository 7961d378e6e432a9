//! The one checkout of a plan that a member may have open.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{Billing, external::SessionId, order::CHECKOUT_OPEN, subscription::Subscription};
use crate::{
    error::{DomainError, ErrorKind},
    plan::Plan,
    time::Timestamp,
};

/// A checkout of a plan. It is written down before Stripe is asked, so that a repeat asks under the
/// same key and gets the same page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanCheckout {
    /// Counts a member's checkouts; part of the key.
    pub nth: u32,
    /// What is being subscribed to.
    pub plan: Plan,
    /// When it was begun.
    pub begun_at: Timestamp,
    /// When Stripe closes it.
    pub expires_at: Timestamp,
    /// Stripe's session, once it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<SessionId>,
    /// Where it is paid.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
}

/// For how long a checkout without a page is asked for again under its key.
const LOST_AFTER: Duration = Duration::from_secs(60 * 60);

impl PlanCheckout {
    /// Its page was never handed out, and Stripe may no longer make one that ends so soon.
    fn is_lost(&self, now: Timestamp) -> bool {
        self.session.is_none() && self.begun_at.plus(LOST_AFTER) <= now
    }
}

/// What to do about a wish to subscribe.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PlanCheckoutStep {
    /// This one's page is not known yet: have Stripe make it, under its key, and note it down. If
    /// it is for another plan, ask again then.
    Open(PlanCheckout),
    /// This one is open already: ask Stripe whether it still is, and hand it out again.
    Again(SessionId),
    /// This one is for another plan: have Stripe close it, then ask again.
    Replace(SessionId),
}

/// Why nobody can subscribe here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CheckoutError {
    /// There is a subscription: it is changed in the portal, not bought again.
    #[error("There is a {} subscription already: change it in the billing portal.", .0.terms().name)]
    Subscribed(Plan),
    /// There is no subscription to change.
    #[error("There is no subscription: choose a plan at checkout.")]
    NotSubscribed,
    /// Free is not sold.
    #[error("The Free plan needs no checkout: cancel the subscription to return to it.")]
    NotSold,
}

impl DomainError for CheckoutError {
    fn kind(&self) -> ErrorKind {
        match self {
            CheckoutError::Subscribed(_) | CheckoutError::NotSubscribed => ErrorKind::Conflict,
            CheckoutError::NotSold => ErrorKind::Invalid,
        }
    }
    fn code(&self) -> &'static str {
        match self {
            CheckoutError::Subscribed(_) => "already_subscribed",
            CheckoutError::NotSubscribed => "not_subscribed",
            CheckoutError::NotSold => "plan_not_sold",
        }
    }
    fn extensions(&self) -> Vec<(&'static str, Value)> {
        match self {
            CheckoutError::Subscribed(plan) => {
                vec![("plan", json!(plan)), ("portal", json!("/api/v1/billing/portal"))]
            }
            CheckoutError::NotSubscribed | CheckoutError::NotSold => Vec::new(),
        }
    }
}

impl Billing {
    /// What to do about a wish to subscribe to `plan`. A new checkout is noted down here; it counts
    /// only once this is written.
    ///
    /// # Errors
    /// When there is a subscription, or nothing to subscribe to.
    pub fn subscribe(
        &mut self,
        plan: Plan,
        now: Timestamp,
    ) -> Result<PlanCheckoutStep, CheckoutError> {
        if plan.terms().lookup_key.is_none() {
            return Err(CheckoutError::NotSold);
        }
        if let Ok(kept) = self.live_subscription() {
            return Err(CheckoutError::Subscribed(kept.plan));
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
        };
        self.checkout = Some(checkout.clone());
        Ok(PlanCheckoutStep::Open(checkout))
    }

    /// The subscription that goes on.
    ///
    /// # Errors
    /// When there is none.
    pub fn live_subscription(&self) -> Result<&Subscription, CheckoutError> {
        let kept = self.subscription.as_ref().filter(|kept| !kept.status.is_over());
        kept.ok_or(CheckoutError::NotSubscribed)
    }

    /// Stripe has opened the page of the `nth` checkout.
    pub fn opened(&mut self, nth: u32, session: SessionId, url: String) {
        if let Some(open) = self.checkout.as_mut().filter(|open| open.nth == nth) {
            open.session = Some(session);
            open.url = Some(url);
        }
    }

    /// The checkout of this session is over, paid or not.
    pub fn closed(&mut self, session: &SessionId) {
        if self.checkout.as_ref().is_some_and(|open| open.session.as_ref() == Some(session)) {
            self.checkout = None;
        }
    }
}
