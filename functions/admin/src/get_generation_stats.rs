//! `GET /api/v1/admin/generations/stats`: generation metrics of a period, with the
//! preceding period of the same length.
//!
//! Access: admins.
//! Changes: nothing. It reads a few totals per day, like the revenue, and the names in the two
//! rankings in at most four trips.

use domain::{
    metrics::{GenerationReport, Span},
    time::Day,
};
use runtime::{Access, ApiError, Call, Endpoint, Function, Json};
use serde::Deserialize;
use store::Store;

pub const ENDPOINT: Endpoint =
    Endpoint::get("admin-get-generation-stats", "/api/v1/admin/generations/stats", Access::Admin);

#[derive(Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// The first day, in UTC, at most ten years ago; by default thirty days before the last.
    from: Option<Day>,
    /// The last day; today by default.
    to: Option<Day>,
}

/// The function of this endpoint.
pub fn function() -> Function {
    Function::http(ENDPOINT, handle)
}

async fn handle(store: &Store, call: Call<Request>) -> Result<Json<GenerationReport>, ApiError> {
    let span = Span::asked(call.body.from, call.body.to, call.now)?;
    let metrics = store.metrics(span, call.now).await?;
    let report = GenerationReport::of(span, &metrics, call.now);
    Ok(Json(store.with_popular_names(report).await?))
}
