//! `GET /api/v1/admin/marketplace/pending`: versions in review, the longest waiting first.
//!
//! Access: moderators and admins. Changes: nothing. At most 50 are shown. A cursor contains the
//! time since which the last one seen waits, so that no page misses a version while others decide.
//! The index is eventually consistent. A decision names the `content_hash` of the version. Links to
//! files are valid for ten minutes. A tailored model is shown by the SHA-256 of its id, to be
//! compared with the provider's console: `printf %s <id> | sha256sum`.

use clients::{Previews, Uploads};
use domain::marketplace::listing::revision::Revision;
use runtime::{Access, ApiError, Call, Connect, Endpoint, Function, Json, PageRequest};
use store::{Page, Store};

use crate::view::{FileView, ModelView, PendingView, SellerView};

pub const ENDPOINT: Endpoint =
    Endpoint::get("admin-list-pending", "/api/v1/admin/marketplace/pending", Access::Moderator);

/// The function of this endpoint.
pub fn function() -> Function {
    Function::http(ENDPOINT, handle)
}

#[derive(Connect)]
struct Deps {
    store: Store,
    previews: Previews,
    uploads: Uploads,
}

async fn handle(
    Deps { store, previews, uploads }: &Deps,
    call: Call<PageRequest>,
) -> Result<Json<Page<PendingView>>, ApiError> {
    let PageRequest { limit, cursor } = call.body;
    let pending = store.pending_listings(limit, cursor).await?;
    let creators = pending.items.iter().map(|(listing, ..)| &listing.creator_id).collect();
    let sellers = store.sellers(creators).await?;
    let revisions: Vec<&Revision> = pending.items.iter().map(|(_, revision, _)| revision).collect();
    let claims = store.model_claims(&revisions).await?;
    let mut items = Vec::with_capacity(pending.items.len());
    for ((listing, revision, _), claim) in pending.items.into_iter().zip(claims) {
        let Some(seller) = sellers.get(&listing.creator_id) else { continue };
        let creator = SellerView::of(seller, call.now);
        let model = ModelView::of(&revision, &claim);
        let files = FileView::linked(&revision, uploads, call.now).await?;
        items.extend(PendingView::of(&listing, revision, (creator, model), (previews, files)));
    }
    Ok(Json(Page { items, next_cursor: pending.next_cursor }))
}
