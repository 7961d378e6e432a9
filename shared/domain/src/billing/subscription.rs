//! A subscription, as Stripe says it is.

use serde::{Deserialize, Serialize};

use super::external::SubscriptionId;
use crate::{
    plan::Plan,
    time::{Period, Timestamp},
};

/// Where a subscription stands: <https://docs.stripe.com/billing/subscriptions/overview#subscription-statuses>.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SubscriptionStatus {
    /// The first payment is not made yet.
    Incomplete,
    /// The first payment was not made in time.
    IncompleteExpired,
    /// In a trial.
    Trialing,
    /// Paid.
    Active,
    /// The latest payment is missing, and Stripe goes on trying.
    PastDue,
    /// Over.
    Canceled,
    /// The latest payment is missing, and Stripe has given up.
    Unpaid,
    /// Stopped for a while.
    Paused,
}

impl SubscriptionStatus {
    /// Whether the plan's paid period counts. Past due does, for the grace of
    /// [`crate::plan::PAST_DUE_GRACE`] after that period.
    pub fn gives_access(self) -> bool {
        use SubscriptionStatus::{
            Active, Canceled, Incomplete, IncompleteExpired, PastDue, Paused, Trialing, Unpaid,
        };
        match self {
            Trialing | Active | PastDue => true,
            Incomplete | IncompleteExpired | Canceled | Unpaid | Paused => false,
        }
    }

    /// Whether it can never go on again.
    pub fn is_over(self) -> bool {
        matches!(self, SubscriptionStatus::Canceled | SubscriptionStatus::IncompleteExpired)
    }
}

/// A subscription to one of our plans.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subscription {
    /// Stripe's name for it.
    pub id: SubscriptionId,
    /// The plan of its one item.
    pub plan: Plan,
    /// Where it stands.
    pub status: SubscriptionStatus,
    /// The period Stripe is in; it begins before that period's invoice is paid.
    pub period: Period,
    /// Whether it ends with the period.
    pub cancel_at_period_end: bool,
    /// When it began to be.
    pub created_at: Timestamp,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<Timestamp>,
}

impl Subscription {
    /// A total order by age.
    pub(super) fn is_before(&self, other: &Subscription) -> bool {
        (self.created_at, &self.id) < (other.created_at, &other.id)
    }
}
