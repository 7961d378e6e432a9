//! `POST /api/v1/me/appeals`: appeal a suspension, or the rejection or delisting of a listing.
//!
//! Without `listing_id` it is about the member's suspension, else about the latest decision of
//! staff against that listing which is in effect. Each decision can be appealed once.
//!
//! Access: any member, suspended ones too: it is all that they may write.
//! Changes: the appeal, which staff decide on.
//! Retry: the same text again returns the same appeal; another one is a 409.

use domain::{appeal::checked_text, id::ListingId};
use runtime::{Access, ApiError, Call, Created, Endpoint, Function};
use serde::Deserialize;
use store::Store;

use crate::list_appeals::AppealView;

pub const ENDPOINT: Endpoint =
    Endpoint::post("account-create-appeal", "/api/v1/me/appeals", Access::Member)
        .ignores_key()
        .for_suspended()
        .with_errors(&["already_appealed", "listing_not_found", "no_decision"]);

#[derive(Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// The member's listing that was rejected or delisted.
    listing_id: Option<ListingId>,
    /// Why the decision is wrong, at most 2,000 characters.
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = domain::appeal::TEXT_CHARS_MAX)))]
    text: String,
}

/// The function of this endpoint.
pub fn function() -> Function {
    Function::http(ENDPOINT, handle)
}

async fn handle(store: &Store, call: Call<Request>) -> Result<Created<AppealView>, ApiError> {
    let member = call.member()?;
    let text = checked_text(&call.body.text)?;
    let (who, listing) = ((&member.user_id, member.email_claim()), call.body.listing_id.as_ref());
    let appeal = store.make_appeal(who, listing, &text, call.now).await?;
    let location = call.links.to(format_args!("/api/v1/me/appeals"));
    Ok(Created { location, body: appeal.into() })
}
