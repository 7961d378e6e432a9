//! Buying a listing: the order, and what follows from its payment.
//!
//! * [`entitlement`]: the buyer's right to use the listing;
//! * [`update`]: what the payment changes, divided by its [`PaymentAllocation`];
//! * [`refund`]: who may get money back, how much, and when.

mod allocation;
pub mod entitlement;
mod invoice;
pub mod refund;
pub mod update;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use strum::{EnumDiscriminants, IntoStaticStr, VariantArray};

use super::{
    Kind,
    community::share::Referral,
    listing::{Listing, Published},
    moderation::strike::Seller,
};
use crate::{
    billing::{
        external::{DisputeId, PaymentId, SessionId},
        order::{CHECKOUT_OPEN, LOOK_AGAIN},
    },
    id::{ListingId, PurchaseId, UserId},
    money::Money,
    time::Timestamp,
};
use allocation::PaymentAllocation;
use entitlement::{Entitlement, EntitlementState, latest_version};
use refund::{ManualReview, PaidBack, Refund};

/// An order for one listing.
#[serde_with::skip_serializing_none]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Purchase {
    /// Its id; every Stripe idempotency key of the purchase is derived from it.
    pub id: PurchaseId,
    /// The buyer.
    pub buyer_id: UserId,
    /// The listing.
    pub listing_id: ListingId,
    /// The version that the buyer saw.
    pub revision: u32,
    /// The listing's kind.
    pub kind: Kind,
    /// The version's title.
    pub title: String,
    /// The creator who sells it.
    pub creator_id: UserId,
    /// The price, without tax.
    pub price: Money,
    /// The optimistic lock: goes up by one with every write; zero before the first.
    pub version: u64,
    /// Its state.
    #[serde(flatten)]
    pub state: PurchaseState,
    /// When it was placed.
    pub created_at: Timestamp,
    /// The share link that led the buyer here.
    pub referral: Option<Referral>,
    /// Where else the buyer found the listing, as their frontend says.
    #[serde(default)]
    pub found_by: Option<FoundBy>,
    /// Stripe's Checkout Session, once known.
    pub session: Option<SessionId>,
    /// The page where it is paid.
    pub url: Option<String>,
    /// Stripe's PaymentIntent, once known.
    pub payment: Option<PaymentId>,
    /// When it was paid.
    pub paid_at: Option<Timestamp>,
    /// The amount paid, with tax.
    pub paid: Option<Money>,
    /// The part taken back by refunds and disputes, in minor units.
    #[serde(default)]
    pub taken_back: i64,
    /// The part taken back by refunds, in minor units.
    #[serde(default)]
    pub refunded: i64,
    /// How the rest is allocated.
    #[serde(default)]
    pub position: PaymentAllocation,
    /// Refunds requested from Stripe by us.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub refunds: Vec<Refund>,
    /// The buyer's latest refund request that only staff can grant.
    pub refund_request: Option<ManualReview>,
    /// What staff paid its buyer outside Stripe, of a payment that could not be refunded: more than
    /// once only if more of it came back in between.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub paid_back: Vec<PaidBack>,
    /// Disputes for which evidence was submitted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub evidenced: Vec<DisputeId>,
    /// How often the allocation changed: part of the cause of a journal.
    #[serde(default)]
    pub movements: u32,
    /// When to ask Stripe about it next: set while it is neither paid nor closed, or a refund is
    /// open.
    pub due_at: Option<Timestamp>,
}

/// Where a buyer found a listing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum FoundBy {
    /// Neither of the others, as far as is known.
    Direct,
    /// A search.
    Search,
    /// A member's shared link.
    Share,
}

/// The state of an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, EnumDiscriminants)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(tag = "state", rename_all = "snake_case")]
#[strum_discriminants(
    name(PurchaseStatus),
    doc = "The state of an order, without its details.",
    derive(Hash, Serialize, Deserialize, IntoStaticStr, VariantArray),
    cfg_attr(feature = "schema", derive(schemars::JsonSchema)),
    serde(rename_all = "snake_case"),
    strum(serialize_all = "snake_case", const_into_str)
)]
pub enum PurchaseState {
    /// Not paid yet.
    Pending,
    /// The payment is processing.
    Processing,
    /// Paid, or free: the buyer is entitled.
    Paid,
    /// Its Checkout Session expired without a payment.
    Expired,
    /// Its payment failed permanently.
    Failed {
        /// Stripe's failure code.
        code: String,
    },
    /// It could no longer be bought when its money came: the payment is refunded.
    Returned {
        /// The code of a [`PurchaseError`].
        reason: String,
    },
    /// All of it was refunded, or lost in a dispute.
    Refunded,
}

impl PurchaseState {
    /// Its name.
    pub fn status(&self) -> PurchaseStatus {
        self.into()
    }
}

