//! `POST /api/v1/marketplace/listings/{id}/share`: the member's shared link to a listing.
//!
//! Access: any member who is not suspended.
//! Changes: the member's one share of the listing.
//! Retry: a member's link to a listing is always the same.

use clients::ShareLinks;
use domain::id::ListingId;
use runtime::{Access, ApiError, Call, Connect, Created, Endpoint, Function, Link, PathId};
use serde::{Deserialize, Serialize};
use store::Store;

pub const ENDPOINT: Endpoint = Endpoint::post(
    "marketplace-share-listing",
    "/api/v1/marketplace/listings/{id}/share",
    Access::Member,
)
.ignores_key()
.with_errors(&["listing_not_found"]);

#[derive(Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Request {
    id: PathId<ListingId>,
}

#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Response {
    code: String,
    url: Link,
    /// Visitors so far, each counted once a day.
    clicks: u32,
}

/// The function of this endpoint.
pub fn function() -> Function {
    Function::http(ENDPOINT, handle)
}

#[derive(Connect)]
struct Deps {
    store: Store,
    links: ShareLinks,
}

async fn handle(
    Deps { store, links }: &Deps,
    call: Call<Request>,
) -> Result<Created<Response>, ApiError> {
    let member = call.member()?;
    let id = call.body.id.get()?;
    let code = links.code(&member.user_id, id);
    let sharer = (&member.user_id, member.email_claim());
    let share = store.share_listing(sharer, id, &code, call.now).await?;
    let url = call.links.to(format_args!("/s/{}", share.code));
    let body = Response { code: share.code, url: url.clone(), clicks: share.clicks };
    Ok(Created { location: url, body })
}
