//! Buying a listing: the order, and what its buyer may do with it.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{
    Kind,
    allocation::PaymentAllocation,
    listing::{Listing, Published},
    refund::{ManualReview, Refund},
    share::Referral,
    strike::Seller,
};
use crate::{
    billing::{
        external::{DisputeId, PaymentId, SessionId},
        order::{CHECKOUT_OPEN, LOOK_AGAIN},
    },
    error::{DomainError, ErrorKind},
    id::{ListingId, PurchaseId, ReviewId, UserId},
    money::Money,
    time::Timestamp,
};

/// An order of one listing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Purchase {
    /// Its name; every request to Stripe about it carries a key made of it.
    pub id: PurchaseId,
    /// Who buys.
    pub buyer_id: UserId,
    /// What.
    pub listing_id: ListingId,
    /// Which version: what the buyer saw.
    pub revision: u32,
    /// Of what kind.
    pub kind: Kind,
    /// What that version was called.
    pub title: String,
    /// Who sells.
    pub creator_id: UserId,
    /// What it costs, tax aside.
    pub price: Money,
    /// Goes up by one with every write; zero before the first.
    pub version: u64,
    /// How far it has come.
    #[serde(flatten)]
    pub state: PurchaseState,
    /// When it was placed.
    pub created_at: Timestamp,
    /// Who pointed the buyer here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub referral: Option<Referral>,
    /// Stripe's checkout, once it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<SessionId>,
    /// Where it is paid.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// Stripe's payment, once it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payment: Option<PaymentId>,
    /// When it was paid.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paid_at: Option<Timestamp>,
    /// What was paid, tax included.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paid: Option<Money>,
    /// What of that went back, by refunds and by disputes, in minor units.
    #[serde(default)]
    pub taken_back: i64,
    /// What of it went back by refunds.
    #[serde(default)]
    pub refunded: i64,
    /// Where the rest is.
    #[serde(default)]
    pub position: PaymentAllocation,
    /// Refunds that we asked for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub refunds: Vec<Refund>,
    /// What its buyer would like staff to decide on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refund_request: Option<ManualReview>,
    /// Disputes that evidence was handed in for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub evidenced: Vec<DisputeId>,
    /// How often the position changed: part of the cause of a journal.
    #[serde(default)]
    pub movements: u32,
    /// When somebody should ask Stripe about it: while it is neither paid nor over, or a refund is
    /// not known to be done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due_at: Option<Timestamp>,
}

/// How far an order has come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum PurchaseState {
    /// Not paid.
    Pending,
    /// The payment is on its way.
    Processing,
    /// Paid, or free: the buyer has it.
    Paid,
    /// Its page ended without a payment.
    Expired,
    /// Its payment failed for good.
    Failed {
        /// Stripe's code.
        code: String,
    },
    /// Money came for what could no longer be bought: it goes back.
    Returned {
        /// Why: the code of a [`PurchaseError`].
        reason: String,
    },
    /// All of it was paid back, or lost in a dispute.
    Refunded,
}

/// What a buyer has: at most one for each buyer and listing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entitlement {
    /// OwnerRef.
    pub buyer_id: UserId,
    /// To what.
    pub listing_id: ListingId,
    /// The purchase it stands on.
    pub purchase_id: PurchaseId,
    /// Which version.
    pub revision: u32,
    /// OwnerRef that is.
    pub creator_id: UserId,
    /// Goes up by one with every write; zero before the first.
    pub version: u64,
    /// Whether it may be used.
    pub state: EntitlementState,
    /// Since when.
    pub granted_at: Timestamp,
    /// The buyer's review, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub review_id: Option<ReviewId>,
    /// When it was first downloaded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub downloaded_at: Option<Timestamp>,
    /// When it was first used for an image.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub used_at: Option<Timestamp>,
}

/// Whether an entitlement may be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EntitlementState {
    /// It may.
    Active,
    /// Not while a dispute is open.
    Suspended,
    /// Not any more: the money went back.
    Revoked,
}

/// Why a listing cannot be bought. The codes also say why money was paid back.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PurchaseError {
    /// It is the buyer's own.
    #[error("This is your own listing: you can use it already.")]
    OwnListing,
    /// The buyer has it.
    #[error("You have this listing already.")]
    AlreadyOwned(PurchaseId),
    /// It costs something else by now.
    #[error("The price has changed to {0}: look at the listing again.")]
    PriceChanged(Money),
    /// It is off sale.
    #[error("The listing is no longer on sale.")]
    Unlisted,
    /// Its creator may not sell.
    #[error("The listing is not on sale at the moment.")]
    SellerSuspended,
}

