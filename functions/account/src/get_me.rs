//! `GET /api/v1/me`: the caller's account.
//!
//! Access: any member, suspended ones too: they may read why.
//! Changes: on first use the account comes into being on the Free plan; what has lapsed expires and
//! the month's credits are granted, exactly once however often this is called.

use runtime::{Access, ApiError, Call, Endpoint, Json};
use serde::Deserialize;
use store::Store;

use crate::view::MeView;

pub const ENDPOINT: Endpoint = Endpoint::get("account-get-me", "/api/v1/me", Access::Member);

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Request {}

pub async fn handle(store: &Store, call: Call<Request>) -> Result<Json<MeView>, ApiError> {
    let member = call.member()?;
    let account = store.visit(&member.user_id, member.email.as_deref(), call.now).await?;
    Ok(Json(MeView::new(account, member.role, call.now)))
}
