//! `GET /api/v1/billing/usage`: credits spent in the current period, by day.
//!
//! Access: any member, suspended ones too.
//! Changes: brings the account up to date, as every read of it does.

use domain::{Timestamp, account::Account, plan::Plan};
use runtime::{Access, ApiError, Call, Endpoint, Function, Json};
use serde::{Deserialize, Serialize};
use store::Store;

pub const ENDPOINT: Endpoint =
    Endpoint::get("billing-get-usage", "/api/v1/billing/usage", Access::Member);

#[derive(Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Request {}

#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Response {
    plan: Plan,
    period_starts_at: Option<Timestamp>,
    /// When the plan's credits renew; `null` if unknown.
    period_ends_at: Option<Timestamp>,
    /// Credits spent in the period, those of packs included.
    used: u32,
    /// Credits the plan grants for the period; `null` is unlimited within fair use.
    limit: Option<u32>,
    /// Credits available now, those of packs included; `null` is unlimited within fair use.
    remaining: Option<u32>,
    /// Credits held for running generations.
    held: u32,
    /// The days (UTC) on which credits were spent, oldest first.
    by_day: Vec<Day>,
}

#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "UsageDay"))]
struct Day {
    date: String,
    used: u32,
}

/// The function of this endpoint.
pub fn function() -> Function {
    Function::http(ENDPOINT, handle)
}

async fn handle(store: &Store, call: Call<Request>) -> Result<Json<Response>, ApiError> {
    let member = call.member()?;
    let account =
        store.get_or_create_account(&member.user_id, member.email_claim(), call.now).await?;
    Ok(Json(Response::of(&account, call.now)))
}

impl Response {
    fn of(account: &Account, now: Timestamp) -> Response {
        let totals = account.credits.totals();
        let days = account.usage.by_day();
        Response {
            plan: account.plan,
            period_starts_at: account.usage.starts_at(),
            period_ends_at: match account.plan {
                Plan::Free => Some(account.granted_until),
                Plan::Pro | Plan::Enterprise => account.paid_period.map(|paid| paid.ends_at),
            },
            used: account.usage.used(),
            limit: account.allowance(account.plan).credits(),
            remaining: (!account.credits.is_unlimited(now)).then_some(totals.available),
            held: totals.held,
            by_day: days.map(|(day, used)| Day { date: day.date(), used }).collect(),
        }
    }
}
