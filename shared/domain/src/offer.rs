//! Plans and packs as they are offered: what a client shows before anybody signs in.

use serde::Serialize;

use crate::{
    money::Money,
    pack::{Pack, PackTerms},
    plan::{Plan, PlanTerms},
};

/// A plan on offer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct PlanOffer {
    /// The plan.
    pub plan: Plan,
    /// Its name, for people.
    pub name: &'static str,
    /// What a month costs.
    pub monthly_price: Money,
    /// Credits of a month; `null` is unlimited within fair use: `open_generations_max` bounds it.
    pub monthly_credits: Option<u32>,
    /// Most generations that are open at once.
    pub open_generations_max: u32,
}

/// A pack of credits on offer. Its credits do not expire.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct PackOffer {
    /// The pack.
    pub pack: Pack,
    /// Its name, for people.
    pub name: &'static str,
    /// What it costs.
    pub price: Money,
    /// Its credits.
    pub credits: u32,
}

impl PlanOffer {
    /// Every plan.
    pub fn all() -> Vec<PlanOffer> {
        Plan::ALL.map(|plan| plan.terms().into()).into()
    }
}

impl PackOffer {
    /// Every pack.
    pub fn all() -> Vec<PackOffer> {
        Pack::ALL.map(|pack| pack.terms().into()).into()
    }
}

impl From<PlanTerms> for PlanOffer {
    fn from(terms: PlanTerms) -> PlanOffer {
        PlanOffer {
            plan: terms.plan,
            name: terms.name,
            monthly_price: Money::usd_cents(terms.monthly_price_cents.into()),
            monthly_credits: terms.allowance.credits(),
            open_generations_max: terms.concurrency_max,
        }
    }
}

impl From<PackTerms> for PackOffer {
    fn from(terms: PackTerms) -> PackOffer {
        PackOffer {
            pack: terms.pack,
            name: terms.name,
            price: Money::usd_cents(terms.price_cents.into()),
            credits: terms.credits,
        }
    }
}
