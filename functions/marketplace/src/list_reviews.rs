//! `GET /api/v1/marketplace/listings/{id}/reviews`: what buyers say of a listing, newest first.
//!
//! Access: anybody, while the listing is on sale. Changes: nothing.

use domain::{id::ListingId, marketplace::tally::ListingStats};
use futures_util::future::try_join;
use runtime::{Access, ApiError, Call, Endpoint, Shared};
use serde::{Deserialize, Serialize};
use store::{Cursor, Missing, Page, PageSize, Store};

use crate::buying_view::{ReviewView, stars};

pub const ENDPOINT: Endpoint = Endpoint::get(
    "marketplace-list-reviews",
    "/api/v1/marketplace/listings/{id}/reviews",
    Access::Public,
);

/// For how long a page may be shown without asking again, in seconds.
const MAX_AGE_S: u32 = 10;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Request {
    id: String,
    #[serde(default)]
    limit: PageSize,
    cursor: Option<Cursor>,
}

#[derive(Debug, Serialize)]
pub struct Response {
    #[serde(flatten)]
    page: Page<ReviewView>,
    /// Of all reviews, not of this page.
    summary: Summary,
}

#[derive(Debug, Serialize)]
struct Summary {
    /// In stars; `null` without reviews.
    average: Option<f64>,
    count: u32,
    /// How many of 1, 2, 3, 4 and 5 stars.
    histogram: [u32; 5],
}

pub async fn handle(store: &Store, call: Call<Request>) -> Result<Shared<Response>, ApiError> {
    let Request { id, limit, cursor } = &call.body;
    let id = ListingId::parse(id).map_err(|_| Missing::Listing)?;
    let reviews = store.reviews(&id, *limit, cursor.clone());
    let (listing, reviews) = try_join(store.listing_page(&id, call.now), reviews).await?;
    let (page, summary) = (reviews.map(ReviewView::from), listing.stats.into());
    Ok(Shared { body: Response { page, summary }, max_age_s: MAX_AGE_S })
}

impl From<ListingStats> for Summary {
    fn from(stats: ListingStats) -> Summary {
        let (average, count) = (stats.rating().map(stars), stats.ratings());
        Summary { average, count, histogram: stats.histogram }
    }
}