/// Why a listing cannot be bought. The codes also give the reason of a returned payment.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PurchaseError {
    /// The buyer is its creator.
    #[error("This is your own listing: you can use it without buying it.")]
    OwnListing,
    /// The buyer is already entitled to it.
    #[error("You already own this listing.")]
    AlreadyOwned(PurchaseId),
    /// The price is not the one that the buyer saw.
    #[error("The price has changed to {0}: reload the listing.")]
    PriceChanged(Money),
    /// It is off sale.
    #[error("The listing is no longer on sale.")]
    Unlisted,
    /// Its creator may not sell.
    #[error("The listing is currently not on sale.")]
    SellerSuspended,
}

crate::domain_error! {
    PurchaseError {
        OwnListing => Conflict, "cannot_buy_own_listing";
        AlreadyOwned => Conflict, "already_owned";
        PriceChanged => Conflict, "price_changed";
        Unlisted => Conflict, "listing_unlisted";
        SellerSuspended => Conflict, "seller_suspended";
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

/// The state on which a purchase is decided.
#[derive(Debug, Clone, Copy)]
pub struct Offer<'a> {
    /// The listing.
    pub listing: &'a Listing,
    /// Whether its creator may sell.
    pub seller: &'a Seller,
    /// The buyer's entitlement to the listing, if any.
    pub owned: Option<&'a Entitlement>,
}

impl<'a> Offer<'a> {
    /// The version on sale, if `buyer` may buy it for `price` at `now`.
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
        check_not_owned(self.owned)?;
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

/// Refuses who is entitled already: a listing is bought once.
fn check_not_owned(owned: Option<&Entitlement>) -> Result<(), PurchaseError> {
    match owned.filter(|it| it.state != EntitlementState::Revoked) {
        Some(owned) => Err(PurchaseError::AlreadyOwned(owned.purchase_id.clone())),
        None => Ok(()),
    }
}

impl Purchase {
    /// Creates an order for the version on sale, at the price that the buyer was shown.
    ///
    /// # Errors
    /// See [`PurchaseError`]. Whether the buyer's account may act is checked by the account.
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
            found_by: None,
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
            paid_back: Vec::new(),
            evidenced: Vec::new(),
            movements: 0,
            due_at: Some(now.plus(LOOK_AGAIN)),
        })
    }

    /// Adds where the buyer says they found it. A shared link is known by its referral alone.
    #[must_use]
    pub fn said_found_by(self, found_by: Option<FoundBy>) -> Purchase {
        Purchase { found_by: found_by.filter(|it| *it != FoundBy::Share), ..self }
    }

    /// Where the buyer found the listing.
    pub fn found_by(&self) -> FoundBy {
        match self.referral {
            Some(_) => FoundBy::Share,
            None => self.found_by.unwrap_or(FoundBy::Direct),
        }
    }

    /// Its state, without the details.
    pub fn status(&self) -> PurchaseStatus {
        PurchaseStatus::from(&self.state)
    }

    /// Why its payment failed or was returned, as a code.
    pub fn status_code(&self) -> Option<&str> {
        match &self.state {
            PurchaseState::Failed { code } => Some(code),
            PurchaseState::Returned { reason } => Some(reason),
            PurchaseState::Pending
            | PurchaseState::Processing
            | PurchaseState::Paid
            | PurchaseState::Expired
            | PurchaseState::Refunded => None,
        }
    }

    /// The newest approved version of its listing.
    pub fn latest_version(&self, listing: Option<&Listing>) -> u32 {
        latest_version(self.revision, listing)
    }

    /// Whether it costs nothing.
    pub fn is_free(&self) -> bool {
        self.price.amount == 0
    }

    /// When its Checkout Session expires.
    pub fn page_closes_at(&self) -> Timestamp {
        self.created_at.plus(CHECKOUT_OPEN)
    }

    /// The page where it can be paid at `now`, if it still can and the page is known.
    pub fn payable_at(&self, now: Timestamp) -> Option<&str> {
        let may_be = self.state == PurchaseState::Pending && now < self.page_closes_at();
        self.url.as_deref().filter(|_| may_be)
    }

    /// Records that evidence was submitted for `dispute`.
    pub fn note_evidence(&mut self, dispute: &DisputeId) {
        if !self.evidenced.contains(dispute) {
            self.evidenced.push(dispute.clone());
        }
    }

    /// Whether it may still be paid.
    pub fn is_open(&self) -> bool {
        matches!(self.state, PurchaseState::Pending | PurchaseState::Processing)
    }

    /// The entitlement that it grants once it is paid.
    pub fn entitlement(&self, now: Timestamp) -> Entitlement {
        Entitlement {
            buyer_id: self.buyer_id.clone(),
            listing_id: self.listing_id.clone(),
            purchase_id: self.id.clone(),
            revision: self.revision,
            creator_id: self.creator_id.clone(),
            version: 0,
            state: EntitlementState::Active,
            granted_at: now,
            review_id: None,
            review_removed: None,
            downloaded_at: None,
            used_at: None,
        }
    }
}
