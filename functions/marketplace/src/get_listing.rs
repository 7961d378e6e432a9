//! `GET /api/v1/marketplace/listings/{id}`: a listing on sale, the same for all callers.
//!
//! Access: anybody.
//! Changes: counts the visitor, once a day, in batched writes: see [`crate::view_counter`].

use clients::Previews;
use domain::id::ListingId;
use runtime::{Access, ApiError, Cacheable, Call, Connect, Endpoint, Function, PathId};
use serde::Deserialize;
use store::NotFound;

use crate::{view::PageView, view_counter::ViewCounter};

pub const ENDPOINT: Endpoint =
    Endpoint::get("marketplace-get-listing", "/api/v1/marketplace/listings/{id}", Access::Public)
        .with_errors(&["listing_not_found"]);

/// How long a cache may serve it, in seconds. Views served by a cache are not counted.
const MAX_AGE_S: u32 = 30;

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
    views: ViewCounter,
    previews: Previews,
}

async fn handle(
    Deps { views, previews }: &Deps,
    call: Call<Request>,
) -> Result<Cacheable<PageView>, ApiError> {
    let id = call.body.id.get()?;
    let (page, ()) =
        tokio::join!(views.store().listing_page(id, call.now), views.write_due(call.now));
    let page = PageView::new(page?, previews, &call.links).ok_or(NotFound::Listing)?;
    if let Some(visitor) = call.visitor() {
        views.count(id, visitor.visitor(id, call.now), call.now).await;
    }
    Ok(Cacheable { body: page, max_age_s: MAX_AGE_S })
}
