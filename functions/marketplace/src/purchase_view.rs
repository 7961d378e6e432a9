//! Purchases, sales and reviews as API responses.

use domain::{
    Timestamp,
    id::{ListingId, PayoutId, PurchaseId, ReviewId},
    marketplace::{
        Kind,
        community::{
            review::{Reply, Review},
            review_removal::ReviewRemoval,
        },
        creator::sale::{Sale, SaleState},
        purchase::{
            FoundBy, Purchase, PurchaseStatus,
            entitlement::{Entitlement, EntitlementState},
            refund::{ManualReview, RefundObstacle, RefundView, ReviewOutcome},
        },
    },
    money::Money,
};
use runtime::{Call, Link, Links};
use serde::Serialize;
use store::{PurchaseRecord, Store, StoreError};

/// A purchase in its buyer's view.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub(crate) struct PurchaseView {
    id: PurchaseId,
    listing_id: ListingId,
    title: String,
    #[serde(rename = "type")]
    kind: Kind,
    /// The version that was bought.
    version: u32,
    /// The newest approved version, which the buyer has too.
    latest_version: u32,
    status: PurchaseStatus,
    /// Why the payment failed or was returned: a code.
    #[serde(skip_serializing_if = "Option::is_none")]
    status_code: Option<String>,
    /// Without tax.
    price: Money,
    /// With tax; `null` before it is paid.
    paid: Option<Money>,
    /// The total that went back to the buyer, with tax.
    refunded: Money,
    /// Until when the buyer can have all of it back at once; `null` if they cannot, because it was
    /// downloaded or used, or the time is over.
    refundable_until: Option<Timestamp>,
    /// The buyer's latest request that staff decide on.
    refund_request: Option<RefundRequestView>,
    /// Oldest first.
    refunds: Vec<RefundView>,
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
    /// When that page expires.
    #[serde(skip_serializing_if = "Option::is_none")]
    checkout_expires_at: Option<Timestamp>,
    links: PurchaseLinks,
}

/// A buyer's request for a refund that staff decide on.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
struct RefundRequestView {
    status: RefundRequestStatus,
    /// Why the refund is not made at once.
    because: RefundObstacle,
    /// The buyer's reason, in their words.
    reason: Option<String>,
    requested_at: Timestamp,
    decided_at: Option<Timestamp>,
    /// The reason of the decision, in the words of staff.
    decision_reason: Option<String>,
}

#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
enum RefundRequestStatus {
    /// Staff have not decided yet.
    Pending,
    /// A refund was made, in full or in part.
    Granted,
    /// No refund, and the same request is not decided on again.
    Declined,
}

#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
struct PurchaseLinks {
    #[serde(rename = "self")]
    this: Link,
    listing: Link,
    /// Where to get files, by a POST. Present while the entitlement is active.
    #[serde(skip_serializing_if = "Option::is_none")]
    downloads: Option<Link>,
    /// The receipt as a PDF. Present once something was paid.
    #[serde(skip_serializing_if = "Option::is_none")]
    receipt: Option<Link>,
}

impl PurchaseView {
    /// A purchase with what its buyer has by it.
    pub(crate) fn new(record: PurchaseRecord, links: &Links, now: Timestamp) -> PurchaseView {
        let PurchaseRecord { purchase, entitlement, listing } = record;
        let money = |amount| Money { amount, ..purchase.price };
        let owned = entitlement.as_ref();
        let checkout_url = purchase.payable_at(now).map(str::to_owned);
        PurchaseView {
            latest_version: purchase.latest_version(listing.as_ref()),
            status: purchase.status(),
            status_code: purchase.status_code().map(str::to_owned),
            refunded: money(purchase.money_back()),
            refundable_until: purchase.refundable_until(owned, now),
            refunds: purchase.refund_views(),
            checkout_expires_at: checkout_url.is_some().then(|| purchase.page_closes_at()),
            checkout_url,
            links: PurchaseLinks::of(&purchase, owned, links),
            refund_request: purchase.refund_request.map(RefundRequestView::from),
            entitlement: owned.map(|it| it.state),
            id: purchase.id,
            listing_id: purchase.listing_id,
            title: purchase.title,
            kind: purchase.kind,
            version: purchase.revision,
            price: purchase.price,
            review_removed: owned.and_then(|it| it.review_removed.clone()),
            paid: purchase.paid,
            created_at: purchase.created_at,
            paid_at: purchase.paid_at,
        }
    }

    /// A purchase, as it is stored with what its buyer has by it.
    ///
    /// # Errors
    /// When DynamoDB is unavailable.
    pub(crate) async fn read<R>(
        store: &Store,
        purchase: Purchase,
        call: &Call<R>,
    ) -> Result<PurchaseView, StoreError> {
        let record = store.purchase_record(purchase).await?;
        Ok(PurchaseView::new(record, &call.links, call.now))
    }
}

impl PurchaseLinks {
    fn of(purchase: &Purchase, owned: Option<&Entitlement>, links: &Links) -> PurchaseLinks {
        let this = location_of(&purchase.id, links);
        let (id, listing) = (&purchase.id, &purchase.listing_id);
        let downloads = format_args!("/api/v1/marketplace/purchases/{id}/downloads");
        PurchaseLinks {
            this,
            listing: links.to(format_args!("/api/v1/marketplace/listings/{listing}")),
            downloads: owned.filter(|it| it.is_active()).map(|_| links.to(downloads)),
            receipt: purchase
                .invoice_id()
                .map(|id| links.to(format_args!("/api/v1/billing/invoices/{id}/pdf"))),
        }
    }
}

/// The URL of a purchase.
pub(crate) fn location_of(id: &PurchaseId, links: &Links) -> Link {
    links.to(format_args!("/api/v1/marketplace/purchases/{id}"))
}

impl From<ManualReview> for RefundRequestView {
    fn from(request: ManualReview) -> RefundRequestView {
        let status = match request.decision.as_ref().map(|it| it.outcome) {
            None => RefundRequestStatus::Pending,
            Some(ReviewOutcome::Granted) => RefundRequestStatus::Granted,
            Some(ReviewOutcome::Declined) => RefundRequestStatus::Declined,
        };
        RefundRequestView {
            status,
            because: request.because,
            reason: request.reason,
            requested_at: request.at,
            decided_at: request.decision.as_ref().map(|it| it.at),
            decision_reason: request.decision.and_then(|it| it.reason),
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
    /// Where the buyer found it; `null` for sales before December 2026.
    found_by: Option<FoundBy>,
    sold_at: Timestamp,
    /// The price, without tax.
    gross: Money,
    /// The platform fee, net of refunds.
    fee: Money,
    /// The creator's share, net of refunds.
    net: Money,
    /// The amount refunded to the buyer.
    refunded: Money,
    status: SaleState,
    hold_until: Timestamp,
    /// When it became payable.
    released_at: Option<Timestamp>,
    payout_id: Option<PayoutId>,
    /// The amount of it in that payout.
    #[serde(skip_serializing_if = "Option::is_none")]
    collected: Option<Money>,
    /// Why it was refunded, in the words of who asked for it: the buyer or staff.
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
            status: sale.state(now),
            purchase_id: sale.purchase_id,
            listing_id: sale.listing_id,
            title: sale.title,
            version: sale.revision,
            found_by: sale.found_by,
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
