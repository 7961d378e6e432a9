//! `GET /api/v1/admin/marketplace/flags`: listings that three or more members reported, the longest
//! due first.
//!
//! Access: moderators and admins.
//! Changes: nothing. Who reported is nobody's business here; how many did why, is. A cursor names
//! since when what was last seen is due, as in `list_pending`.

use clients::Previews;
use runtime::{Access, ApiError, Call, Endpoint, Json};
use serde::Deserialize;
use store::{Cursor, Page, PageSize, Store};

use crate::view::{FlaggedView, SellerView};

pub const ENDPOINT: Endpoint =
    Endpoint::get("admin-list-flags", "/api/v1/admin/marketplace/flags", Access::Moderator);

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// At most 50 are shown.
    #[serde(default)]
    limit: PageSize,
    cursor: Option<Cursor>,
}

pub async fn handle(
    (store, previews): &(Store, Previews),
    call: Call<Request>,
) -> Result<Json<Page<FlaggedView>>, ApiError> {
    let Request { limit, cursor } = call.body;
    let due = store.due_flags(limit, cursor).await?;
    let creators = due.items.iter().map(|it| &it.listing.creator_id).collect();
    let sellers = store.sellers(creators).await?;
    let items = due.items.into_iter().filter_map(|it| {
        let creator = SellerView::of(sellers.get(&it.listing.creator_id)?, call.now);
        Some(FlaggedView::of(it, creator, previews))
    });
    Ok(Json(Page { items: items.collect(), next_cursor: due.next_cursor }))
}
