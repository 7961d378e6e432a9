//! `POST /api/v1/marketplace/listings`: create a draft listing.
//!
//! Access: any member who is not suspended.
//! Changes: in one transaction the listing, its first version and the creator's statistics.
//! Retry: the same `Idempotency-Key` returns the same listing in its current state.

use domain::{
    FieldError,
    error::InvalidFields,
    id::ListingId,
    marketplace::{
        Category, Kind,
        listing::{Listing, content::Content, demo::DemoSettings, revision::Description},
    },
    money::{Currency, Money},
};
use runtime::{Access, ApiError, Call, Created, Endpoint, Function, Link};
use serde::{Deserialize, Serialize};
use store::Store;

pub const ENDPOINT: Endpoint =
    Endpoint::post("marketplace-create-listing", "/api/v1/marketplace/listings", Access::Member)
        .with_errors(&["listing_not_found", "too_many_listings"]);

#[derive(Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Request {
    #[serde(rename = "type")]
    kind: Kind,
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = domain::marketplace::listing::revision::TITLE_CHARS_MAX)))]
    title: String,
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = domain::marketplace::listing::revision::DESCRIPTION_CHARS_MAX)))]
    description: String,
    category: Category,
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(length(max = domain::marketplace::listing::revision::TAGS_MAX)))]
    tags: Vec<String>,
    price: Money,
    /// Whom the work is owed to, shown with the listing.
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = domain::marketplace::listing::revision::ATTRIBUTION_CHARS_MAX)))]
    attribution: Option<String>,
    demo: Option<DemoSettings>,
    content: Content,
}

#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Response {
    id: ListingId,
    status: domain::marketplace::listing::State,
    version: u32,
    links: ResponseLinks,
}

#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "NewListingLinks"))]
struct ResponseLinks {
    #[serde(rename = "self")]
    this: Link,
    submit: Link,
    uploads: Link,
}

/// The function of this endpoint.
pub fn function() -> Function {
    Function::http(ENDPOINT, handle)
}

async fn handle(store: &Store, call: Call<Request>) -> Result<Created<Response>, ApiError> {
    let member = call.member()?;
    let id = ListingId::new(call.now, call.random());
    let description = call.body.description()?;
    let creator = (&member.user_id, member.email_claim());
    let created = store.create_listing(creator, call.idempotency(), call.now, || {
        let creator = member.user_id.clone();
        Listing::create(id.clone(), creator, call.body.kind, description.clone(), call.now)
    });
    let listing = created.await?.listing;
    let id = listing.id.clone();
    let page = format!("/api/v1/marketplace/listings/{id}");
    let location = call.links.to(format_args!("/api/v1/marketplace/creator/listings/{id}"));
    let links = ResponseLinks {
        this: location.clone(),
        submit: call.links.to(format_args!("{page}/submit")),
        uploads: call.links.to(format_args!("{page}/uploads")),
    };
    let (status, version) = (listing.state(), listing.newest());
    Ok(Created { location, body: Response { id, status, version, links } })
}

impl Request {
    fn description(&self) -> Result<Description, InvalidFields> {
        Ok(Description {
            title: self.title.clone(),
            description: self.description.clone(),
            category: self.category,
            tags: self.tags.clone(),
            price: cents(self.price)?,
            attribution: self.attribution.clone(),
            changes: None,
            demo: self.demo.clone().unwrap_or_default(),
            content: self.content.clone(),
        })
    }
}

/// A price in US cents.
///
/// # Errors
/// When it is in another currency, or is not a valid price.
pub(crate) fn cents(price: Money) -> Result<u32, InvalidFields> {
    let wrong = |pointer: &str, code, detail: &str| {
        InvalidFields(vec![FieldError::new(pointer, code, detail)])
    };
    if price.currency != Currency::USD {
        return Err(wrong("/price/currency", "currency", "prices are in usd"));
    }
    u32::try_from(price.amount)
        .map_err(|_| wrong("/price/amount", "out_of_band", "a price in cents is not negative"))
}
