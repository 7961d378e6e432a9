//! `GET /api/v1/marketplace/creator/listings`: the caller's listings, drafts included, newest
//! first.
//!
//! Access: any member, suspended ones too, for their own.
//! Changes: nothing.

use std::process::ExitCode;

use clients::Previews;
use runtime::{Access, ApiError, Call, Endpoint, Json, PageRequest};
use store::{Page, Store};

use crate::view::{CreatorListingView, ViewContext};

pub const ENDPOINT: Endpoint = Endpoint::get(
    "marketplace-list-creator-listings",
    "/api/v1/marketplace/creator/listings",
    Access::Member,
);

/// Runs the function: the entry point of its binary.
pub fn serve() -> ExitCode {
    runtime::http(ENDPOINT, handle)
}

pub async fn handle(
    (store, previews): &(Store, Previews),
    call: Call<PageRequest>,
) -> Result<Json<Page<CreatorListingView>>, ApiError> {
    let member = call.member()?;
    let who = (&member.user_id, member.email_claim());
    let PageRequest { limit, cursor } = &call.body;
    let (account, page) = tokio::try_join!(
        store.get_or_create_account(who.0, who.1, call.now),
        store.own_listings(who.0, *limit, cursor.clone()),
    )?;
    let around = ViewContext::of(&account, (previews, &call.links), call.now);
    Ok(Json(page.map(|(listing, revision, stats)| {
        CreatorListingView::new(listing, revision, &stats, around)
    })))
}
