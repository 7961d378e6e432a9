//! `POST /api/v1/admin/users/{id}/ban`: suspend a member, for good or until a date.
//!
//! Access: admins; not their own account, nor another admin's. So the last admin stays.
//! Changes: the standing holds from the member's next request on, which is told the reason. Then what
//! waits to be generated is called off and its credits go back, and what they sell is hidden; a
//! generation that is with its provider ends as it ends. No payout is begun, and no pack is bought
//! by itself. What they paid for meanwhile they have when they are back.
//! Retry: the same `Idempotency-Key` returns the same answer; what could not be followed up in time is
//! done within a minute by `background-follow-sellers`, which also ends a suspension at its date.

use domain::{
    Timestamp,
    account::{Draft, StaffRefused, staff::checked_until},
    audit::{Action, Target},
    marketplace::listing::checked_reason,
};
use runtime::{Access, ApiError, Call, Endpoint, Fresh, kept};
use serde::Deserialize;
use serde_json::value::RawValue;
use store::Store;

use crate::member::{MemberView, member_id};

pub const ENDPOINT: Endpoint =
    Endpoint::post("admin-ban-user", "/api/v1/admin/users/{id}/ban", Access::Admin);

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Request {
    id: String,
    /// What the member is told.
    reason: String,
    /// When it ends by itself; never, if it is not said.
    until: Option<Timestamp>,
}

pub async fn handle(store: &Store, call: Call<Request>) -> Result<Fresh<Box<RawValue>>, ApiError> {
    let Request { id, reason, until } = &call.body;
    let member = member_id(id)?;
    let reason = checked_reason(reason)?;
    let until = checked_until(*until, call.now)?;
    let deed = call.deed(Action::Ban, Target::user(&member))?.because(&reason);
    let (staff, asked) = (call.staff()?, call.idempotency());
    let change = |draft: &mut Draft| {
        draft.suspend(reason.clone(), until);
        Ok::<(), StaffRefused>(())
    };
    let decided = store
        .decide_on_member(staff, &member, (asked, &deed), call.now, change, MemberView::of)
        .await?;
    store.follow_standing(&member, call.now).await?;
    kept(decided)
}
