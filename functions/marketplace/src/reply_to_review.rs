//! `POST /api/v1/marketplace/listings/{id}/reviews/{review_id}/reply`: reply to a review.
//!
//! Access: the listing's creator, unless suspended; for all other callers it does not exist (404).
//! Changes: the review, once.
//! Retry: the same reply again changes nothing; a different one is refused.

use domain::{
    id::{ListingId, ReviewId},
    marketplace::community::review::checked_reply,
};
use runtime::{Access, ApiError, Call, Endpoint, Function, NoStore, PathId};
use serde::Deserialize;
use store::Store;

use crate::purchase_view::ReviewView;

pub const ENDPOINT: Endpoint = Endpoint::post(
    "marketplace-reply-to-review",
    "/api/v1/marketplace/listings/{id}/reviews/{review_id}/reply",
    Access::Member,
)
.ignores_key()
.with_errors(&["already_replied", "listing_not_found", "review_not_found"]);

#[derive(Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Request {
    id: PathId<ListingId>,
    review_id: PathId<ReviewId>,
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = domain::marketplace::community::review::REPLY_CHARS_MAX)))]
    text: String,
}

/// The function of this endpoint.
pub fn function() -> Function {
    Function::http(ENDPOINT, handle)
}

async fn handle(store: &Store, call: Call<Request>) -> Result<NoStore<ReviewView>, ApiError> {
    let Request { id, review_id, text } = &call.body;
    let listing = id.get()?;
    let review = review_id.get()?;
    let (text, creator) = (checked_reply(text)?, &call.member()?.user_id);
    let answered = store.reply_to_review(creator, (listing, review), call.now, |review| {
        review.answer(text.clone(), call.now)
    });
    Ok(NoStore(answered.await?.into()))
}
