//! The one checkout of a plan that a member may have open, and the state of any checkout.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::external::{SessionId, SubscriptionId};
use crate::{id::CheckoutId, plan::Plan, time::Timestamp};

/// A checkout of a plan. It is stored before Stripe is asked, so that a retry uses the same
/// idempotency key and gets the same session.
#[serde_with::skip_serializing_none]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanCheckout {
    /// The checkout's number for this member; part of the idempotency key.
    pub nth: u32,
    /// The plan to subscribe to.
    pub plan: Plan,
    /// When it was created.
    pub begun_at: Timestamp,
    /// When Stripe expires it.
    pub expires_at: Timestamp,
    /// Stripe's Checkout Session, once known.
    pub session: Option<SessionId>,
    /// The page where it is paid.
    pub url: Option<String>,
    /// The subscription that it created, once it is closed.
    pub subscription: Option<SubscriptionId>,
}

/// The state of a checkout, as the page to which Stripe returns shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum CheckoutStatus {
    /// It can be paid.
    Open,
    /// Its payment was started, and the bank has not confirmed it yet.
    Processing,
    /// It is paid; the credits follow, usually within seconds.
    Paid,
    /// It is paid, and its credits are in the account.
    Granted,
    /// Its page closed unpaid.
    Expired,
    /// Its payment failed for good.
    Failed,
}

impl CheckoutStatus {
    /// Whether it changes soon without another act of the member's.
    pub fn is_awaited(self) -> bool {
        match self {
            CheckoutStatus::Open | CheckoutStatus::Processing | CheckoutStatus::Paid => true,
            CheckoutStatus::Granted | CheckoutStatus::Expired | CheckoutStatus::Failed => false,
        }
    }
}

/// How long a checkout without a session is retried under its key.
const LOST_AFTER: Duration = Duration::from_secs(60 * 60);

impl PlanCheckout {
    /// Its id, derived from what never changes.
    pub fn id(&self) -> CheckoutId {
        CheckoutId::new(self.begun_at, self.nth.into())
    }

    /// No session was created for it, and Stripe may no longer create one that expires so soon.
    pub(super) fn is_lost(&self, now: Timestamp) -> bool {
        self.session.is_none() && self.begun_at.plus(LOST_AFTER) <= now
    }
}

/// The next step of a request to subscribe.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PlanCheckoutStep {
    /// It has no session yet: create one under its key and store it. If it is for another plan,
    /// call [`super::Billing::subscribe`] again then.
    Open(PlanCheckout),
    /// Its session is open: check with Stripe that it still is, and return it.
    Again(SessionId),
    /// Its session is for another plan: expire it, then call [`super::Billing::subscribe`] again.
    Replace(SessionId),
}

/// Why a checkout is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CheckoutError {
    /// There is already a subscription: it is changed in the billing portal.
    #[error(
        "There is already a {} subscription: change it in the billing portal.",
        .0.terms().name
    )]
    Subscribed(Plan),
    /// There is no subscription to change.
    #[error("There is no subscription: choose a plan at checkout.")]
    NotSubscribed,
    /// Free is not sold.
    #[error("The Free plan needs no checkout: cancel the subscription to return to it.")]
    NotSold,
}

crate::domain_error! {
    CheckoutError {
        Subscribed => Conflict, "already_subscribed";
        NotSubscribed => Conflict, "not_subscribed";
        NotSold => Invalid, "plan_not_sold";
    }
    fn extensions(&self) -> Vec<(&'static str, Value)> {
        match self {
            CheckoutError::Subscribed(plan) => {
                vec![("plan", json!(plan)), ("portal_url", json!("/api/v1/billing/portal"))]
            }
            CheckoutError::NotSubscribed | CheckoutError::NotSold => Vec::new(),
        }
    }
}
