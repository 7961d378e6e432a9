//! Keys of listings, and of what belongs to them.

use domain::{
    Timestamp,
    id::{ListingId, ReviewId, UploadId, UserId},
    marketplace::{
        Category,
        community::listing_stats::ListingStats,
        listing::{Listing, State, card},
        moderation::flag::{FlagSubject, Flags, SubjectKind},
    },
};

use super::{INDEX_SK, IndexKey, Item, Key, PK, text};

pub(crate) const REVIEW_PREFIX: &str = "REVIEW#";
pub(crate) const REVISION_PREFIX: &str = "REVISION#";
pub(crate) const UPLOAD_PREFIX: &str = "UPLOAD#";
pub(crate) const LISTING: &str = "LISTING";
const LISTING_PREFIX: &str = "LISTING#";
/// Index partition of versions pending moderation.
pub(crate) const PENDING: &str = "REVIEWS#PENDING";
/// The sort key of a listing's or a member's flags, and what those of others begin with.
pub(crate) const FLAGS_PREFIX: &str = "FLAGS";
/// The partition of views that are not counted yet.
pub(crate) const VIEWS: &str = "VIEWS";

impl Key {
    fn of_listing(listing: &ListingId, sk: String) -> Key {
        Key { pk: listing_pk(listing), sk }
    }

    pub(crate) fn listing(listing: &ListingId) -> Key {
        Key::of_listing(listing, LISTING.to_owned())
    }

    /// The entry of a listing in the lists of staff.
    pub(crate) fn listed(listing: &ListingId) -> Key {
        Key::of_listing(listing, "STATE".to_owned())
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
        Key::of_listing(listing, format!("{UPLOAD_PREFIX}{upload}"))
    }

    pub(crate) fn review(listing: &ListingId, review: &ReviewId) -> Key {
        Key::of_listing(listing, format!("{REVIEW_PREFIX}{review}"))
    }

    pub(crate) fn model(model_id: &str) -> Key {
        Key { pk: format!("MODEL#{model_id}"), sk: "OWNER".to_owned() }
    }

    pub(crate) fn flags(subject: &FlagSubject) -> Key {
        match subject {
            FlagSubject::Listing { listing_id } => {
                Key::of_listing(listing_id, FLAGS_PREFIX.to_owned())
            }
            FlagSubject::Image { listing_id, image_id } => {
                Key::of_listing(listing_id, format!("{FLAGS_PREFIX}#{image_id}"))
            }
            FlagSubject::Review { listing_id, review_id } => {
                Key::of_listing(listing_id, format!("{FLAGS_PREFIX}#{review_id}"))
            }
            FlagSubject::Member { member_id } => Key::of(member_id, FLAGS_PREFIX.to_owned()),
        }
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

/// Index partition of all listings in a state.
pub(crate) fn listed_pk(state: State) -> String {
    format!("STAFF#LISTINGS#{}", state.into_str())
}

/// The index key of a listing in the lists of staff: newest first by its id, with its kind, which
/// is so filtered without reading the listing.
pub(crate) fn listed_index(listing: &Listing) -> IndexKey {
    let kind = listing.kind.terms().name;
    (listed_pk(listing.state()), format!("{}#{kind}", listing.id))
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
    (on_sale_pk(card::shard_of(listing)), listing.to_string())
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

/// Index partition of due flags of a kind of subject.
pub(crate) const fn due_flags_pk(kind: SubjectKind) -> &'static str {
    match kind {
        SubjectKind::Listing => "FLAGS#DUE",
        SubjectKind::Image => "FLAGS#DUE#IMAGE",
        SubjectKind::Review => "FLAGS#DUE#REVIEW",
        SubjectKind::Member => "FLAGS#DUE#MEMBER",
    }
}

/// Flags are in the index once there are enough of them.
pub(crate) fn flags_index(flags: &Flags) -> Option<IndexKey> {
    let partition = due_flags_pk(flags.subject.kind());
    Some((partition.to_owned(), format!("{}#{}", flags.due_since?, flags.subject)))
}

/// The subject of an index entry of flags.
pub(crate) fn flagged_of(item: &Item) -> Option<FlagSubject> {
    text(item, INDEX_SK)?.split_once('#')?.1.parse().ok()
}

/// The listing of an item.
pub(crate) fn listing_of(item: &Item) -> Option<ListingId> {
    ListingId::parse(text(item, PK)?.strip_prefix(LISTING_PREFIX)?).ok()
}
