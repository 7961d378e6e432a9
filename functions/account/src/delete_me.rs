//! `DELETE /api/v1/me`: delete the caller's account.
//!
//! Access: any member, suspended ones too: their data is theirs.
//! Changes: from now on the account changes nothing. In one transaction with the audit it is noted;
//! `background-erase-data` then cancels the subscription, takes listings off sale and deletes what
//! says who the member is and what they made. What was paid, owed and granted is kept without a name.
//! Retry: asked for again, it is the same deletion.

use std::process::ExitCode;

use runtime::{Access, ApiError, Call, Endpoint, NoStore};
use serde::Deserialize;
use store::Store;

use crate::view::MeView;

pub const ENDPOINT: Endpoint = Endpoint::delete("account-delete-me", "/api/v1/me", Access::Member);

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Request {}

/// The whole of its process.
pub fn serve() -> ExitCode {
    runtime::http(ENDPOINT, handle)
}

pub async fn handle(store: &Store, call: Call<Request>) -> Result<NoStore<MeView>, ApiError> {
    let member = call.member()?;
    let who = (&member.user_id, member.email_claim());
    let account = store.request_deletion(who, call.now).await?;
    Ok(NoStore(MeView::new(account, member.role, call.now)))
}
