//! `POST /api/v1/marketplace/listings/{id}/flags`: report a listing.
//!
//! Access: any member who is not suspended.
//! Changes: the member's one report of the listing, replacing an earlier one. Enough reports put
//! the listing before a moderator. Members never see the reports of others.
//! Retry: the same report again changes nothing.

use domain::{id::ListingId, marketplace::moderation::flag::FlagReason};
use runtime::{Access, ApiError, Call, Endpoint, Function, NoStore, PathId};
use serde::{Deserialize, Serialize};
use store::Store;

pub const ENDPOINT: Endpoint = Endpoint::post(
    "marketplace-flag-listing",
    "/api/v1/marketplace/listings/{id}/flags",
    Access::Member,
)
.ignores_key()
.never_by_api_key();

#[derive(Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Request {
    id: PathId<ListingId>,
    reason: FlagReason,
}

#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Response {
    received: bool,
}

/// The function of this endpoint.
pub fn function() -> Function {
    Function::http(ENDPOINT, handle)
}

async fn handle(store: &Store, call: Call<Request>) -> Result<NoStore<Response>, ApiError> {
    let member = call.member()?;
    let id = call.body.id.get()?;
    let reporter = (&member.user_id, member.email_claim());
    store.flag_listing(reporter, id, call.body.reason, call.now).await?;
    Ok(NoStore(Response { received: true }))
}
