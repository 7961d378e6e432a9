//! `GET /api/v1/marketplace/creator/listings/{id}`: a listing as its creator sees it.
//!
//! Access: the listing's creator, suspended or not; for all other callers it does not exist (404).
//! Changes: nothing. Its `ETag` can be sent as `If-Match` with a change.
//! `Retry-After` says when to ask again, while a submitted version is being prepared.

use clients::Previews;
use domain::id::ListingId;
use runtime::{Access, ApiError, Call, Connect, Endpoint, Function, PathId, Polled};
use serde::Deserialize;
use store::Store;

use crate::{submit_listing::PREPARED_AFTER_S, view::CreatorListingView};

pub const ENDPOINT: Endpoint = Endpoint::get(
    "marketplace-get-creator-listing",
    "/api/v1/marketplace/creator/listings/{id}",
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

#[derive(Connect)]
struct Deps {
    store: Store,
    previews: Previews,
}

async fn handle(
    Deps { store, previews }: &Deps,
    call: Call<Request>,
) -> Result<Polled<CreatorListingView>, ApiError> {
    let id = call.body.id.get()?;
    let update = store.own_listing(&call.member()?.user_id, id).await?;
    let retry_after_s = update.listing.preparing().map(|_| PREPARED_AFTER_S);
    let body = CreatorListingView::of(update, (previews, &call.links), call.now);
    Ok(Polled { body, retry_after_s })
}
