//! Listings as moderators see them.

use clients::{Previews, preview::ShownPreview};
use domain::{
    Timestamp,
    id::{ListingId, UserId},
    marketplace::{
        Category, Kind,
        content::Content,
        demo::DemoSettings,
        lint::Similar,
        listing::{Listing, State},
        revision::Revision,
        upload::{Asset, Preview},
    },
    money::Money,
};
use serde::Serialize;

/// A version that waits for a decision: everything there is to it.
#[derive(Debug, Serialize)]
pub struct PendingView {
    listing_id: ListingId,
    #[serde(rename = "type")]
    kind: Kind,
    version: u32,
    submitted_at: Timestamp,
    creator: CreatorView,
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
    /// What is on sale and holds nearly the same, the nearest first.
    similar: Vec<Similar>,
    /// Whether nothing of the listing was ever on sale.
    is_first: bool,
}

#[derive(Debug, Serialize)]
struct CreatorView {
    id: UserId,
    display_name: Option<String>,
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
        display_name: Option<String>,
        previews: &Previews,
    ) -> Option<PendingView> {
        let price = revision.description.price();
        let said = revision.description;
        let picture = |it: &Preview| previews.shown(&listing.id, it);
        Some(PendingView {
            submitted_at: listing.pending_since()?,
            listing_id: listing.id.clone(),
            kind: listing.kind,
            version: revision.number,
            creator: CreatorView { id: listing.creator_id.clone(), display_name },
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
            similar: revision.similar,
            is_first: listing.published.is_none(),
        })
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
