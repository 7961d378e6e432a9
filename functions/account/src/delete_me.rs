//! `DELETE /api/v1/me`: delete the caller's account.
//!
//! Access: any member, suspended ones too: the data belongs to them.
//! Changes: the account becomes read-only, its status `deleting`, and the deletion is recorded in one transaction with the
//! audit entry. `background-erase-data` then cancels the subscription, delists the listings and
//! deletes personal data and generated content. Payments, debts and grants are retained without a
//! name.
//! Retry: a repeat returns the same deletion.

use runtime::{Access, ApiError, Call, Endpoint, Function, NoStore};
use serde::Deserialize;
use store::Store;

use crate::view::MeView;

pub const ENDPOINT: Endpoint =
    Endpoint::delete("account-delete-me", "/api/v1/me", Access::Member).for_suspended();

#[derive(Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Request {}

/// The function of this endpoint.
pub fn function() -> Function {
    Function::http(ENDPOINT, handle)
}

async fn handle(store: &Store, call: Call<Request>) -> Result<NoStore<MeView>, ApiError> {
    let member = call.member()?;
    let owner = (&member.user_id, member.email_claim());
    let account = store.request_deletion(owner, call.now).await?;
    Ok(NoStore(MeView::new(account, member.role, call.now)))
}
