//! What was bought, earned and said, as callers see it.

use domain::{
    Timestamp,
    id::{ListingId, PayoutId, PurchaseId, ReviewId},
    marketplace::{
        Kind,
        purchase::{Entitlement, EntitlementState, Purchase, PurchaseState},
        review::{Reply, Review},
        sale::{Sale, SaleState},
    },
    money::Money,
};
use runtime::{Link, Links};
use serde::Serialize;

/// A purchase, as its buyer sees it.
#[derive(Debug, Serialize)]
pub struct PurchaseView {
    id: PurchaseId,
    listing_id: ListingId,
    title: String,
    #[serde(rename = "type")]
    kind: Kind,
    version: u32,
    #[serde(flatten)]
    state: PurchaseState,
    /// Tax aside.
    price: Money,
    /// Whether what was bought may be used; absent where nothing stands on this purchase.
    #[serde(skip_serializing_if = "Option::is_none")]
    entitlement: Option<EntitlementState>,
    created_at: Timestamp,
    paid_at: Option<Timestamp>,
    /// Where it is paid, while that is open.
    #[serde(skip_serializing_if = "Option::is_none")]
    checkout_url: Option<String>,
    links: PurchaseLinks,
}

#[derive(Debug, Serialize)]
struct PurchaseLinks {
    listing: Link,
    /// While it may be used.
    #[serde(skip_serializing_if = "Option::is_none")]
    download: Option<Link>,
}

impl PurchaseView {
    /// A purchase with what stands on it.
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
            created_at: purchase.created_at,
            paid_at: purchase.paid_at,
            links,
        }
    }
}

/// A sale, as its creator sees it: `gross` is `fee`, `net` and `refunded` together.
#[derive(Debug, Serialize)]
pub struct EarningView {
    purchase_id: PurchaseId,
    listing_id: ListingId,
    title: String,
    version: u32,
    sold_at: Timestamp,
    /// What it was sold for, tax aside.
    gross: Money,
    /// The platform's part of what is left of that.
    fee: Money,
    /// The creator's.
    net: Money,
    /// What went back to the buyer.
    refunded: Money,
    state: SaleState,
    hold_until: Timestamp,
    /// Since when it is payable.
    released_at: Option<Timestamp>,
    payout_id: Option<PayoutId>,
    /// What of it went into that payout.
    #[serde(skip_serializing_if = "Option::is_none")]
    collected: Option<Money>,
    /// Why staff gave money back, in their words.
    #[serde(skip_serializing_if = "Option::is_none")]
    refund_reason: Option<String>,
}

impl EarningView {
    /// A sale as it is at `now`.
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

/// A review, as everybody sees it.
#[derive(Debug, Serialize)]
pub struct ReviewView {
    id: ReviewId,
    rating: u8,
    comment: Option<String>,
    /// What its buyer is called, if they say so.
    author: Option<String>,
    created_at: Timestamp,
    updated_at: Timestamp,
    /// What the creator says to it.
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
