//! `GET /api/v1/marketplace/creator/statements/{month}`: the creator's statement of a month such
//! as `2026-11`, as JSON, or with `?format=csv` or `?format=pdf` as a file.
//!
//! Access: any member, suspended ones too, for their own.
//! Changes: a file is rendered once for each state of the month and stored. The response redirects
//! to a link to it, valid for ten minutes; with `Accept: application/json` it is 200 with that link,
//! for pages: they cannot follow the redirect.
//! Cost: the creator's whole journal is read, because the opening balance is the sum of all of it:
//! one request per MB, which is some 700 sales, and one per 100 sales of the month.

use std::collections::BTreeSet;

use clients::documents::{Company, Document, Documents};
use domain::{marketplace::creator::statement::Statement, time::Month};
use futures_util::future::try_join;
use runtime::{Access, ApiError, Call, Connect, Endpoint, FileLink, Function, JsonOrFile};
use serde::Deserialize;
use store::{NotFound, Rate, Store};

use crate::statement::{Format, StatementContext, StatementView};

pub const ENDPOINT: Endpoint = Endpoint::get(
    "marketplace-get-creator-statement",
    "/api/v1/marketplace/creator/statements/{month}",
    Access::Member,
)
.with_rate(Rate::a_minute(60))
.with_errors(&["statement_not_found", "statement_too_long"]);

#[derive(Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Request {
    month: String,
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
    company: Company,
}

async fn handle(
    Deps { store, documents, company }: &Deps,
    call: Call<Request>,
) -> Result<JsonOrFile<StatementView>, ApiError> {
    let (now, Request { month, format }) = (call.now, &call.body);
    let month = Month::parse(month).ok().filter(|month| month.has_begun(now));
    let month = month.ok_or(NotFound::Statement)?;
    let member = call.member()?;
    let creator = &member.user_id;
    let (_, entries) = store.whole_journal(creator).await?;
    let statement = Statement::of(creator.clone(), month, &entries);
    format.check(&statement)?;
    let purchases = statement.purchases();
    let titles = store.sale_titles(creator, &purchases);
    let (titles, display_names) =
        try_join(titles, store.names_of(BTreeSet::from([creator]))).await?;
    let name = display_names.get(creator).or(member.name.as_ref());
    let context = StatementContext::new(statement.titled(&titles), name.cloned(), now);
    let Some(kind) = format.file() else {
        return Ok(JsonOrFile::Json(StatementView::new(&context, &call.links)));
    };
    let folder = format!("statement-{month}");
    let document = Document::new((creator, &folder), &context, &folder, kind)?;
    let render = || context.file(kind, company).map_err(ApiError::from);
    let key = documents.store_once(document, render).await?;
    Ok(JsonOrFile::File(FileLink::to_document(documents, &key, now).await?))
}
