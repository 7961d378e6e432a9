//! Keys of purchases, and of creators' sales and money.

use domain::{
    billing::external::ConnectedAccountId,
    id::{ListingId, PayoutId, PurchaseId, UserId},
    marketplace::{
        community::reward::Reward,
        creator::{
            balance::CreatorBalance,
            cause::Cause,
            journal::Role,
            payout::{Payout, PayoutStatus},
            sale::Sale,
        },
        moderation::strike::Strikes,
        purchase::{Purchase, PurchaseStatus},
    },
};

use super::{INDEX_SK, IndexKey, Item, Key, SK, text, user_of};
use crate::error::StoreError;

pub(crate) const PURCHASE_PREFIX: &str = "PURCHASE#";
pub(crate) const SALE_PREFIX: &str = "SALE#";
pub(crate) const PAYOUT_PREFIX: &str = "PAYOUT#";
pub(crate) const BOUGHT_PREFIX: &str = "BOUGHT#";
const JOURNAL_PREFIX: &str = "JOURNAL#";
pub(crate) const REWARD_PREFIX: &str = "REWARD#";
pub(crate) const SHARED_PREFIX: &str = "SHARED#";
/// Index partition of open purchases.
pub(crate) const OPEN_PURCHASES: &str = "PURCHASES#OPEN";
/// Index partition of purchases with a refund request.
pub(crate) const REFUND_REQUESTS: &str = "REFUNDS#ASKED";
/// Index partition of held rewards.
pub(crate) const HELD_REWARDS: &str = "REWARDS#DUE";
/// Index partition of sales on hold.
pub(crate) const HELD_SALES: &str = "SALES#HELD";
/// Index partition of overpaid sales.
pub(crate) const OVERPAID_SALES: &str = "SALES#OVERPAID";
/// Index partition of creators that a payout run must process.
pub(crate) const DUE_CREATORS: &str = "CREATORS#DUE";
/// Index partition of the other creators.
pub(crate) const OTHER_CREATORS: &str = "CREATORS#REST";
/// Index partition of open payouts.
pub(crate) const OPEN_PAYOUTS: &str = "PAYOUTS#OPEN";
/// Index partition of payouts that the bank may still return.
pub(crate) const SENT_PAYOUTS: &str = "PAYOUTS#SENT";
/// Index partition of payouts that the bank received.
const PAID_PAYOUTS: &str = "PAYOUTS#PAID";
/// Index partition of days on which a creator was not paid.
const SKIPPED_PAYOUTS: &str = "PAYOUTS#SKIPPED";
/// Index partition of payouts whose sales are payable again.
const REOPENED_PAYOUTS: &str = "PAYOUTS#REOPENED";
/// Index partition of creators whose listings must be shown or hidden.
pub(crate) const DUE_SELLERS: &str = "SELLERS#DUE";

impl Key {
    pub(crate) fn purchase(buyer: &UserId, purchase: &PurchaseId) -> Key {
        Key::of(buyer, format!("{PURCHASE_PREFIX}{purchase}"))
    }

    /// The entry of a purchase in the lists of staff.
    pub(crate) fn bought(buyer: &UserId, purchase: &PurchaseId) -> Key {
        Key::of(buyer, format!("{BOUGHT_PREFIX}{purchase}"))
    }

    pub(crate) fn buyer(purchase: &PurchaseId) -> Key {
        Key { pk: format!("{PURCHASE_PREFIX}{purchase}"), sk: "USER".to_owned() }
    }

    pub(crate) fn entitlement(buyer: &UserId, listing: &ListingId) -> Key {
        Key::of(buyer, format!("OWNS#{listing}"))
    }

    pub(crate) fn card(user: &UserId, fingerprint: &str) -> Key {
        Key::of(user, format!("CARD#{fingerprint}"))
    }

    pub(crate) fn sale(creator: &UserId, purchase: &PurchaseId) -> Key {
        Key::of(creator, format!("{SALE_PREFIX}{purchase}"))
    }

    pub(crate) fn creator(creator: &UserId) -> Key {
        Key::of(creator, "CREATOR".to_owned())
    }

    pub(crate) fn strikes(creator: &UserId) -> Key {
        Key::of(creator, "STRIKES".to_owned())
    }

