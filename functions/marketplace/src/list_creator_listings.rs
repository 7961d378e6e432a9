//! `GET /api/v1/marketplace/creator/listings`: the caller's listings, drafts included, newest
//! first.
//!
//! Access: any member, suspended ones too, for their own.
//! Changes: nothing.

use clients::Previews;
use runtime::{Access, ApiError, Call, Connect, Endpoint, Function, Json, PageRequest};
use store::{Page, Store};

use crate::view::{CreatorListingView, ViewContext};

pub const ENDPOINT: Endpoint = Endpoint::get(
    "marketplace-list-creator-listings",
    "/api/v1/marketplace/creator/listings",
    Access::Member,
);

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
    call: Call<PageRequest>,
) -> Result<Json<Page<CreatorListingView>>, ApiError> {
    let member = call.member()?;
    let (creator, email) = (&member.user_id, member.email_claim());
    let PageRequest { limit, cursor } = &call.body;
    let (account, page) = tokio::try_join!(
        store.get_or_create_account(creator, email, call.now),
        store.own_listings(creator, *limit, cursor.clone()),
    )?;
    let context = ViewContext::of(&account, (previews, &call.links), call.now);
    Ok(Json(page.map(|(listing, revision, stats)| {
        CreatorListingView::new(listing, revision, &stats, context)
    })))
}
