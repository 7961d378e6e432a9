//! The marketplace in the table.

mod catalogue;
mod creators;
mod deals;
mod flags;
mod licences;
mod listings;
mod purchases;
mod reviews;
mod rewards;
mod shares;
mod shelf;
mod uploads;
mod views;

pub use catalogue::{CatalogueChange, Popular};
pub use deals::DealKept;
pub use listings::ListingPage;
pub use purchases::Placed;
pub use rewards::Unmet;
pub use shelf::Shelf;
pub use uploads::Arrival;
pub use views::Tally;

use domain::marketplace::{
    flag::Flags,
    listing::Listing,
    purchase::{Entitlement, Purchase},
    share::Reward,
    tally::{CreatorBook, ListingStats},
};

use crate::{
    keys::{Key, Place, creator_pk, flags_index, purchase_index, reward_index, stats_index},
    transaction::{Fenced, Part},
};

macro_rules! fenced {
    ($($item:ident = $part:ident, $key:expr, $place:expr;)*) => {$(
        impl Fenced for $item {
            const PART: Part = Part::$part;
            fn key(&self) -> Key {
                let key: fn(&$item) -> Key = $key;
                key(self)
            }
            fn place(&self) -> Option<Place> {
                let place: fn(&$item) -> Option<Place> = $place;
                place(self)
            }
            fn version(&self) -> u64 {
                self.version
            }
            fn at(self, version: u64) -> $item {
                $item { version, ..self }
            }
        }
    )*};
}

fenced! {
    Listing = Listing, |it| Key::listing(&it.id),
        |it| Some((creator_pk(&it.creator_id), it.id.to_string()));
    ListingStats = Stats, |it| Key::stats(&it.listing_id), stats_index;
    CreatorBook = Book, |it| Key::creator(&it.creator_id), |_| None;
    Purchase = Purchase, |it| Key::purchase(&it.buyer_id, &it.id), purchase_index;
    Entitlement = Entitlement, |it| Key::entitlement(&it.buyer_id, &it.listing_id), |_| None;
    Reward = Reward, |it| Key::reward(&it.sharer_id, &it.purchase_id), reward_index;
    Flags = Flags, |it| Key::flags(&it.listing_id), flags_index;
}
