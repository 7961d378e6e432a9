//! `GET /api/v1/admin/marketplace/pending`: versions that wait for a decision, the longest waiting
//! first.
//!
//! Access: moderators and admins.
//! Changes: nothing. At most 50 are shown. A cursor names since when what was last seen waits, so
//! that all pages together hold what waits, also while others decide. The index of it may be a
//! moment late.

use clients::Previews;
use runtime::{Access, ApiError, Call, Endpoint, Json, PageRequest};
use store::{Page, Store};

use crate::view::{PendingView, SellerView};

pub const ENDPOINT: Endpoint =
    Endpoint::get("admin-list-pending", "/api/v1/admin/marketplace/pending", Access::Moderator);

pub async fn handle(
    (store, previews): &(Store, Previews),
    call: Call<PageRequest>,
) -> Result<Json<Page<PendingView>>, ApiError> {
    let PageRequest { limit, cursor } = call.body;
    let pending = store.pending_listings(limit, cursor).await?;
    let creators = pending.items.iter().map(|(listing, ..)| &listing.creator_id).collect();
    let sellers = store.sellers(creators).await?;
    let items = pending.items.into_iter().filter_map(|(listing, revision, _)| {
        let creator = SellerView::of(sellers.get(&listing.creator_id)?, call.now);
        PendingView::of(&listing, revision, creator, previews)
    });
    Ok(Json(Page { items: items.collect(), next_cursor: pending.next_cursor }))
}
