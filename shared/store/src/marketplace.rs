//! Marketplace items.

mod community;
mod creator;
mod listing;
mod moderation;
mod purchase;

pub use community::{AddedViews, SharedListing, Tally, WaitingViews};
pub(crate) use creator::entry_of;
pub use creator::{Audited, Begun, SALES_AT_ONCE, payout_id};
pub use listing::{
    Arrival, CHANGES_KEPT, CHANGES_LATE_AT_MOST, CHANGES_OVERLAP, CatalogueChange, ListingPage,
    ListingUpdate, Popular, changed_submission,
};
pub use moderation::{Flagged, FlaggedListing, FlaggedThing, NewFlag, Resolved, SellerRecord};
pub(crate) use purchase::Licensed;
pub use purchase::PurchaseRecord;

use domain::{
    Timestamp,
    account::Account,
    id::UserId,
    marketplace::{
        community::listing_stats::ListingStats, creator::balance::CreatorBalance, listing::Listing,
        moderation::strike::Strikes,
    },
};

use crate::error::{NotFound, StoreError};

/// A listing's statistics: new ones if none are stored.
fn sums_of(listing: &Listing, read: Option<ListingStats>) -> ListingStats {
    read.unwrap_or_else(|| ListingStats::new(listing.id.clone(), listing.creator_id.clone()))
}

/// A creator's balance: a new one if none is stored.
fn book_of(creator: &UserId, read: Option<CreatorBalance>) -> CreatorBalance {
    read.unwrap_or_else(|| CreatorBalance::new(creator.clone()))
}

/// A creator's strikes: none if none are stored.
fn strikes_of(creator: &UserId, read: Option<Strikes>) -> Strikes {
    read.unwrap_or_else(|| Strikes::none(creator.clone()))
}

/// The listing, if it is on sale and visible.
///
/// # Errors
/// [`NotFound::Listing`].
fn on_sale(read: Option<Listing>) -> Result<Listing, StoreError> {
    let on_sale = read.filter(|listing| listing.shown().is_some());
    on_sale.ok_or_else(|| StoreError::refused(NotFound::Listing))
}

/// The account and the listing, if the account is the listing's creator and active.
///
/// # Errors
/// [`NotFound::Listing`], or when the creator is suspended.
fn own(
    creator: &UserId,
    (account, listing): (Option<Account>, Option<Listing>),
    now: Timestamp,
) -> Result<(Account, Listing), StoreError> {
    let own = listing.filter(|listing| listing.creator_id == *creator);
    let both = account.zip(own).ok_or_else(|| StoreError::refused(NotFound::Listing))?;
    both.0.require_active(now).map_err(StoreError::refused)?;
    Ok(both)
}
