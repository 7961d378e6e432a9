//! The plans: what a member pays and what they get. The one table of it.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::time::DAY;

/// How long a plan goes on after the end of its paid period while the next payment is missing.
pub const PAST_DUE_GRACE: Duration = DAY.saturating_mul(7);

/// A plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Plan {
    /// The start of every member.
    Free,
    /// For working photographers.
    Pro,
    /// For studios.
    Enterprise,
}

/// What a plan gives in a month.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Allowance {
    /// So many credits.
    Credits(u32),
    /// As many as fair use allows: the concurrency cap bounds it.
    Unlimited,
}

/// A row of the table of plans.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PlanTerms {
    /// Which plan.
    pub plan: Plan,
    /// For people.
    pub name: &'static str,
    /// Price of a month in US cents.
    pub monthly_price_cents: u32,
    /// What Stripe's price of it is looked up by; Free has none.
    pub lookup_key: Option<&'static str>,
    /// Credits of a month; one image is one credit.
    pub allowance: Allowance,
    /// How many generations may be open at once.
    pub concurrency_max: u32,
}

impl Plan {
    /// Every plan, cheapest first.
    pub const ALL: [Plan; 3] = [Plan::Free, Plan::Pro, Plan::Enterprise];

    /// As on the wire and in the table.
    pub const fn as_str(self) -> &'static str {
        match self {
            Plan::Free => "free",
            Plan::Pro => "pro",
            Plan::Enterprise => "enterprise",
        }
    }

    /// The plan whose price at Stripe has this lookup key.
    pub fn of_lookup_key(key: &str) -> Option<Plan> {
        Plan::ALL.into_iter().find(|plan| plan.terms().lookup_key == Some(key))
    }

    /// The plan's row.
    pub const fn terms(self) -> PlanTerms {
        match self {
            Plan::Free => PlanTerms {
                plan: self,
                name: "Free",
                monthly_price_cents: 0,
                lookup_key: None,
                allowance: Allowance::Credits(10),
                concurrency_max: 2,
            },
            Plan::Pro => PlanTerms {
                plan: self,
                name: "Pro",
                monthly_price_cents: 2900,
                lookup_key: Some("prolight_pro_monthly"),
                allowance: Allowance::Credits(500),
                concurrency_max: 8,
            },
            Plan::Enterprise => PlanTerms {
                plan: self,
                name: "Enterprise",
                monthly_price_cents: 9900,
                lookup_key: Some("prolight_enterprise_monthly"),
                allowance: Allowance::Unlimited,
                concurrency_max: 32,
            },
        }
    }
}

#[cfg(test)]
mod tests;
