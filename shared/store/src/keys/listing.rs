//! Keys of listings, and of what belongs to them.

use domain::{
    Timestamp,
    id::{ListingId, ReviewId, UploadId, UserId},
    marketplace::{Category, community::listing_stats::ListingStats, moderation::flag::Flags},
};

use super::{IndexKey, Item, Key, PK, shard_of, text};

pub(crate) const REVIEW_PREFIX: &str = "REVIEW#";
pub(crate) const REVISION_PREFIX: &str = "REVISION#";
pub(crate) const LISTING: &str = "LISTING";
const LISTING_PREFIX: &str = "LISTING#";
/// Index partition of versions pending moderation.
pub(crate) const PENDING: &str = "REVIEWS#PENDING";
/// Index partition of due flags.
pub(crate) const DUE_FLAGS: &str = "FLAGS#DUE";
/// The partition of views that are not counted yet.
pub(crate) const VIEWS: &str = "VIEWS";

impl Key {
    fn of_listing(listing: &ListingId, sk: String) -> Key {
        Key { pk: listing_pk(listing), sk }
    }

    pub(crate) fn listing(listing: &ListingId) -> Key {
        Key::of_listing(listing, LISTING.to_owned())
    }

    pub(crate) fn revision(listing: &ListingId, number: u32) -> Key {
        Key::of_listing(listing, format!("{REVISION_PREFIX}{number:06}"))
    }

    pub(crate) fn stats(listing: &ListingId) -> Key {
        Key::of_listing(listing, "STATS".to_owned())
    }

    pub(crate) fn visitors(listing: &ListingId) -> Key {
        Key::of_listing(listing, "VISITORS".to_owned())
    }

    pub(crate) fn upload(listing: &ListingId, upload: &UploadId) -> Key {
        Key::of_listing(listing, format!("UPLOAD#{upload}"))
    }

    pub(crate) fn review(listing: &ListingId, review: &ReviewId) -> Key {
        Key::of_listing(listing, format!("{REVIEW_PREFIX}{review}"))
    }

    pub(crate) fn model(model_id: &str) -> Key {
        Key { pk: format!("MODEL#{model_id}"), sk: "OWNER".to_owned() }
    }

    pub(crate) fn flags(listing: &ListingId) -> Key {
        Key::of_listing(listing, "FLAGS".to_owned())
    }

    pub(crate) fn share(code: &str) -> Key {
        Key { pk: format!("SHARE#{code}"), sk: "SHARE".to_owned() }
    }

    pub(crate) fn click(code: &str, day: &str, visitor: &str) -> Key {
        Key { pk: format!("SHARE#{code}"), sk: format!("CLICK#{day}#{visitor}") }
    }

    pub(crate) fn similar(band: &str, listing: &ListingId) -> Key {
        Key { pk: similar_pk(band), sk: listing.to_string() }
    }

    pub(crate) fn change(of: Changing, at: Timestamp, listing: &ListingId) -> Key {
        Key { pk: of.partition().to_owned(), sk: format!("{at}#{listing}") }
    }

    pub(crate) fn views(at: Timestamp, nonce: u64) -> Key {
        Key { pk: VIEWS.to_owned(), sk: format!("{at}#{nonce:016x}") }
    }

    pub(crate) fn popular(category: Option<Category>) -> Key {
        let sk = category.map_or("all", |it| it.into_str()).to_owned();
        Key { pk: "POPULAR".to_owned(), sk }
    }
}

/// What changes are recorded of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Changing {
    /// Listings on sale.
    Catalogue,
    /// Listing statistics.
    Sums,
}

impl Changing {
    /// The partition of the changes.
    pub(crate) const fn partition(self) -> &'static str {
        match self {
            Changing::Catalogue => "CHANGES#CATALOGUE",
            Changing::Sums => "CHANGES#SUMS",
        }
    }
}

/// The partition of one band of a signature.
pub(crate) fn similar_pk(band: &str) -> String {
    format!("SIMILAR#{band}")
}

pub(crate) fn listing_pk(listing: &ListingId) -> String {
    format!("{LISTING_PREFIX}{listing}")
}

/// Index partition of a creator's listings.
pub(crate) fn creator_pk(creator: &UserId) -> String {
    format!("CREATOR#{creator}")
}

/// The index key of a version pending moderation.
pub(crate) fn pending_index(listing: &ListingId, since: Timestamp) -> IndexKey {
    (PENDING.to_owned(), format!("{since}#{listing}"))
}

/// Index partition of one shard of the versions on sale.
pub(crate) fn on_sale_pk(shard: u8) -> String {
    format!("ONSALE#{shard}")
}

/// The index key of a version on sale.
pub(crate) fn on_sale_index(listing: &ListingId) -> IndexKey {
    (on_sale_pk(shard_of(listing.as_str())), listing.to_string())
}

/// Index partition of a category's listings by trending score.
pub(crate) fn hot_pk(category: Category) -> String {
    format!("HOT#{}", category.into_str())
}

/// The index key of listing statistics: the trending score as text that sorts as the number does.
pub(crate) fn stats_index(stats: &ListingStats) -> Option<IndexKey> {
    let heat = stats.heat + 10_000.0;
    Some((hot_pk(stats.category?), format!("{heat:014.6}#{}", stats.listing_id)))
}

/// Flags are in the index once there are enough of them.
pub(crate) fn flags_index(flags: &Flags) -> Option<IndexKey> {
    Some((DUE_FLAGS.to_owned(), format!("{}#{}", flags.due_since?, flags.listing_id)))
}

/// The listing of an item.
pub(crate) fn listing_of(item: &Item) -> Option<ListingId> {
    ListingId::parse(text(item, PK)?.strip_prefix(LISTING_PREFIX)?).ok()
}
