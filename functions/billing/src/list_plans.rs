//! `GET /api/v1/billing/plans`: plans and packs, with prices and credits.
//!
//! Access: anybody.
//! Changes: nothing.

use domain::offer::{PackOffer, PlanOffer};
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
    items: Vec<PlanOffer>,
    next_cursor: Option<String>,
    /// Credits beyond the plan's; they do not expire.
    packs: Vec<PackOffer>,
}

/// The function of this endpoint.
pub fn function() -> Function {
    Function::http(ENDPOINT, handle)
}

async fn handle((): &(), _call: Call<Request>) -> Result<Cacheable<Response>, ApiError> {
    let (items, packs) = (PlanOffer::all(), PackOffer::all());
    Ok(Cacheable { body: Response { items, next_cursor: None, packs }, max_age_s: MAX_AGE_S })
}
