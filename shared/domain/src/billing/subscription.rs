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
    /// What it is worth a month once it is paid, in cents: price times quantity, discounts that go
    /// on taken off, a year divided by twelve, tax excluded.
    #[serde(default)]
    pub monthly_cents: i64,
    /// Whether it ends with the period.
    pub cancel_at_period_end: bool,
    /// When it began to be.
    pub created_at: Timestamp,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<Timestamp>,
}

/// How often a price is paid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Every {
    /// So many days.
    Days(u32),
    /// So many months.
    Months(u32),
}

/// What goes on being taken off a price.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Discount {
    /// Hundredths of a percent.
    BasisPoints(i64),
    /// Cents of each payment.
    Cents(i64),
}

/// What `cents` paid `every` so often are worth a month, after discounts in their order; fractions
/// of a cent are dropped, as the table has it: a year is twelve months or 365 days.
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
    /// A total order by age.
    pub(super) fn is_before(&self, other: &Subscription) -> bool {
        (self.created_at, &self.id) < (other.created_at, &other.id)
    }
}