    pub(crate) fn reward(sharer: &UserId, purchase: &PurchaseId) -> Key {
        Key::of(sharer, format!("{REWARD_PREFIX}{purchase}"))
    }

    pub(crate) fn shared(sharer: &UserId, listing: &ListingId) -> Key {
        Key::of(sharer, format!("{SHARED_PREFIX}{listing}"))
    }

    pub(crate) fn payout(creator: &UserId, payout: &PayoutId) -> Key {
        Key::of(creator, format!("{PAYOUT_PREFIX}{payout}"))
    }

    pub(crate) fn payee(creator: &UserId) -> Key {
        Key::of(creator, "PAYEE".to_owned())
    }

    pub(crate) fn connected(account: &ConnectedAccountId) -> Key {
        Key { pk: format!("PAYEE#{account}"), sk: "USER".to_owned() }
    }

    pub(crate) fn journal(creator: &UserId, cause: &Cause, role: Role) -> Key {
        Key { pk: journal_pk(creator), sk: format!("{cause}#{}", role.into_str()) }
    }
}

/// The partition of a creator's journal.
pub(crate) fn journal_pk(creator: &UserId) -> String {
    format!("{JOURNAL_PREFIX}{creator}")
}

/// The cause of a posting of this role, from its sort key.
///
/// # Errors
/// When it is not the key of such a posting.
pub(crate) fn cause_of(sk: &str, role: Role) -> Result<Cause, StoreError> {
    let cause = sk.strip_suffix(role.into_str()).and_then(|it| it.strip_suffix('#'));
    let cause = cause.ok_or_else(|| StoreError::corrupt(format!("{sk} is no posting")))?;
    cause.parse().map_err(StoreError::corrupt)
}

/// The creator of a journal partition.
pub(crate) fn creator_of_journal(pk: &str) -> Option<&str> {
    pk.strip_prefix(JOURNAL_PREFIX)
}

/// Index partition of all purchases in a state.
pub(crate) fn bought_pk(status: PurchaseStatus) -> String {
    format!("STAFF#PURCHASES#{}", status.into_str())
}

/// The index key of a purchase in the lists of staff.
pub(crate) fn bought_index(purchase: &Purchase) -> IndexKey {
    (bought_pk(purchase.state.status()), purchase.id.to_string())
}

/// Index partition of all purchases of a creator's listings.
pub(crate) fn sold_pk(creator: &UserId) -> String {
    format!("STAFF#SOLD#{creator}")
}

/// The index key of the buyer of a purchase: newest first by its id, with the listing, which is so
/// filtered without reading the purchase, and the buyer, by whom it is read.
pub(crate) fn sold_index(purchase: &Purchase) -> IndexKey {
    let Purchase { id, listing_id, buyer_id, creator_id, .. } = purchase;
    (sold_pk(creator_id), format!("{id}#{listing_id}#{buyer_id}"))
}

/// The purchase of such an index key, if it is of `listing` or none is given.
pub(crate) fn sold_key(item: &Item, listing: Option<&ListingId>) -> Option<Key> {
    let mut parts = text(item, INDEX_SK)?.splitn(3, '#');
    let id = PurchaseId::parse(parts.next()?).ok()?;
    let of = parts.next()?;
    let buyer = UserId::parse(parts.next()?).ok()?;
    listing.is_none_or(|it| it.as_str() == of).then(|| Key::purchase(&buyer, &id))
}

/// The purchase of an index entry of [`bought_index`].
pub(crate) fn bought_key(item: &Item) -> Option<Key> {
    let purchase = text(item, SK)?.strip_prefix(BOUGHT_PREFIX)?;
    Some(Key::purchase(&user_of(item)?, &PurchaseId::parse(purchase).ok()?))
}

/// A purchase is in the index while Stripe must be asked about it, or staff must decide on it.
pub(crate) fn purchase_index(purchase: &Purchase) -> Option<IndexKey> {
    let (partition, since) = match (&purchase.due_at, &purchase.refund_request) {
        (Some(due_at), _) => (OPEN_PURCHASES, *due_at),
        (None, Some(request)) if request.is_open() => (REFUND_REQUESTS, request.at),
        (None, Some(_) | None) => return None,
    };
    Some((partition.to_owned(), format!("{since}#{}", purchase.id)))
}

