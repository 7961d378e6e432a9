//! `GET /api/v1/admin/marketplace/listings`: listings in every state, the newest first.
//!
//! Access: moderators and admins.
//! Changes: nothing. Filters are combined. A page may be short, or empty, before the end;
//! `next_cursor` continues. A page costs 4 read units, and 1 for each listing, for each draft's
//! title and for each creator on it. A listing from before this list was kept appears with its next
//! change of state, and before that by its creator.

use domain::{
    Timestamp,
    id::{ListingId, Named, UserId},
    marketplace::{
        Kind,
        listing::{Delisted, Listing, State},
    },
    money::Money,
};
use runtime::{Access, ApiError, Call, Endpoint, Function, Json};
use serde::{Deserialize, Serialize};
use store::{Cursor, ListingFilter, Names, Page, PageSize, Store};

pub const ENDPOINT: Endpoint =
    Endpoint::get("admin-list-listings", "/api/v1/admin/marketplace/listings", Access::Moderator);

#[derive(Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// Only those with this status.
    status: Option<State>,
    /// Only those of this type.
    #[serde(rename = "type")]
    kind: Option<Kind>,
    /// Only those of this creator.
    creator_id: Option<UserId>,
    #[serde(default)]
    limit: PageSize,
    cursor: Option<Cursor>,
}

/// A listing in a list for staff.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ListedView {
    id: ListingId,
    /// The title on sale, or else that of the newest version.
    title: Option<String>,
    #[serde(rename = "type")]
    kind: Kind,
    status: State,
    creator: Named<UserId>,
    /// The price on sale; `null` if it never was.
    price: Option<Money>,
    /// Whether it is hidden because its creator may not sell.
    hidden: bool,
    /// Who took it off sale, when and why.
    delisted: Option<Delisted>,
    created_at: Timestamp,
    updated_at: Timestamp,
    /// When its first version was approved.
    published_at: Option<Timestamp>,
}

/// The function of this endpoint.
pub fn function() -> Function {
    Function::http(ENDPOINT, handle)
}

async fn handle(store: &Store, call: Call<Request>) -> Result<Json<Page<ListedView>>, ApiError> {
    let Request { status, kind, creator_id, limit, cursor } = call.body;
    let wanted = ListingFilter { state: status, kind, creator: creator_id };
    let page = store.listings(&wanted, (limit, cursor)).await?;
    let creators = page.items.iter().map(|it| &it.creator_id).collect();
    let names = store.titled(store.names_of(creators).await?, &page.items).await?;
    Ok(Json(page.map(|listing| ListedView::of(listing, &names))))
}

impl ListedView {
    fn of(listing: Listing, names: &Names) -> ListedView {
        ListedView {
            title: names.listing(&listing.id).name,
            kind: listing.kind,
            status: listing.state(),
            creator: names.member(&listing.creator_id),
            price: listing.published.as_ref().map(|it| it.price),
            hidden: listing.hidden,
            created_at: listing.created_at,
            updated_at: listing.updated_at,
            published_at: listing.published.map(|it| it.first_published_at),
            delisted: listing.delisted,
            id: listing.id,
        }
    }
}
