//! `GET /api/v1/billing/plans`: plans and packs, with prices and credits.
//!
//! Access: anybody. Changes: nothing. The tables are `domain::plan` and `domain::pack`.

use domain::{
    money::Money,
    pack::{Pack, PackTerms},
    plan::{Allowance, Plan, PlanTerms},
};
use runtime::{Access, ApiError, Cacheable, Call, Endpoint, Function};
use serde::{Deserialize, Serialize};

pub const ENDPOINT: Endpoint =
    Endpoint::get("billing-list-plans", "/api/v1/billing/plans", Access::Public);

/// How long a price may be cached, in seconds.
const MAX_AGE_S: u32 = 300;

#[derive(Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Request {}

#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Response {
    items: Vec<PlanView>,
    next_cursor: Option<String>,
    /// Credits beyond the plan's; they do not expire.
    packs: Vec<PackView>,
}

#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
struct PackView {
    pack: Pack,
    name: &'static str,
    price: Money,
    credits: u32,
}

#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
struct PlanView {
    plan: Plan,
    name: &'static str,
    monthly_price: Money,
    /// `null` is unlimited within fair use: `open_generations_max` bounds it.
    monthly_credits: Option<u32>,
    open_generations_max: u32,
}

impl From<PlanTerms> for PlanView {
    fn from(terms: PlanTerms) -> PlanView {
        PlanView {
            plan: terms.plan,
            name: terms.name,
            monthly_price: Money::usd_cents(terms.monthly_price_cents.into()),
            monthly_credits: match terms.allowance {
                Allowance::Credits(credits) => Some(credits),
                Allowance::Unlimited => None,
            },
            open_generations_max: terms.concurrency_max,
        }
    }
}

impl From<PackTerms> for PackView {
    fn from(terms: PackTerms) -> PackView {
        PackView {
            pack: terms.pack,
            name: terms.name,
            price: Money::usd_cents(terms.price_cents.into()),
            credits: terms.credits,
        }
    }
}

/// The function of this endpoint.
pub fn function() -> Function {
    Function::http(ENDPOINT, handle)
}

async fn handle((): &(), _call: Call<Request>) -> Result<Cacheable<Response>, ApiError> {
    let items = Plan::ALL.map(|plan| plan.terms().into()).into();
    let packs = Pack::ALL.map(|pack| pack.terms().into()).into();
    Ok(Cacheable { body: Response { items, next_cursor: None, packs }, max_age_s: MAX_AGE_S })
}
