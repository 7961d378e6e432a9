//! `GET /api/v1/me`: the caller's account.
//!
//! Access: any member, suspended ones too: they may read the reason.
//! Changes: the first call creates the account on the Free plan; expired credits are removed and
//! the month's credits granted, exactly once however often this is called. With the `ETag` as its
//! `If-Match`, `PATCH /api/v1/me` is refused only if the profile changed since, not for a credit.

use domain::account::AccountUpdate;
use runtime::{Access, ApiError, Call, Editable, Endpoint, Function};
use serde::Deserialize;
use store::Store;

use crate::view::MeView;

pub const ENDPOINT: Endpoint = Endpoint::get("account-get-me", "/api/v1/me", Access::Member);

#[derive(Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Request {}

/// The function of this endpoint.
pub fn function() -> Function {
    Function::http(ENDPOINT, handle)
}

async fn handle(store: &Store, call: Call<Request>) -> Result<Editable<MeView>, ApiError> {
    let member = call.member()?;
    // The staff role is stored: admins cannot moderate other admins. Only a token states one.
    let set_role = |account: &mut AccountUpdate| {
        if member.key.is_none() {
            account.seen_as(member.role);
        }
    };
    let email = member.email_claim();
    let account = store.update_account(&member.user_id, email, call.now, set_role).await?;
    let profile = account.profile.clone();
    Editable::new(MeView::new(account, member.role, call.now), &profile)
}
