//! Purchases, sales and reviews as API responses.

use domain::{
    Timestamp,
    id::{ListingId, PayoutId, PurchaseId, ReviewId},
    marketplace::{
        Kind,
        community::review::{Reply, Review, ReviewRemoval},
        creator::sale::{Sale, SaleState},
        purchase::{
            Purchase, PurchaseState,
            entitlement::{Entitlement, EntitlementState},
        },
    },
    money::Money,
};
use runtime::{Link, Links};
use serde::Serialize;

/// A purchase in its buyer's view.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub(crate) struct PurchaseView {
    id: PurchaseId,
    listing_id: ListingId,
    title: String,
    #[serde(rename = "type")]
    kind: Kind,
    version: u32,
    #[serde(flatten)]
    state: PurchaseState,
    /// Without tax.
    price: Money,
    /// The entitlement; absent if this purchase carries none.
    #[serde(skip_serializing_if = "Option::is_none")]
    entitlement: Option<EntitlementState>,
    /// Why staff removed the buyer's review of the listing.
    #[serde(skip_serializing_if = "Option::is_none")]
    review_removed: Option<ReviewRemoval>,
    created_at: Timestamp,
    paid_at: Option<Timestamp>,
    /// Stripe's page, while it is open.
    #[serde(skip_serializing_if = "Option::is_none")]
    checkout_url: Option<String>,
    links: PurchaseLinks,
}

#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
struct PurchaseLinks {
    listing: Link,
    /// Present while the entitlement is active.
    #[serde(skip_serializing_if = "Option::is_none")]
    download: Option<Link>,
}

impl PurchaseView {
    /// A purchase with its entitlement.
    pub(crate) fn new(
        purchase: Purchase,
        owned: Option<&Entitlement>,
        links: &Links,
        now: Timestamp,
    ) -> PurchaseView {
        let (id, listing) = (&purchase.id, &purchase.listing_id);
        let download = format_args!("/api/v1/marketplace/purchases/{id}/download");
        let links = PurchaseLinks {
            listing: links.to(format_args!("/api/v1/marketplace/listings/{listing}")),
            download: owned.filter(|it| it.is_active()).map(|_| links.to(download)),
        };
        PurchaseView {
            checkout_url: purchase.payable_at(now).map(str::to_owned),
            id: purchase.id,
            listing_id: purchase.listing_id,
            title: purchase.title,
            kind: purchase.kind,
            version: purchase.revision,
            state: purchase.state,
            price: purchase.price,
            entitlement: owned.map(|it| it.state),
            review_removed: owned.and_then(|it| it.review_removed.clone()),
            created_at: purchase.created_at,
            paid_at: purchase.paid_at,
            links,
        }
    }
}

/// A sale in its creator's view: `gross` is the sum of `fee`, `net` and `refunded`.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub(crate) struct EarningView {
    purchase_id: PurchaseId,
    listing_id: ListingId,
    title: String,
    version: u32,
    sold_at: Timestamp,
    /// The price, without tax.
    gross: Money,
    /// The platform fee, net of refunds.
    fee: Money,
    /// The creator's share, net of refunds.
    net: Money,
    /// The amount refunded to the buyer.
    refunded: Money,
    state: SaleState,
    hold_until: Timestamp,
    /// When it became payable.
    released_at: Option<Timestamp>,
    payout_id: Option<PayoutId>,
    /// The amount of it in that payout.
    #[serde(skip_serializing_if = "Option::is_none")]
    collected: Option<Money>,
    /// Why staff refunded it, in their words.
    #[serde(skip_serializing_if = "Option::is_none")]
    refund_reason: Option<String>,
}

impl EarningView {
    /// A sale as of `now`.
    pub(crate) fn new(sale: Sale, now: Timestamp) -> EarningView {
        let money = |amount| Money { amount, currency: sale.currency };
        EarningView {
            gross: money(sale.sold.gross),
            fee: money(sale.kept.fee),
            net: money(sale.kept.net),
            refunded: money(sale.sold.gross - sale.kept.gross),
            state: sale.state(now),
            purchase_id: sale.purchase_id,
            listing_id: sale.listing_id,
            title: sale.title,
            version: sale.revision,
            sold_at: sale.sold_at,
            hold_until: sale.hold_until,
            released_at: sale.released_at,
            collected: sale.payout_id.is_some().then(|| money(sale.collected)),
            payout_id: sale.payout_id,
            refund_reason: sale.refund_reason,
        }
    }
}

/// A review in the public view.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub(crate) struct ReviewView {
    id: ReviewId,
    rating: u8,
    comment: Option<String>,
    /// The buyer's display name, if set.
    author: Option<String>,
    created_at: Timestamp,
    updated_at: Timestamp,
    /// The creator's reply.
    reply: Option<Reply>,
}

impl From<Review> for ReviewView {
    fn from(review: Review) -> ReviewView {
        ReviewView {
            id: review.id,
            rating: review.rating,
            comment: review.comment,
            author: review.buyer_name,
            created_at: review.created_at,
            updated_at: review.updated_at,
            reply: review.reply,
        }
    }
}
