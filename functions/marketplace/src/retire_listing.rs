//! `DELETE /api/v1/marketplace/listings/{id}`: take a listing off sale, or throw a draft away.
//!
//! Access: the listing's creator, unless suspended; to everybody else it does not exist.
//! Changes: the listing is no longer found or sold. Who bought it keeps it, and nothing is deleted.
//! One that never was on sale is deleted, also while it waits for a decision, and makes room for
//! another.
//! Retry: off sale already is fine; what is deleted does not exist.

use std::process::ExitCode;

use domain::id::ListingId;
use runtime::{Access, ApiError, Call, Endpoint, NoContent};
use serde::Deserialize;
use store::{NotFound, Store};

pub const ENDPOINT: Endpoint = Endpoint::delete(
    "marketplace-retire-listing",
    "/api/v1/marketplace/listings/{id}",
    Access::Member,
);

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Request {
    id: String,
}

/// The whole of its process.
pub fn serve() -> ExitCode {
    runtime::http(ENDPOINT, handle)
}

pub async fn handle(store: &Store, call: Call<Request>) -> Result<NoContent, ApiError> {
    let id = ListingId::parse(&call.body.id).map_err(|_| NotFound::Listing)?;
    let creator = &call.member()?.user_id;
    store.retire_listing(creator, &id, call.now).await?;
    Ok(NoContent)
}
