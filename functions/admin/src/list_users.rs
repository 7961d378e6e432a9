//! `GET /api/v1/admin/users`: members by e-mail address.
//!
//! Access: admins.
//! Changes: only an audit entry, once an hour for each staff member; it does not contain the
//! searched address, which is personal data. A page costs the same however many members there are:
//! the most selective filter is queried, the others are applied to the accounts found. So a page
//! may be short, or empty, before the end; `next_cursor` continues.

use domain::{
    audit::{Action, Target},
    error::{FieldCheck, InvalidFields},
    plan::Plan,
};
use runtime::{Access, ApiError, Call, Endpoint, Function, Json};
use serde::Deserialize;
use store::{Cursor, Page, PageSize, PeopleFilter, StandingFilter, Store};

use crate::member::MemberView;

pub const ENDPOINT: Endpoint =
    Endpoint::get("admin-list-users", "/api/v1/admin/users", Access::Admin);

/// Longest address prefix, in bytes.
const EMAIL_BYTES_MAX: usize = 254;

#[derive(Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Request {
    plan: Option<Plan>,
    status: Option<StandingFilter>,
    /// With or without a listing.
    creator: Option<bool>,
    /// Prefix of the address, case-insensitive.
    email: Option<String>,
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
    let Request { plan, status, creator, email, limit, cursor } = call.body;
    check_email(email.as_deref())?;
    let wanted = PeopleFilter { plan, standing: status, creator, email };
    let Page { items, next_cursor } = store.people(&wanted, limit, cursor, call.now).await?;
    store.note_read(entry, call.now).await?;
    Ok(Json(Page { items: items.iter().map(MemberView::of).collect(), next_cursor }))
}

fn check_email(email: Option<&str>) -> Result<(), InvalidFields> {
    let mut check = FieldCheck::new();
    let fits = email.is_none_or(|it| (1..=EMAIL_BYTES_MAX).contains(&it.len()));
    check.require(fits, "/email", "length", || format!("1 to {EMAIL_BYTES_MAX} bytes"));
    check.finish()
}
