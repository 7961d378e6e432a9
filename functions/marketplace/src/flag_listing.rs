//! `POST /api/v1/marketplace/listings/{id}/flags`: report a listing, or something on its page.
//!
//! `about` names an image, a review, the creator or the author of a review instead of the listing
//! as a whole.
//!
//! Access: any member who is not suspended.
//! Changes: the member's one report of it, replacing an earlier one. Three reports put a listing
//! before a moderator, anything else one. Members never see the reports of others.
//! Retry: the same report again changes nothing.

use domain::{
    error::{FieldCheck, InvalidFields},
    id::{ListingId, ReviewId, UploadId},
    marketplace::moderation::flag::{FlagReason, FlagSubject, checked_text},
};
use runtime::{Access, ApiError, Call, Endpoint, Function, NoStore, PathId};
use serde::{Deserialize, Serialize};
use store::{NewFlag, NotFound, Store};

pub const ENDPOINT: Endpoint = Endpoint::post(
    "marketplace-flag-listing",
    "/api/v1/marketplace/listings/{id}/flags",
    Access::Member,
)
.ignores_key()
.never_by_api_key()
.with_errors(&["image_not_found", "listing_not_found", "review_not_found"]);

#[derive(Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Request {
    id: PathId<ListingId>,
    /// What the report is about.
    #[serde(default)]
    about: About,
    /// The image, if it is about one.
    image_id: Option<UploadId>,
    /// The review, if it is about one or its author.
    review_id: Option<ReviewId>,
    reason: FlagReason,
    /// More in the member's own words.
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = domain::marketplace::moderation::flag::TEXT_CHARS_MAX)))]
    text: Option<String>,
}

/// What a report is about.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
enum About {
    /// The listing as a whole.
    #[default]
    Listing,
    /// One of its images, named by `image_id`.
    Image,
    /// One of its reviews, named by `review_id`.
    Review,
    /// Its creator.
    Creator,
    /// The author of one of its reviews, named by `review_id`.
    Reviewer,
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
    call.body.check()?;
    let text = checked_text(call.body.text.as_deref())?;
    let subject = call.body.subject(store, id, call.now).await?;
    let new = NewFlag { subject, reason: call.body.reason, text };
    store.add_flag((&member.user_id, member.email_claim()), id, &new, call.now).await?;
    Ok(NoStore(Response { received: true }))
}

impl Request {
    fn check(&self) -> Result<(), InvalidFields> {
        let mut check = FieldCheck::new();
        let names_review = matches!(self.about, About::Review | About::Reviewer);
        for (pointer, is_needed, is_there) in [
            ("/image_id", self.about == About::Image, self.image_id.is_some()),
            ("/review_id", names_review, self.review_id.is_some()),
        ] {
            check.require(is_needed || !is_there, pointer, "unused", || {
                "only if the report is about it".to_owned()
            });
            check.require(is_there || !is_needed, pointer, "required", || {
                "names what the report is about".to_owned()
            });
        }
        check.finish()
    }

    /// What the report is about, if it is on the page of the listing.
    async fn subject(
        &self,
        store: &Store,
        id: &ListingId,
        now: domain::Timestamp,
    ) -> Result<FlagSubject, ApiError> {
        let listing_id = id.clone();
        Ok(match (self.about, &self.image_id, &self.review_id) {
            (About::Image, Some(image), _) => {
                let page = store.listing_page(id, now).await?;
                let shown = page.revision.previews.iter().any(|it| it.upload_id == *image);
                let image_id = Some(image.clone()).filter(|_| shown);
                FlagSubject::Image { listing_id, image_id: image_id.ok_or(NotFound::Image)? }
            }
            (About::Review, _, Some(review)) => {
                let review_id = store.review(id, review).await?.id;
                FlagSubject::Review { listing_id, review_id }
            }
            (About::Reviewer, _, Some(review)) => {
                FlagSubject::Member { member_id: store.review(id, review).await?.buyer_id }
            }
            (About::Creator, _, _) => {
                let page = store.listing_page(id, now).await?;
                FlagSubject::Member { member_id: page.listing.creator_id }
            }
            (About::Listing | About::Image | About::Review | About::Reviewer, _, _) => {
                FlagSubject::Listing { listing_id }
            }
        })
    }
}
