//! `DELETE /api/v1/marketplace/listings/{id}`: take a listing off sale, or delete a draft.
//!
//! Access: the listing's creator, unless suspended; for all other callers it does not exist (404).
//! Changes: the listing is no longer found or sold. Buyers keep it, and nothing is deleted. One
//! that was never on sale is deleted, even while in review, and no longer counts against the limit.
//! Retry: a repeat changes nothing; a deleted listing is a 404.

use domain::id::ListingId;
use runtime::{Access, ApiError, Call, Endpoint, Function, NoContent, PathId};
use serde::Deserialize;
use store::Store;

pub const ENDPOINT: Endpoint = Endpoint::delete(
    "marketplace-retire-listing",
    "/api/v1/marketplace/listings/{id}",
    Access::Member,
)
.with_errors(&["listing_not_found"]);

#[derive(Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Request {
    id: PathId<ListingId>,
}

/// The function of this endpoint.
pub fn function() -> Function {
    Function::http(ENDPOINT, handle)
}

async fn handle(store: &Store, call: Call<Request>) -> Result<NoContent, ApiError> {
    let id = call.body.id.get()?;
    let creator = &call.member()?.user_id;
    store.retire_listing(creator, id, call.now).await?;
    Ok(NoContent)
}
