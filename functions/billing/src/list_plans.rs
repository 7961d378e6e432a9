//! `GET /api/v1/billing/plans`: the plans and what they give.
//!
//! Access: anybody. Changes: nothing. The table is `domain::plan`.

use domain::plan::{Allowance, Plan, PlanTerms};
use runtime::{Access, ApiError, Call, Endpoint, Shared};
use serde::{Deserialize, Serialize};

pub const ENDPOINT: Endpoint =
    Endpoint::get("billing-list-plans", "/api/v1/billing/plans", Access::Public);

/// For how long a page may show a price without asking again, in seconds.
const MAX_AGE_S: u32 = 300;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Request {}

#[derive(Debug, Serialize)]
pub struct Response {
    items: Vec<PlanView>,
    next_cursor: Option<String>,
}

#[derive(Debug, Serialize)]
struct PlanView {
    plan: Plan,
    name: &'static str,
    monthly_price: Price,
    /// `null` is unlimited within fair use: `open_generations_max` bounds it.
    monthly_credits: Option<u32>,
    open_generations_max: u32,
}

/// Minor units.
#[derive(Debug, Serialize)]
struct Price {
    amount: u32,
    currency: &'static str,
}

impl From<PlanTerms> for PlanView {
    fn from(terms: PlanTerms) -> PlanView {
        PlanView {
            plan: terms.plan,
            name: terms.name,
            monthly_price: Price { amount: terms.monthly_price_cents, currency: "usd" },
            monthly_credits: match terms.allowance {
                Allowance::Credits(credits) => Some(credits),
                Allowance::Unlimited => None,
            },
            open_generations_max: terms.concurrency_max,
        }
    }
}

pub async fn handle((): &(), _call: Call<Request>) -> Result<Shared<Response>, ApiError> {
    let items = Plan::ALL.map(|plan| plan.terms().into()).into();
    Ok(Shared { body: Response { items, next_cursor: None }, max_age_s: MAX_AGE_S })
}
