//! `GET /api/v1/marketplace/creator/revenue/{month}`: the creator's revenue of a month such as
//! `2026-11` by day and listing, with where buyers came from, as JSON, or with `?format=csv` as a
//! file.
//!
//! A refund lowers the day of its sale here. A statement books it on its own day instead. Free sales
//! are not included.
//!
//! Access: any member, suspended ones too, for their own.
//! Changes: a file is rendered once for each state of the month and stored. The response redirects
//! to a link to it, valid for ten minutes; with `Accept: application/json` it is 200 with that link.
//! Cost: one request per MB of sales, which is about a thousand.

use clients::documents::{Document, Documents, FileKind};
use domain::{
    id::ListingId,
    marketplace::{
        creator::revenue::{Revenue, revenue_of},
        purchase::FoundBy,
    },
    money::Money,
    time::{Day, Month},
};
use runtime::{
    Access, ApiError, Call, Connect, Endpoint, FileLink, Function, JsonOrFile, Link, Links,
};
use serde::{Deserialize, Serialize};
use store::{NotFound, Rate, Store};

use crate::revenue_csv::to_csv;

pub const ENDPOINT: Endpoint = Endpoint::get(
    "marketplace-get-creator-revenue",
    "/api/v1/marketplace/creator/revenue/{month}",
    Access::Member,
)
.with_rate(Rate::a_minute(60))
.with_errors(&["statement_not_found"]);

#[derive(Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Request {
    month: String,
    #[serde(default)]
    format: Format,
}

/// The requested format.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "RevenueFormat"))]
#[serde(rename_all = "snake_case")]
enum Format {
    /// The default.
    #[default]
    Json,
    /// RFC 4180, for spreadsheets.
    Csv,
}

#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "CreatorRevenue"))]
pub struct Response {
    month: Month,
    /// By day, then by listing; days without a sale are left out.
    items: Vec<RevenueView>,
    links: ResponseLinks,
}

#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "RevenueLinks"))]
struct ResponseLinks {
    csv: Link,
}

/// The sales of one listing on one day, as they are now.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
struct RevenueView {
    date: Day,
    listing_id: ListingId,
    /// Its title at the last of these sales.
    title: String,
    /// Without fully refunded ones.
    sales: u32,
    /// What buyers paid, without tax: the sum of `fee`, `net` and `refunded`.
    gross: Money,
    /// The platform fee, net of refunds.
    fee: Money,
    /// The creator's share, net of refunds.
    net: Money,
    /// Taken back by refunds and disputes.
    refunded: Money,
    found_by: FoundByCounts,
}

/// The number of sales by where their buyers found the listing. Those of before December 2026 are
/// in none of these.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
struct FoundByCounts {
    direct: u32,
    search: u32,
    /// A member's shared link.
    share: u32,
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
) -> Result<JsonOrFile<Response>, ApiError> {
    let (now, Request { month, format }) = (call.now, &call.body);
    let month = Month::parse(month).ok().filter(|month| month.has_begun(now));
    let month = month.ok_or(NotFound::Statement)?;
    let creator = &call.member()?.user_id;
    let rows = revenue_of(month, store.sales_around(creator, month).await?);
    match format {
        Format::Json => Ok(JsonOrFile::Json(Response::new(month, rows, &call.links))),
        Format::Csv => {
            let folder = format!("revenue-{month}");
            let document = Document::new((creator, &folder), &rows, &folder, FileKind::Csv)?;
            let render = || to_csv(&rows).map_err(ApiError::from);
            let key = documents.store_once(document, render).await?;
            Ok(JsonOrFile::File(FileLink::to_document(documents, &key, now).await?))
        }
    }
}

impl Response {
    fn new(month: Month, rows: Vec<Revenue>, links: &Links) -> Response {
        let csv = format_args!("/api/v1/marketplace/creator/revenue/{month}?format=csv");
        Response {
            month,
            items: rows.into_iter().map(RevenueView::from).collect(),
            links: ResponseLinks { csv: links.to(csv) },
        }
    }
}

impl From<Revenue> for RevenueView {
    fn from(row: Revenue) -> RevenueView {
        let money = |amount| Money { amount, currency: row.currency };
        let found = |by: FoundBy| row.found_by.get(&by).copied().unwrap_or_default();
        RevenueView {
            sales: row.sales,
            gross: money(row.gross),
            fee: money(row.kept.fee),
            net: money(row.kept.net),
            refunded: money(row.refunded),
            found_by: FoundByCounts {
                direct: found(FoundBy::Direct),
                search: found(FoundBy::Search),
                share: found(FoundBy::Share),
            },
            date: row.date,
            listing_id: row.listing_id,
            title: row.title,
        }
    }
}
