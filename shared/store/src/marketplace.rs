//! Marketplace items.

mod catalogue;
mod creators;
mod flags;
mod journals;
mod licences;
mod listing_update;
mod listings;
mod models;
mod payees;
mod payouts;
mod purchase_update;
mod purchases;
mod reviews;
mod rewards;
mod shares;
mod uploads;
mod views;
mod visibility;

pub use catalogue::{CHANGES_KEPT, CHANGES_OVERLAP, CatalogueChange, Popular};
pub use flags::{Flagged, Resolved};
pub use journals::Audited;
pub(crate) use licences::Licensed;
pub use listing_update::ListingUpdate;
pub use listings::ListingPage;
pub use payouts::{Begun, SALES_AT_ONCE, payout_id};
pub use purchase_update::DealKept;
pub use uploads::Arrival;
pub use views::Tally;
pub use visibility::SellerRecord;

use domain::{
    Timestamp,
    account::Account,
    id::UserId,
    marketplace::{
        flag::Flags,
        listing::Listing,
        listing_stats::{CreatorBalance, ListingStats},
        model::ModelOwner,
        payee::Payee,
        payout::Payout,
        purchase::{Entitlement, Purchase},
        sale::Sale,
        share::Reward,
        strike::Strikes,
    },
};

use crate::{
    error::{NotFound, StoreError},
    keys::{
        IndexKey, Key, book_index, creator_pk, flags_index, payout_index, purchase_index,
        reward_index, sale_index, stats_index, strikes_index,
    },
    transaction::{ItemKind, Versioned},
};

macro_rules! versioned {
    ($($item:ident = $part:ident, $key:expr, $index_key:expr;)*) => {$(
        impl Versioned for $item {
            const PART: ItemKind = ItemKind::$part;
            fn key(&self) -> Key {
                let key: fn(&$item) -> Key = $key;
                key(self)
            }
            fn index_key(&self) -> Option<IndexKey> {
                let index_key: fn(&$item) -> Option<IndexKey> = $index_key;
                index_key(self)
            }
            fn version(&self) -> u64 {
                self.version
            }
            fn with_version(self, version: u64) -> $item {
                $item { version, ..self }
            }
        }
    )*};
}

versioned! {
    Listing = Listing, |it| Key::listing(&it.id),
        |it| Some((creator_pk(&it.creator_id), it.id.to_string()));
    ModelOwner = Model, |it| Key::model(&it.model_id), |_| None;
    ListingStats = Stats, |it| Key::stats(&it.listing_id), stats_index;
    CreatorBalance = Book, |it| Key::creator(&it.creator_id), book_index;
    Sale = Sale, |it| Key::sale(&it.creator_id, &it.purchase_id), sale_index;
    Payout = Payout, |it| Key::payout(&it.creator_id, &it.id), payout_index;
    Payee = Payee, |it| Key::payee(&it.user_id), |_| None;
    Purchase = Purchase, |it| Key::purchase(&it.buyer_id, &it.id), purchase_index;
    Entitlement = Entitlement, |it| Key::entitlement(&it.buyer_id, &it.listing_id), |_| None;
    Reward = Reward, |it| Key::reward(&it.sharer_id, &it.purchase_id), reward_index;
    Flags = Flags, |it| Key::flags(&it.listing_id), flags_index;
    Strikes = Strikes, |it| Key::strikes(&it.creator_id), strikes_index;
}

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
