//! `GET /api/v1/marketplace/listings/{id}/reviews`: the reviews of a listing, newest first.
//!
//! Access: anybody, while the listing is on sale. Changes: nothing.

use domain::id::ListingId;
use futures_util::future::try_join;
use runtime::{Access, ApiError, Cacheable, Call, Endpoint, Function, PathId};
use serde::{Deserialize, Serialize};
use store::{Cursor, Page, PageSize, Store};

use crate::{purchase_view::ReviewView, view::Rating};

pub const ENDPOINT: Endpoint = Endpoint::get(
    "marketplace-list-reviews",
    "/api/v1/marketplace/listings/{id}/reviews",
    Access::Public,
)
.with_errors(&["listing_not_found"]);

/// How long a cache may serve it, in seconds.
const MAX_AGE_S: u32 = 10;

#[derive(Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Request {
    id: PathId<ListingId>,
    #[serde(default)]
    limit: PageSize,
    cursor: Option<Cursor>,
}

#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Response {
    #[serde(flatten)]
    page: Page<ReviewView>,
    /// Of all reviews, not only of this page.
    summary: Rating,
}

/// The function of this endpoint.
pub fn function() -> Function {
    Function::http(ENDPOINT, handle)
}

async fn handle(store: &Store, call: Call<Request>) -> Result<Cacheable<Response>, ApiError> {
    let Request { id, limit, cursor } = &call.body;
    let id = id.get()?;
    let reviews = store.reviews(id, *limit, cursor.clone());
    let (listing, reviews) = try_join(store.listing_page(id, call.now), reviews).await?;
    let (page, summary) = (reviews.map(ReviewView::from), Rating::of(&listing.stats));
    Ok(Cacheable { body: Response { page, summary }, max_age_s: MAX_AGE_S })
}
