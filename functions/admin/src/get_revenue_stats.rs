//! `GET /api/v1/admin/revenue/stats`: what recurs, what was earned and what went back
//! in a period, beside as many days before it.
//!
//! Access: admins.
//! Changes: nothing. What is read is a few sums for each day from the first that is compared with to today,
//! however many members there are. The numbers are a few seconds behind. What they mean:
//! `domain::metrics`.

use std::process::ExitCode;

use domain::{
    metrics::{RevenueReport, Span},
    time::Day,
};
use runtime::{Access, ApiError, Call, Endpoint, Json};
use serde::Deserialize;
use store::Store;

pub const ENDPOINT: Endpoint =
    Endpoint::get("admin-get-revenue-stats", "/api/v1/admin/revenue/stats", Access::Admin);

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// The first day, in UTC; thirty days before the last if nobody says.
    from: Option<Day>,
    /// The last day; today if nobody says.
    to: Option<Day>,
}

/// The whole of its process.
pub fn serve() -> ExitCode {
    runtime::http(ENDPOINT, handle)
}

pub async fn handle(store: &Store, call: Call<Request>) -> Result<Json<RevenueReport>, ApiError> {
    let span = Span::asked(call.body.from, call.body.to, call.now)?;
    let metrics = store.metrics(span, call.now).await?;
    let report = RevenueReport::of(span, &metrics, call.now);
    Ok(Json(store.with_names(report).await?))
}
