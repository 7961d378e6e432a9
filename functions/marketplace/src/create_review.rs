//! `POST /api/v1/marketplace/reviews`: review a purchased listing.
//!
//! Access: members entitled to the listing who are not suspended.
//! Changes: creates or replaces the buyer's one review of the listing, and updates the rating
//! totals of the listing and of its creator.
//! Retry: the same review again changes nothing.

use domain::{
    id::{ListingId, ReviewId},
    marketplace::community::review::Opinion,
};
use runtime::{Access, ApiError, Call, Created, Endpoint, Function};
use serde::Deserialize;
use store::Store;

use crate::purchase_view::ReviewView;

pub const ENDPOINT: Endpoint =
    Endpoint::post("marketplace-create-review", "/api/v1/marketplace/reviews", Access::Member)
        .ignores_key()
        .with_errors(&["not_a_buyer", "review_removed"]);

#[derive(Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Request {
    listing_id: ListingId,
    /// 1 to 5 stars.
    #[cfg_attr(feature = "schema", schemars(range(min = *domain::marketplace::community::review::STARS.start(), max = *domain::marketplace::community::review::STARS.end())))]
    rating: u8,
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = domain::marketplace::community::review::COMMENT_CHARS_MAX)))]
    comment: Option<String>,
}

/// The function of this endpoint.
pub fn function() -> Function {
    Function::http(ENDPOINT, handle)
}

async fn handle(store: &Store, call: Call<Request>) -> Result<Created<ReviewView>, ApiError> {
    let member = call.member()?;
    let Request { listing_id, rating, comment } = &call.body;
    let opinion = Opinion { rating: *rating, comment: comment.clone() };
    opinion.validate()?;
    let id = ReviewId::new(call.now, call.random());
    let reviewer = (&member.user_id, member.email_claim());
    let review = store.write_review(reviewer, listing_id, (&id, &opinion), call.now).await?;
    let location = call.links.to(format_args!("/api/v1/marketplace/listings/{listing_id}/reviews"));
    Ok(Created { location, body: review.into() })
}
