//! A subscription as Stripe reports it.

use serde::{Deserialize, Serialize};

use super::external::SubscriptionId;
use crate::{
    plan::Plan,
    time::{Period, Timestamp},
};

/// Stripe's status: <https://docs.stripe.com/billing/subscriptions/overview#subscription-statuses>.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum SubscriptionStatus {
    /// The first payment has not been made yet.
    Incomplete,
    /// The first payment was not made in time.
    IncompleteExpired,
    /// In a trial.
    Trialing,
    /// Paid.
    Active,
    /// The latest payment failed, and Stripe retries it.
    PastDue,
    /// Ended.
    Canceled,
    /// The latest payment failed, and Stripe has stopped retrying.
    Unpaid,
    /// Paused.
    Paused,
}

impl SubscriptionStatus {
    /// Whether the plan's paid period counts. Past due does, for [`crate::plan::PAST_DUE_GRACE`]
    /// after that period.
    pub fn gives_access(self) -> bool {
        use SubscriptionStatus::{
            Active, Canceled, Incomplete, IncompleteExpired, PastDue, Paused, Trialing, Unpaid,
        };
        match self {
            Trialing | Active | PastDue => true,
            Incomplete | IncompleteExpired | Canceled | Unpaid | Paused => false,
        }
    }

    /// Whether it has ended for good.
    pub fn is_over(self) -> bool {
        matches!(self, SubscriptionStatus::Canceled | SubscriptionStatus::IncompleteExpired)
    }
}

/// A change of the plan that takes effect later.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ScheduledChange {
    /// The plan from then on.
    pub plan: Plan,
    /// When it changes.
    pub at: Timestamp,
}

/// A subscription to one of our plans.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subscription {
    /// Stripe's id.
    pub id: SubscriptionId,
    /// The plan of its only item.
    pub plan: Plan,
    /// Its status.
    pub status: SubscriptionStatus,
    /// Stripe's current period; it begins before its invoice is paid.
    pub period: Period,
    /// The monthly value once it is paid, in cents: price times quantity less permanent discounts;
    /// a year is divided by twelve, tax is excluded.
    #[serde(default)]
    pub monthly_cents: i64,
    /// Whether it cancels at the end of the period.
    pub cancel_at_period_end: bool,
    /// The change of plan that the member scheduled in the portal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scheduled: Option<ScheduledChange>,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<Timestamp>,
}

/// The billing interval of a price.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Every {
    /// Every so many days.
    Days(u32),
    /// Every so many months.
    Months(u32),
}

/// A permanent discount on a price.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Discount {
    /// In hundredths of a percent.
    BasisPoints(i64),
    /// In cents per payment.
    Cents(i64),
}

/// The monthly value of `cents` paid `every` interval, after discounts in their order; fractions of
/// a cent are dropped. A year is twelve months or 365 days.
pub fn monthly_cents(cents: i64, every: Every, discounts: &[Discount]) -> i64 {
    let paid = discounts.iter().fold(i128::from(cents), |left, discount| match discount {
        Discount::BasisPoints(off) => left - left * i128::from(*off) / 10_000,
        Discount::Cents(off) => left - i128::from(*off),
    });
    let paid = paid.max(0);
    let monthly = match every {
        Every::Months(count) => paid / i128::from(count.max(1)),
        Every::Days(count) => paid * 365 / (12 * i128::from(count.max(1))),
    };
    i64::try_from(monthly).unwrap_or(i64::MAX)
}

impl Subscription {
    /// When it renews; `None` if it ends before.
    pub fn renews_at(&self) -> Option<Timestamp> {
        let renews = self.status.gives_access() && !self.cancel_at_period_end;
        renews.then_some(self.period.ends_at)
    }

    /// The next change of the plan that is known: the scheduled one, or the return to Free.
    pub fn next_change(&self) -> Option<ScheduledChange> {
        if self.status.is_over() {
            return None;
        }
        let end = ScheduledChange { plan: Plan::Free, at: self.period.ends_at };
        if self.cancel_at_period_end { Some(end) } else { self.scheduled }
    }

    /// Whether a payment is missing: the invoice's page takes it, also with another card.
    pub fn payment_due(&self) -> bool {
        use SubscriptionStatus::{Incomplete, PastDue, Unpaid};
        matches!(self.status, Incomplete | PastDue | Unpaid)
    }

    /// A total order by age.
    pub(super) fn is_before(&self, other: &Subscription) -> bool {
        (self.created_at, &self.id) < (other.created_at, &other.id)
    }
}
