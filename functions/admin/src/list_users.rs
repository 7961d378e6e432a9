//! `GET /api/v1/admin/users`: members by e-mail address, or by an id, an address or a name.
//!
//! With `query` the members come first whose id or e-mail address it is, then those whose display
//! name begins with it, by name. Otherwise members are listed by address. A page costs the same
//! however many members there are, some 2 read units and 1 for each member: the most selective
//! filter is queried, the others are applied to the accounts found. So a page may be short, or
//! empty, before the end; `next_cursor` continues.
//!
//! Access: admins.
//! Changes: only an audit entry, once an hour for each staff member; it does not contain the
//! searched text, which is personal data.

use domain::{
    account::MemberStatus,
    audit::{Action, Target},
    error::{FieldCheck, InvalidFields},
    plan::Plan,
};
use runtime::{Access, ApiError, Call, Endpoint, Function, Json};
use serde::Deserialize;
use store::{Cursor, Page, PageSize, PeopleFilter, Store};

use crate::member::MemberView;

pub const ENDPOINT: Endpoint =
    Endpoint::get("admin-list-users", "/api/v1/admin/users", Access::Admin);

/// Longest address, name or id that is searched for, in bytes.
const TEXT_BYTES_MAX: usize = 254;

#[derive(Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// Only members on this plan.
    plan: Option<Plan>,
    /// Only members with this status.
    status: Option<MemberStatus>,
    /// With or without a listing.
    creator: Option<bool>,
    /// Prefix of the address, case-insensitive; not together with `query`.
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = TEXT_BYTES_MAX)))]
    email: Option<String>,
    /// A member's id or e-mail address, or the beginning of a display name, case-insensitive. The
    /// exact matches come on the first page, beside `limit`.
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = TEXT_BYTES_MAX)))]
    query: Option<String>,
    #[serde(default)]
    limit: PageSize,
    cursor: Option<Cursor>,
}

/// The function of this endpoint.
pub fn function() -> Function {
    Function::http(ENDPOINT, handle)
}

async fn handle(store: &Store, call: Call<Request>) -> Result<Json<Page<MemberView>>, ApiError> {
    let entry = call.audit_entry(Action::ReadMember, Target::directory())?;
    let (request, now) = (call.body, call.now);
    let Request { plan, status, creator, email, query, limit, cursor } = request;
    check_texts(email.as_deref(), query.as_deref())?;
    let wanted = PeopleFilter { plan, status, creator, email, name: None };
    let Page { items, next_cursor } = match query {
        Some(text) => store.find_people(text.trim(), wanted, (limit, cursor), now).await?,
        None => store.people(&wanted, limit, cursor, now).await?,
    };
    store.note_read(entry, now).await?;
    Ok(Json(Page { items: items.iter().map(|it| MemberView::of(it, now)).collect(), next_cursor }))
}

fn check_texts(email: Option<&str>, query: Option<&str>) -> Result<(), InvalidFields> {
    let mut check = FieldCheck::new();
    for (pointer, text) in [("/email", email), ("/query", query.map(str::trim))] {
        let fits = text.is_none_or(|it| (1..=TEXT_BYTES_MAX).contains(&it.len()));
        check.require(fits, pointer, "length", || format!("1 to {TEXT_BYTES_MAX} bytes"));
    }
    check.require(email.is_none() || query.is_none(), "/email", "unused", || {
        "not together with `query`".to_owned()
    });
    check.finish()
}
