//! `PATCH /api/v1/me`: change the caller's profile.
//!
//! Access: any member who is not suspended.
//! Changes: the account's profile. An omitted field stays; `null` clears it.
//! Retry: repeating a change has no further effect. `If-Match` with the tag of `GET /api/v1/me`
//! refuses a change if the profile has changed since (412).

use domain::account::Profile;
use runtime::{Access, ApiError, Call, CallError, Endpoint, Function, Json, patch};
use serde::Deserialize;
use store::Store;

use crate::view::MeView;

pub const ENDPOINT: Endpoint =
    Endpoint::patch("account-update-me", "/api/v1/me", Access::Member).with_if_match();

#[derive(Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Request {
    #[serde(default, deserialize_with = "patch::sent_or_null")]
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = domain::account::DISPLAY_NAME_CHARS_MAX)))]
    display_name: Option<Option<String>>,
    #[serde(default, deserialize_with = "patch::sent_or_null")]
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = domain::account::BIO_CHARS_MAX)))]
    bio: Option<Option<String>>,
}

impl Request {
    fn apply(&self, profile: &mut Profile) {
        if let Some(display_name) = &self.display_name {
            profile.display_name.clone_from(display_name);
        }
        if let Some(bio) = &self.bio {
            profile.bio.clone_from(bio);
        }
    }
}

/// The function of this endpoint.
pub fn function() -> Function {
    Function::http(ENDPOINT, handle)
}

async fn handle(store: &Store, call: Call<Request>) -> Result<Json<MeView>, ApiError> {
    let member = call.member()?;
    let mut changed = Profile::default();
    call.body.apply(&mut changed);
    changed.validate()?;
    let (user, email) = (&member.user_id, member.email_claim());
    let account = store.update_profile(user, email, call.now, |account, profile| {
        call.check_if_match(&account.profile)?;
        call.body.apply(profile);
        Ok::<(), CallError>(())
    });
    Ok(Json(MeView::new(account.await?, member.role, call.now)))
}
