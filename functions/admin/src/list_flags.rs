//! `GET /api/v1/admin/marketplace/flags`: listings reported by three or more members, the longest
//! due first.
//!
//! Access: moderators and admins.
//! Changes: nothing. At most 50 are shown, with counts by reason but without the reporters. A
//! cursor contains the due time of the last listing seen, as in `list_pending`.

use clients::Previews;
use runtime::{Access, ApiError, Call, Connect, Endpoint, Function, Json, PageRequest};
use store::{Page, Store};

use crate::view::{FlaggedView, SellerView};

pub const ENDPOINT: Endpoint =
    Endpoint::get("admin-list-flags", "/api/v1/admin/marketplace/flags", Access::Moderator);

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
) -> Result<Json<Page<FlaggedView>>, ApiError> {
    let PageRequest { limit, cursor } = call.body;
    let due = store.due_flags(limit, cursor).await?;
    let creators = due.items.iter().map(|it| &it.listing.creator_id).collect();
    let sellers = store.sellers(creators).await?;
    let items = due.items.into_iter().filter_map(|it| {
        let creator = SellerView::of(sellers.get(&it.listing.creator_id)?, call.now);
        Some(FlaggedView::of(it, creator, previews))
    });
    Ok(Json(Page { items: items.collect(), next_cursor: due.next_cursor }))
}
