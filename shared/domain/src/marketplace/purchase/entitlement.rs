//! A buyer's entitlement to a listing: to the version they bought and every later approved one.

use serde::{Deserialize, Serialize};

use crate::{
    id::{ListingId, PurchaseId, ReviewId, UserId},
    marketplace::{
        community::review_removal::ReviewRemoval,
        listing::{Listing, revision::Revision},
    },
    time::Timestamp,
};

/// A buyer's right to use a listing: at most one for each buyer and listing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entitlement {
    /// The buyer.
    pub buyer_id: UserId,
    /// The listing.
    pub listing_id: ListingId,
    /// The purchase that granted it.
    pub purchase_id: PurchaseId,
    /// The version that was bought.
    pub revision: u32,
    /// The listing's creator.
    pub creator_id: UserId,
    /// The optimistic lock: goes up by one with every write; zero before the first.
    pub version: u64,
    /// Whether it may be used.
    pub state: EntitlementState,
    /// When it was granted.
    pub granted_at: Timestamp,
    /// The buyer's review, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub review_id: Option<ReviewId>,
    /// Why staff removed that review.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub review_removed: Option<ReviewRemoval>,
    /// When an asset was first downloaded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub downloaded_at: Option<Timestamp>,
    /// When it was first used for an image.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub used_at: Option<Timestamp>,
}

/// Whether an entitlement may be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum EntitlementState {
    /// It may be used.
    Active,
    /// Suspended while a dispute or refund is open.
    Suspended,
    /// Revoked: the money was taken back.
    Revoked,
}

/// The entitlement does not include this version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("You have no such version: those you have begin with the one you bought.")]
pub struct NoSuchVersion;

crate::domain_error!(NoSuchVersion => NotFound, "version_not_found");

impl Entitlement {
    /// Whether it may be used.
    pub fn is_active(&self) -> bool {
        self.state == EntitlementState::Active
    }

    /// The newest version that it includes.
    pub fn newest_version(&self, listing: Option<&Listing>) -> u32 {
        latest_version(self.revision, listing)
    }

    /// Whether it includes a version: the one that was bought, or a later one that was approved.
    pub fn includes(&self, version: &Revision) -> bool {
        version.number == self.revision
            || (version.number > self.revision && version.published_at.is_some())
    }
}

/// The newest approved version of a listing of which version `bought` was bought. It stays so while
/// the listing is off sale.
pub(super) fn latest_version(bought: u32, listing: Option<&Listing>) -> u32 {
    let published = listing.and_then(|it| it.published.as_ref()).map(|it| it.number);
    published.map_or(bought, |published| published.max(bought))
}