impl DomainError for PurchaseError {
    fn kind(&self) -> ErrorKind {
        ErrorKind::Conflict
    }
    fn code(&self) -> &'static str {
        match self {
            PurchaseError::OwnListing => "own_listing",
            PurchaseError::AlreadyOwned(_) => "already_owned",
            PurchaseError::PriceChanged(_) => "price_changed",
            PurchaseError::Unlisted => "listing_unlisted",
            PurchaseError::SellerSuspended => "seller_suspended",
        }
    }
    fn extensions(&self) -> Vec<(&'static str, Value)> {
        match self {
            PurchaseError::AlreadyOwned(purchase) => vec![("purchase_id", json!(purchase))],
            PurchaseError::PriceChanged(price) => vec![("price", json!(price))],
            PurchaseError::OwnListing
            | PurchaseError::Unlisted
            | PurchaseError::SellerSuspended => Vec::new(),
        }
    }
}

/// What a listing, its creator and its buyer are, as far as a purchase is decided on it.
#[derive(Debug, Clone, Copy)]
pub struct Offer<'a> {
    /// The listing.
    pub listing: &'a Listing,
    /// Whether its creator may sell.
    pub seller: &'a Seller,
    /// What the buyer has of it.
    pub owned: Option<&'a Entitlement>,
}

impl<'a> Offer<'a> {
    /// What is on sale, if `buyer` may buy it for `price` at `now`.
    ///
    /// # Errors
    /// See [`PurchaseError`].
    pub fn check(
        &self,
        buyer: &UserId,
        price: Money,
        now: Timestamp,
    ) -> Result<&'a Published, PurchaseError> {
        if self.listing.creator_id == *buyer {
            return Err(PurchaseError::OwnListing);
        }
        if let Some(owned) = self.owned.filter(|it| it.state != EntitlementState::Revoked) {
            return Err(PurchaseError::AlreadyOwned(owned.purchase_id.clone()));
        }
        let Some(on_sale) = self.listing.on_sale() else { return Err(PurchaseError::Unlisted) };
        if !self.seller.may_sell(now) {
            return Err(PurchaseError::SellerSuspended);
        }
        if on_sale.price != price {
            return Err(PurchaseError::PriceChanged(on_sale.price));
        }
        Ok(on_sale)
    }
}

impl Purchase {
    /// Places an order for what is on sale, at the price the buyer was shown.
    ///
    /// # Errors
    /// See [`PurchaseError`]. Whether the buyer may act is for the account to say.
    pub fn place(
        id: PurchaseId,
        buyer_id: UserId,
        offer: Offer<'_>,
        expected: Money,
        referral: Option<Referral>,
        now: Timestamp,
    ) -> Result<Purchase, PurchaseError> {
        let on_sale = offer.check(&buyer_id, expected, now)?;
        let listing = offer.listing;
        Ok(Purchase {
            id,
            referral: referral.filter(|referral| referral.is_of_another(&buyer_id)),
            buyer_id,
            listing_id: listing.id.clone(),
            revision: on_sale.number,
            kind: listing.kind,
            title: on_sale.title.clone(),
            creator_id: listing.creator_id.clone(),
            price: on_sale.price,
            version: 0,
            state: PurchaseState::Pending,
            created_at: now,
            session: None,
            url: None,
            payment: None,
            paid_at: None,
            paid: None,
            taken_back: 0,
            refunded: 0,
            position: PaymentAllocation::default(),
            refunds: Vec::new(),
            refund_request: None,
            evidenced: Vec::new(),
            movements: 0,
            due_at: Some(now.plus(LOOK_AGAIN)),
        })
    }

    /// Whether it costs nothing.
    pub fn is_free(&self) -> bool {
        self.price.amount == 0
    }

    /// When Stripe closes its page.
    pub fn page_closes_at(&self) -> Timestamp {
        self.created_at.plus(CHECKOUT_OPEN)
    }

    /// Where it can be paid at `now`, if it still can and the page is known.
    pub fn payable_at(&self, now: Timestamp) -> Option<&str> {
        let may_be = self.state == PurchaseState::Pending && now < self.page_closes_at();
        self.url.as_deref().filter(|_| may_be)
    }

    /// Notes that the bank was told what we know.
    pub fn note_evidence(&mut self, dispute: &DisputeId) {
        if !self.evidenced.contains(dispute) {
            self.evidenced.push(dispute.clone());
        }
    }

    /// Whether the page may still be paid on.
    pub fn is_open(&self) -> bool {
        matches!(self.state, PurchaseState::Pending | PurchaseState::Processing)
    }
}

impl Entitlement {
    /// What a paid purchase gives.
    pub fn of(purchase: &Purchase, now: Timestamp) -> Entitlement {
        Entitlement {
            buyer_id: purchase.buyer_id.clone(),
            listing_id: purchase.listing_id.clone(),
            purchase_id: purchase.id.clone(),
            revision: purchase.revision,
            creator_id: purchase.creator_id.clone(),
            version: 0,
            state: EntitlementState::Active,
            granted_at: now,
            review_id: None,
            downloaded_at: None,
            used_at: None,
        }
    }

    /// Whether it may be used.
    pub fn is_active(&self) -> bool {
        self.state == EntitlementState::Active
    }
}
