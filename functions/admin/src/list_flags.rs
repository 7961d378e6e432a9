//! `GET /api/v1/admin/marketplace/flags`: the open reports, the longest due first.
//!
//! Listings are due after three reports; images, reviews and members after one. At most 50 are
//! shown, with counts by reason and what was written, but without the reporters.
//!
//! Access: moderators and admins.
//! Changes: nothing. A cursor contains the due time of the last one seen. A
//! page costs 2 read units, and 2 to 6 for each subject on it.

use clients::Previews;
use domain::marketplace::moderation::flag::SubjectKind;
use runtime::{Access, ApiError, Call, Connect, Endpoint, Function, Json};
use serde::Deserialize;
use store::{Cursor, Page, PageSize, Store};

use crate::view::{FlaggedView, SellerView};

pub const ENDPOINT: Endpoint =
    Endpoint::get("admin-list-flags", "/api/v1/admin/marketplace/flags", Access::Moderator);

#[derive(Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// Only what is of this kind.
    subject: Option<SubjectKind>,
    #[serde(default)]
    limit: PageSize,
    cursor: Option<Cursor>,
}

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
    call: Call<Request>,
) -> Result<Json<Page<FlaggedView>>, ApiError> {
    let Request { subject, limit, cursor } = call.body;
    let due = store.due_flags(subject, limit, cursor).await?;
    let members = due.items.iter().map(|it| it.thing.member()).collect();
    let sellers = store.sellers(members).await?;
    let items = due.items.into_iter().filter_map(|it| {
        let member = SellerView::of(sellers.get(it.thing.member())?, call.now);
        Some(FlaggedView::of(it, member, previews))
    });
    Ok(Json(Page { items: items.collect(), next_cursor: due.next_cursor }))
}
