//! `GET /api/v1/admin/revenue/reports`: the days with a revenue report, newest first.
//!
//! Access: admins.
//! Changes: nothing.

use domain::{Timestamp, time::Day};
use runtime::{Access, ApiError, Call, Endpoint, Function, Json, Link, Links, PageRequest};
use serde::Serialize;
use store::{Page, Store, StoredReport};

pub const ENDPOINT: Endpoint =
    Endpoint::get("admin-list-reports", "/api/v1/admin/revenue/reports", Access::Admin);

#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ReportView {
    date: Day,
    made_at: Timestamp,
    links: ReportLinks,
}

#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
struct ReportLinks {
    json: Link,
    csv: Link,
    pdf: Link,
}

/// The function of this endpoint.
pub fn function() -> Function {
    Function::http(ENDPOINT, handle)
}

async fn handle(
    store: &Store,
    call: Call<PageRequest>,
) -> Result<Json<Page<ReportView>>, ApiError> {
    let page = store.reports(call.body.limit, call.body.cursor.clone()).await?;
    Ok(Json(page.map(|report| ReportView::of(&report, &call.links))))
}

impl ReportView {
    fn of(report: &StoredReport, links: &Links) -> ReportView {
        let file = |format: &str| {
            links.to(format_args!("/api/v1/admin/revenue/reports/{}?format={format}", report.day))
        };
        let links = ReportLinks { json: file("json"), csv: file("csv"), pdf: file("pdf") };
        ReportView { date: report.day, made_at: report.made_at, links }
    }
}
