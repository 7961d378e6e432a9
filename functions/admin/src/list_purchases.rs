//! `GET /api/v1/admin/purchases`: purchases of listings, the newest first.
//!
//! Access: admins.
//! Changes: only an audit entry for the read of the buyer, the creator or all members, once an
//! hour. Filters are combined. A page may be short, or empty, before the end; `next_cursor`
//! continues. A page costs 4 read units, and 1 for each purchase and each member on it; of a
//! listing, another 1 for every 30 sales of its creator that it looks through. A purchase from
//! before this list was kept is found by its buyer.

use domain::{
    Timestamp,
    audit::{Action, Target},
    id::{ListingId, Named, PurchaseId, UserId},
    marketplace::{
        Kind,
        purchase::{Purchase, PurchaseStatus},
    },
    money::Money,
};
use runtime::{Access, ApiError, Call, Endpoint, Function, Json};
use serde::{Deserialize, Serialize};
use store::{Cursor, Names, Page, PageSize, PurchaseFilter, Store};

pub const ENDPOINT: Endpoint =
    Endpoint::get("admin-list-purchases", "/api/v1/admin/purchases", Access::Admin)
        .with_errors(&["listing_not_found"]);

#[derive(Debug, Clone, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// Only those with this status.
    status: Option<PurchaseStatus>,
    /// Only those of this buyer.
    buyer_id: Option<UserId>,
    /// Only those of this creator's listings.
    creator_id: Option<UserId>,
    /// Only those of this listing.
    listing_id: Option<ListingId>,
    #[serde(default)]
    limit: PageSize,
    cursor: Option<Cursor>,
}

/// A purchase in a list for staff.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct BoughtView {
    id: PurchaseId,
    status: PurchaseStatus,
    buyer: Named<UserId>,
    creator: Named<UserId>,
    /// With the title at which it was bought.
    listing: Named<ListingId>,
    #[serde(rename = "type")]
    kind: Kind,
    /// The version that was bought.
    version: u32,
    /// Without tax.
    price: Money,
    /// With tax.
    paid: Option<Money>,
    /// The part taken back by refunds; of a payment that is returned, all that went back.
    refunded: Money,
    created_at: Timestamp,
    paid_at: Option<Timestamp>,
    /// Since when a refund request waits for staff.
    refund_asked_at: Option<Timestamp>,
}

/// The function of this endpoint.
pub fn function() -> Function {
    Function::http(ENDPOINT, handle)
}

async fn handle(store: &Store, call: Call<Request>) -> Result<Json<Page<BoughtView>>, ApiError> {
    let Request { status, buyer_id, creator_id, listing_id, limit, cursor } = call.body.clone();
    let of = buyer_id.as_ref().or(creator_id.as_ref());
    let target = of.map_or_else(Target::directory, Target::user);
    let entry = call.audit_entry(Action::ReadMember, target)?;
    let wanted =
        PurchaseFilter { status, buyer: buyer_id, creator: creator_id, listing: listing_id };
    let page = store.all_purchases(&wanted, (limit, cursor)).await?;
    let members = page.items.iter().flat_map(|it| [&it.buyer_id, &it.creator_id]);
    let names = store.names(members, []).await?;
    store.note_read(entry, call.now).await?;
    Ok(Json(page.map(|purchase| BoughtView::of(purchase, &names))))
}

impl BoughtView {
    fn of(purchase: Purchase, names: &Names) -> BoughtView {
        let refunded = Money { amount: purchase.money_back(), ..purchase.price };
        BoughtView {
            status: purchase.state.status(),
            buyer: names.member(&purchase.buyer_id),
            creator: names.member(&purchase.creator_id),
            listing: Named { id: purchase.listing_id, name: Some(purchase.title) },
            kind: purchase.kind,
            version: purchase.revision,
            price: purchase.price,
            paid: purchase.paid,
            refunded,
            created_at: purchase.created_at,
            paid_at: purchase.paid_at,
            refund_asked_at: purchase.refund_request.map(|it| it.at),
            id: purchase.id,
        }
    }
}
