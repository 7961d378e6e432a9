//! Listings as moderators see them.

use std::collections::BTreeMap;

use clients::{Previews, preview::ShownPreview};
use domain::{
    FieldError, Timestamp,
    id::{ListingId, UserId},
    marketplace::{
        Category, Kind,
        content::Content,
        demo::DemoSettings,
        flag::FlagReason,
        lint::Similar,
        listing::{Listing, State},
        remark::remarks,
        revision::Revision,
        upload::{Asset, Preview},
    },
    money::Money,
};
use serde::Serialize;
use store::{Flagged, SellerRecord};

/// A version that waits for a decision: everything there is to it.
#[derive(Debug, Serialize)]
pub struct PendingView {
    listing_id: ListingId,
    #[serde(rename = "type")]
    kind: Kind,
    version: u32,
    submitted_at: Timestamp,
    creator: SellerView,
    title: String,
    description: String,
    price: Money,
    tags: Vec<String>,
    category: Category,
    attribution: Option<String>,
    content: Content,
    demo: DemoSettings,
    previews: Vec<ShownPreview>,
    assets: Vec<FileView>,
    /// What is worth a second look, with pointers into this view.
    lint: Vec<FieldError>,
    /// What is on sale and holds nearly the same, the nearest first.
    similar: Vec<Similar>,
    /// Whether nothing of the listing was ever on sale.
    is_first: bool,
}

/// A creator, and what was made of them so far.
#[derive(Debug, Serialize)]
pub(crate) struct SellerView {
    id: UserId,
    display_name: Option<String>,
    member_since: Timestamp,
    /// Those that were paid back not counted.
    sales: u64,
    /// Versions that were put on sale.
    approved: u32,
    /// Versions that were sent back.
    rejected: u32,
    /// Listings that staff took off sale.
    delisted: u32,
    live_strikes: usize,
    /// Until when so many strikes suspend selling.
    selling_suspended_until: Option<Timestamp>,
}

/// A listing that members reported.
#[derive(Debug, Serialize)]
pub struct FlaggedView {
    listing_id: ListingId,
    /// What a decision names as `seen`.
    version: u64,
    due_since: Option<Timestamp>,
    flags: usize,
    reasons: BTreeMap<FlagReason, u32>,
    listing: CardView,
    creator: SellerView,
}

/// A listing as those who reported it saw it.
#[derive(Debug, Serialize)]
struct CardView {
    #[serde(rename = "type")]
    kind: Kind,
    state: State,
    title: String,
    description: String,
    price: Money,
    tags: Vec<String>,
    category: Category,
    previews: Vec<ShownPreview>,
    sales: u64,
    published_at: Option<Timestamp>,
}

#[derive(Debug, Serialize)]
struct FileView {
    file_name: String,
    bytes: u64,
    sha256: String,
}

/// What a decision came to.
#[derive(Debug, Serialize)]
pub struct JudgedView {
    listing_id: ListingId,
    /// Where the listing is now, as visitors see it first: a version that is rejected leaves the
    /// one on sale where it is.
    state: State,
    /// The version that was decided on.
    version: u32,
}

impl PendingView {
    /// `None` if it does not wait any more.
    pub(crate) fn of(
        listing: &Listing,
        revision: Revision,
        creator: SellerView,
        previews: &Previews,
    ) -> Option<PendingView> {
        let (lint, price) = (remarks(&revision), revision.description.price());
        let said = revision.description;
        let picture = |it: &Preview| previews.shown(&listing.id, it);
        Some(PendingView {
            submitted_at: listing.pending_since()?,
            listing_id: listing.id.clone(),
            kind: listing.kind,
            version: revision.number,
            creator,
            title: said.title,
            description: said.description,
            price,
            tags: said.tags,
            category: said.category,
            attribution: said.attribution,
            content: said.content,
            demo: said.demo,
            previews: revision.previews.iter().map(picture).collect(),
            assets: revision.assets.into_iter().map(FileView::from).collect(),
            lint,
            similar: revision.similar,
            is_first: listing.published.is_none(),
        })
    }
}

impl SellerView {
    pub(crate) fn of(record: &SellerRecord, now: Timestamp) -> SellerView {
        let SellerRecord { account, book, strikes } = record;
        SellerView {
            id: account.user_id.clone(),
            display_name: account.profile.display_name.clone(),
            member_since: account.created_at,
            sales: book.sales,
            approved: book.judged.approved,
            rejected: book.judged.rejected,
            delisted: book.judged.delisted,
            live_strikes: strikes.live(now).count(),
            selling_suspended_until: strikes.suspend_until(now),
        }
    }
}

impl FlaggedView {
    pub(crate) fn of(
        Flagged { flags, listing, revision, stats }: Flagged,
        creator: SellerView,
        previews: &Previews,
    ) -> FlaggedView {
        let price = revision.description.price();
        let said = revision.description;
        let picture = |it: &Preview| previews.shown(&listing.id, it);
        FlaggedView {
            listing_id: listing.id.clone(),
            version: flags.version,
            due_since: flags.due_since,
            flags: flags.flags.len(),
            reasons: flags.by_reason(),
            listing: CardView {
                kind: listing.kind,
                state: listing.state(),
                title: said.title,
                description: said.description,
                price,
                tags: said.tags,
                category: said.category,
                previews: revision.previews.iter().map(picture).collect(),
                sales: stats.sales,
                published_at: listing.published.as_ref().map(|it| it.first_published_at),
            },
            creator,
        }
    }
}

impl From<Asset> for FileView {
    fn from(Asset { upload_id: _, file_name, bytes, sha256 }: Asset) -> FileView {
        FileView { file_name, bytes, sha256 }
    }
}

impl JudgedView {
    pub(crate) fn of(listing: &Listing, version: u32) -> JudgedView {
        JudgedView { listing_id: listing.id.clone(), state: listing.state(), version }
    }
}
