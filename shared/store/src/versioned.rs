//! Items with a version of their own, the optimistic lock of every change.

use domain::{
    account::Account,
    appeal::Appeal,
    billing::{Billing, order::PackOrder},
    erasure::Erasure,
    marketplace::{
        community::{listing_stats::ListingStats, reward::Reward, visitor::Visitors},
        creator::{
            balance::CreatorBalance, journal::LedgerAccount, payee::Payee, payout::Payout,
            sale::Sale,
        },
        listing::{Listing, model::ModelOwner},
        moderation::{flag::Flags, strike::Strikes},
        purchase::{Purchase, entitlement::Entitlement},
    },
};
use serde::Serialize;

use crate::{
    item_kind::ItemKind,
    keys::{
        ERASURES, IndexKey, Key, account_index, appeal_index, billing_index, book_index,
        creator_pk, flags_index, order_index, payout_index, purchase_index, reward_index,
        sale_index, stats_index, strikes_index,
    },
};

/// An item with its own version.
pub(crate) trait Versioned: Serialize + Clone + PartialEq {
    /// Its kind in a transaction.
    const PART: ItemKind;
    /// Its key.
    fn key(&self) -> Key;
    /// Its index key.
    fn index_key(&self) -> Option<IndexKey>;
    /// The version it was read with; zero before the first write.
    fn version(&self) -> u64;
    /// The same at another version.
    fn with_version(self, version: u64) -> Self;
    /// The number of its shape: see [`crate::rewrite`].
    fn shape(&self) -> u32 {
        1
    }
}

/// Says of each item its kind, its key and its index key, and its shape where that is not 1.
macro_rules! versioned {
    ($($item:ident = $part:ident, $key:expr, $index_key:expr $(, $shape:expr)?;)*) => {$(
        impl $crate::versioned::Versioned for $item {
            const PART: $crate::item_kind::ItemKind = $crate::item_kind::ItemKind::$part;
            fn key(&self) -> $crate::keys::Key {
                let key: fn(&$item) -> $crate::keys::Key = $key;
                key(self)
            }
            fn index_key(&self) -> Option<$crate::keys::IndexKey> {
                let index_key: fn(&$item) -> Option<$crate::keys::IndexKey> = $index_key;
                index_key(self)
            }
            fn version(&self) -> u64 {
                self.version
            }
            fn with_version(self, version: u64) -> $item {
                $item { version, ..self }
            }
            $(fn shape(&self) -> u32 {
                let shape: fn(&$item) -> u32 = $shape;
                shape(self)
            })?
        }
    )*};
}
pub(crate) use versioned;

versioned! {
    Account = Account, |it| Key::account(&it.user_id), account_index;
    Billing = Billing, |it| Key::billing(&it.user_id), billing_index;
    PackOrder = Order, |it| Key::order(&it.user_id, &it.id), order_index;
    Listing = Listing, |it| Key::listing(&it.id),
        |it| Some((creator_pk(&it.creator_id), it.id.to_string()));
    ModelOwner = Model, |it| Key::model(&it.model_id), |_| None;
    ListingStats = Stats, |it| Key::stats(&it.listing_id), stats_index;
    Visitors = Visitors, |it| Key::visitors(&it.listing_id), |_| None;
    CreatorBalance = Book, |it| Key::creator(&it.creator_id), book_index, book_shape;
    Sale = Sale, |it| Key::sale(&it.creator_id, &it.purchase_id), sale_index;
    Payout = Payout, |it| Key::payout(&it.creator_id, &it.id), payout_index;
    Payee = Payee, |it| Key::payee(&it.user_id), |_| None;
    Purchase = Purchase, |it| Key::purchase(&it.buyer_id, &it.id), purchase_index,
        purchase_shape;
    Entitlement = Entitlement, |it| Key::entitlement(&it.buyer_id, &it.listing_id), |_| None;
    Reward = Reward, |it| Key::reward(&it.sharer_id, &it.purchase_id), reward_index;
    Flags = Flags, |it| Key::flags(&it.subject), flags_index;
    Strikes = Strikes, |it| Key::strikes(&it.creator_id), strikes_index;
    Erasure = Erasure, |it| Key::erasure(&it.subject.name()),
        |it| Some((ERASURES.to_owned(), format!("{}#{}", it.due_at, it.subject.name())));
    Appeal = Appeal, |it| Key::appeal(&it.member_id, &it.id), appeal_index;
}

/// An older build cannot read a balance of an account that it does not know.
fn book_shape(book: &CreatorBalance) -> u32 {
    if book.balances.of(LedgerAccount::OutsideStripe) == 0 { 1 } else { 2 }
}

/// An older build would refund at Stripe what was paid outside.
fn purchase_shape(purchase: &Purchase) -> u32 {
    if purchase.paid_back.is_empty() { 1 } else { 2 }
}
