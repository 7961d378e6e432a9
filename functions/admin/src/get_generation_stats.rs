//! `GET /api/v1/admin/generations/stats`: how generations went in a period, beside as
//! many days before it.
//!
//! Access: admins.
//! Changes: nothing. What is read is a few sums a day, as for the revenue.

use std::process::ExitCode;

use domain::{
    metrics::{GenerationReport, Span},
    time::Day,
};
use runtime::{Access, ApiError, Call, Endpoint, Json};
use serde::Deserialize;
use store::Store;

pub const ENDPOINT: Endpoint =
    Endpoint::get("admin-get-generation-stats", "/api/v1/admin/generations/stats", Access::Admin);

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

pub async fn handle(
    store: &Store,
    call: Call<Request>,
) -> Result<Json<GenerationReport>, ApiError> {
    let span = Span::asked(call.body.from, call.body.to, call.now)?;
    let metrics = store.metrics(span, call.now).await?;
    Ok(Json(GenerationReport::of(span, &metrics, call.now)))
}
