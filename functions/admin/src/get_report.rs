//! `GET /api/v1/admin/revenue/reports/{date}`: the revenue report of a day such as `2026-11-25`,
//! as JSON, or with `?format=csv` or `?format=pdf` as a file.
//!
//! Access: admins.
//! Changes: nothing: a report is made once, at two in the night after its day. A file is a redirect
//! to a link, valid for ten minutes; with `Accept: application/json` it is 200 with that link, for
//! pages: they cannot follow the redirect.

use clients::documents::Documents;
use domain::{metrics::RevenueReport, time::Day};
use runtime::{
    Access, ApiError, Call, Connect, Endpoint, FileLink, Function, JsonOrFile, PathId, Recorded,
};
use serde::Deserialize;
use store::Store;

pub const ENDPOINT: Endpoint =
    Endpoint::get("admin-get-report", "/api/v1/admin/revenue/reports/{date}", Access::Admin)
        .with_errors(&["report_not_found"]);

/// The requested format.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "ReportFormat"))]
#[serde(rename_all = "snake_case")]
enum Format {
    /// The default.
    #[default]
    Json,
    /// RFC 4180, for spreadsheets.
    Csv,
    /// For printing.
    Pdf,
}

#[derive(Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Request {
    date: PathId<Day>,
    #[serde(default)]
    format: Format,
}

/// The function of this endpoint.
pub fn function() -> Function {
    Function::http(ENDPOINT, handle)
}

#[derive(Connect)]
struct Deps {
    store: Store,
    documents: Documents,
}

async fn handle(
    Deps { store, documents }: &Deps,
    call: Call<Request>,
) -> Result<JsonOrFile<Recorded<RevenueReport>>, ApiError> {
    let day = *call.body.date.get()?;
    let report = store.report(day).await?;
    let key = match call.body.format {
        Format::Json => {
            return Ok(JsonOrFile::Json(Recorded::read(report.json)?));
        }
        Format::Csv => report.csv_key,
        Format::Pdf => report.pdf_key,
    };
    Ok(JsonOrFile::File(FileLink::to_document(documents, &key, call.now).await?))
}
