//! The plans: what a member pays and what they get. The one table of it.

use serde::{Deserialize, Serialize};

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
    /// Credits of a month; one image is one credit.
    pub allowance: Allowance,
    /// How many generations may be open at once.
    pub concurrency_max: u32,
}

impl Plan {
    /// Every plan, cheapest first.
    pub const ALL: [Plan; 3] = [Plan::Free, Plan::Pro, Plan::Enterprise];

    /// The plan's row.
    pub const fn terms(self) -> PlanTerms {
        match self {
            Plan::Free => PlanTerms {
                plan: self,
                name: "Free",
                monthly_price_cents: 0,
                allowance: Allowance::Credits(10),
                concurrency_max: 2,
            },
            Plan::Pro => PlanTerms {
                plan: self,
                name: "Pro",
                monthly_price_cents: 2900,
                allowance: Allowance::Credits(500),
                concurrency_max: 8,
            },
            Plan::Enterprise => PlanTerms {
                plan: self,
                name: "Enterprise",
                monthly_price_cents: 9900,
                allowance: Allowance::Unlimited,
                concurrency_max: 32,
            },
        }
    }
}

#[cfg(test)]
mod tests;