/// A sale is in the index while a payout run must process it.
pub(crate) fn sale_index(sale: &Sale) -> Option<IndexKey> {
    let id = sale.purchase_id.to_string();
    if sale.is_to_be_recovered() {
        Some((OVERPAID_SALES.to_owned(), id))
    } else if sale.is_payable() {
        Some((payable_pk(&sale.creator_id), id))
    } else if sale.is_due(sale.hold_until) {
        Some((HELD_SALES.to_owned(), format!("{}#{id}", sale.hold_until)))
    } else {
        None
    }
}

/// Index partition of a creator's payable sales.
pub(crate) fn payable_pk(creator: &UserId) -> String {
    format!("SALES#PAYABLE#{creator}")
}

/// Every creator balance is in the index; those that a payout run must process are apart.
pub(crate) fn book_index(book: &CreatorBalance) -> Option<IndexKey> {
    let partition = if book.is_due() { DUE_CREATORS } else { OTHER_CREATORS };
    Some((partition.to_owned(), book.creator_id.to_string()))
}

/// Every payout is in the index: those that are open, or that the bank may return, for the payout
/// runs, and all for staff.
pub(crate) fn payout_index(payout: &Payout) -> Option<IndexKey> {
    Some((payout_pk(payout.state.status()).to_owned(), payout.id.to_string()))
}

/// Index partition of payouts in a state.
pub(crate) const fn payout_pk(status: PayoutStatus) -> &'static str {
    match status {
        PayoutStatus::Collecting
        | PayoutStatus::Planned
        | PayoutStatus::Sending
        | PayoutStatus::Failed => OPEN_PAYOUTS,
        PayoutStatus::Sent => SENT_PAYOUTS,
        PayoutStatus::Paid => PAID_PAYOUTS,
        PayoutStatus::Skipped => SKIPPED_PAYOUTS,
        PayoutStatus::Reopened => REOPENED_PAYOUTS,
    }
}

/// The index partitions of all payouts.
pub(crate) const PAYOUT_PARTITIONS: [&str; 5] =
    [OPEN_PAYOUTS, SENT_PAYOUTS, PAID_PAYOUTS, SKIPPED_PAYOUTS, REOPENED_PAYOUTS];

/// A reward is in the index while it is held.
pub(crate) fn reward_index(reward: &Reward) -> Option<IndexKey> {
    Some((HELD_REWARDS.to_owned(), format!("{}#{}", reward.due_at()?, reward.purchase_id)))
}

/// Strikes are in the index while the creator's listings must be shown or hidden.
pub(crate) fn strikes_index(strikes: &Strikes) -> Option<IndexKey> {
    Some((DUE_SELLERS.to_owned(), format!("{}#{}", strikes.due_at?, strikes.creator_id)))
}

/// The buyer and purchase of an index entry.
pub(crate) fn purchase_of(item: &Item) -> Option<(UserId, PurchaseId)> {
    let purchase = text(item, SK)?.strip_prefix(PURCHASE_PREFIX)?;
    Some((user_of(item)?, PurchaseId::parse(purchase).ok()?))
}

/// The creator and sale of an index entry.
pub(crate) fn sale_of(item: &Item) -> Option<(UserId, PurchaseId)> {
    let purchase = text(item, SK)?.strip_prefix(SALE_PREFIX)?;
    Some((user_of(item)?, PurchaseId::parse(purchase).ok()?))
}

/// The creator and payout of an index entry.
pub(crate) fn payout_of(item: &Item) -> Option<(UserId, PayoutId)> {
    let payout = text(item, SK)?.strip_prefix(PAYOUT_PREFIX)?;
    Some((user_of(item)?, PayoutId::parse(payout).ok()?))
}

/// The sharer and reward of an index entry.
pub(crate) fn reward_of(item: &Item) -> Option<(UserId, PurchaseId)> {
    let purchase = text(item, SK)?.strip_prefix(REWARD_PREFIX)?;
    Some((user_of(item)?, PurchaseId::parse(purchase).ok()?))
}
