//! `GET /api/v1/admin/users`: members by e-mail address.
//!
//! Access: admins.
//! Changes: nothing, but the audit says who looked through members, once an hour for each of the
//! staff; not for whom, because an address does not belong there. A page costs the same however many members there are: the filter that fewest
//! members pass is looked up, the others are held against the accounts. So a page may be short, or
//! empty, before the end; `next_cursor` goes on.

use std::process::ExitCode;

use domain::{
    audit::{Action, Target},
    error::{FieldCheck, InvalidFields},
    plan::Plan,
};
use runtime::{Access, ApiError, Call, Endpoint, Json};
use serde::Deserialize;
use store::{Cursor, Page, PageSize, PeopleFilter, StandingFilter, Store};

use crate::member::MemberView;

pub const ENDPOINT: Endpoint =
    Endpoint::get("admin-list-users", "/api/v1/admin/users", Access::Admin);

/// Longest beginning of an address.
const EMAIL_BYTES_MAX: usize = 254;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Request {
    plan: Option<Plan>,
    status: Option<StandingFilter>,
    /// Who have made a listing, or have not.
    creator: Option<bool>,
    /// How the address begins, in letters of either case.
    email: Option<String>,
    #[serde(default)]
    limit: PageSize,
    cursor: Option<Cursor>,
}

/// The whole of its process.
pub fn serve() -> ExitCode {
    runtime::http(ENDPOINT, handle)
}

pub async fn handle(
    store: &Store,
    call: Call<Request>,
) -> Result<Json<Page<MemberView>>, ApiError> {
    let deed = call.deed(Action::ReadMember, Target::directory())?;
    let Request { plan, status, creator, email, limit, cursor } = call.body;
    check_email(email.as_deref())?;
    let wanted = PeopleFilter { plan, standing: status, creator, email };
    let Page { items, next_cursor } = store.people(&wanted, limit, cursor, call.now).await?;
    store.note_read(deed, call.now).await?;
    Ok(Json(Page { items: items.iter().map(MemberView::of).collect(), next_cursor }))
}

fn check_email(email: Option<&str>) -> Result<(), InvalidFields> {
    let mut check = FieldCheck::new();
    let fits = email.is_none_or(|it| (1..=EMAIL_BYTES_MAX).contains(&it.len()));
    check.require(fits, "/email", "length", || format!("1 to {EMAIL_BYTES_MAX} bytes"));
    check.finish()
}
