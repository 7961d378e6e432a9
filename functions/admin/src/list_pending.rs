//! `GET /api/v1/admin/marketplace/pending`: versions that wait for a decision, the longest waiting
//! first.
//!
//! Access: moderators and admins.
//! Changes: nothing. There is no next page: what was decided on makes room for the next. The index
//! of what waits may be a moment late.

use std::collections::BTreeSet;

use clients::Previews;
use runtime::{Access, ApiError, Call, Endpoint, Json};
use serde::Deserialize;
use store::{Page, PageSize, Store};

use crate::view::PendingView;

pub const ENDPOINT: Endpoint =
    Endpoint::get("admin-list-pending", "/api/v1/admin/marketplace/pending", Access::Moderator);

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// At most 50 are shown.
    #[serde(default)]
    limit: PageSize,
}

pub async fn handle(
    (store, previews): &(Store, Previews),
    call: Call<Request>,
) -> Result<Json<Page<PendingView>>, ApiError> {
    let most = u16::try_from(call.body.limit.get()).unwrap_or(PageSize::MAX);
    let pending = store.pending_listings(most).await?;
    let creators: BTreeSet<_> = pending.iter().map(|(listing, ..)| &listing.creator_id).collect();
    let names = store.names_of(creators).await?;
    let items = pending.into_iter().filter_map(|(listing, revision, _)| {
        let name = names.get(&listing.creator_id).cloned();
        PendingView::of(&listing, revision, name, previews)
    });
    Ok(Json(Page { items: items.collect(), next_cursor: None }))
}
