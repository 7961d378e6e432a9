//! The plans: price and terms. The only table of them.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use strum::{EnumString, IntoStaticStr};

use crate::time::DAY;

/// How long a plan continues after the end of its paid period while the next payment is missing.
pub const PAST_DUE_GRACE: Duration = DAY.saturating_mul(7);

/// A subscription plan.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, IntoStaticStr, EnumString,
)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case", const_into_str)]
pub enum Plan {
    /// The default plan.
    Free,
    /// For working photographers.
    Pro,
    /// For studios.
    Enterprise,
}

/// The monthly allowance of a plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Allowance {
    /// A number of credits.
    Credits(u32),
    /// Unlimited; the concurrency limit bounds it.
    Unlimited,
}

/// A row of the table of plans.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PlanTerms {
    /// The plan.
    pub plan: Plan,
    /// The display name.
    pub name: &'static str,
    /// Monthly price in US cents.
    pub monthly_price_cents: u32,
    /// The lookup key of its price at Stripe; Free has none.
    pub lookup_key: Option<&'static str>,
    /// Monthly allowance; one image is one credit.
    pub allowance: Allowance,
    /// Most generations that may be open at once.
    pub concurrency_max: u32,
    /// Most calls in a minute, over all routes.
    pub calls_a_minute: u32,
}

impl Allowance {
    /// The number of credits; `None` if there is no limit.
    pub fn credits(self) -> Option<u32> {
        match self {
            Allowance::Credits(credits) => Some(credits),
            Allowance::Unlimited => None,
        }
    }
}

impl Plan {
    /// Every plan, cheapest first.
    pub const ALL: [Plan; 3] = [Plan::Free, Plan::Pro, Plan::Enterprise];

    /// The plan whose price at Stripe has this lookup key.
    pub fn of_lookup_key(key: &str) -> Option<Plan> {
        Plan::ALL.into_iter().find(|plan| plan.terms().lookup_key == Some(key))
    }

    /// The plan's terms.
    pub const fn terms(self) -> PlanTerms {
        match self {
            Plan::Free => PlanTerms {
                plan: self,
                name: "Free",
                monthly_price_cents: 0,
                lookup_key: None,
                allowance: Allowance::Credits(10),
                concurrency_max: 2,
                calls_a_minute: 600,
            },
            Plan::Pro => PlanTerms {
                plan: self,
                name: "Pro",
                monthly_price_cents: 2900,
                lookup_key: Some("prolight_pro_monthly"),
                allowance: Allowance::Credits(500),
                concurrency_max: 8,
                calls_a_minute: 2_400,
            },
            Plan::Enterprise => PlanTerms {
                plan: self,
                name: "Enterprise",
                monthly_price_cents: 9900,
                lookup_key: Some("prolight_enterprise_monthly"),
                allowance: Allowance::Unlimited,
                concurrency_max: 32,
                calls_a_minute: 12_000,
            },
        }
    }
}

#[cfg(test)]
mod tests;
