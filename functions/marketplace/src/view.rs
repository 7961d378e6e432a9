//! Listings as API responses, for visitors and for their creators.

use clients::{
    Previews,
    preview::{PreviewUrls, ShownPreview},
};
use domain::{
    Timestamp,
    account::Account,
    id::{CreatorId, ListingId, UploadId},
    marketplace::{
        Category, Kind,
        community::listing_stats::ListingStats,
        listing::{
            DelistedBy, DraftState, Hindrance, Listing, State,
            archive::ArchivedFile,
            card::Card,
            content::{Content, Slot},
            demo::DemoSettings,
            revision::Revision,
            upload::{Asset, AssetKind, Preview},
        },
        moderation::strike::Seller,
    },
    money::Money,
};
use runtime::{Link, Links};
use serde::Serialize;
use store::ListingUpdate;

/// A listing in a list.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "ListingCard"))]
pub(crate) struct CardView {
    id: ListingId,
    #[serde(rename = "type")]
    kind: Kind,
    title: String,
    category: Category,
    tags: Vec<String>,
    price: Money,
    creator: CreatorName,
    /// Its first image.
    preview: Option<PreviewUrls>,
    rating: Rating,
    sales: u64,
    published_at: Timestamp,
}

#[derive(Debug, Clone, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
struct CreatorName {
    id: CreatorId,
    display_name: Option<String>,
}

/// The rating by buyers.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub(crate) struct Rating {
    /// In stars; `null` without reviews.
    average: Option<f64>,
    count: u32,
    /// Reviews of 1, 2, 3, 4 and 5 stars.
    #[serde(skip_serializing_if = "Option::is_none")]
    histogram: Option<[u32; 5]>,
}

/// A listing on sale in the public view, without the content it sells.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub(crate) struct PageView {
    id: ListingId,
    #[serde(rename = "type")]
    kind: Kind,
    version: u32,
    title: String,
    description: String,
    category: Category,
    tags: Vec<String>,
    price: Money,
    attribution: Option<String>,
    /// What this version changes, in its creator's words. Buyers of earlier versions have it too.
    changes: Option<String>,
    creator: CreatorView,
    previews: Vec<ShownPreview>,
    /// The slots that a template's user fills in.
    slots: Vec<SlotView>,
    assets: Vec<AssetName>,
    /// `null` if it has no live demo.
    demo: Option<DemoSettings>,
    rating: Rating,
    sales: u64,
    published_at: Timestamp,
    updated_at: Timestamp,
    links: PageLinks,
}

#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
struct CreatorView {
    id: CreatorId,
    display_name: Option<String>,
    bio: Option<String>,
}

/// A slot without its default, which is part of the prompt.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
struct SlotView {
    name: String,
    label: String,
}

#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
struct AssetName {
    file_name: String,
    bytes: u64,
}

#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
struct PageLinks {
    #[serde(rename = "self")]
    this: Link,
    reviews: Link,
    preview: Link,
    share: Link,
}

/// A listing in its creator's view.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub(crate) struct CreatorListingView {
    id: ListingId,
    #[serde(rename = "type")]
    kind: Kind,
    status: State,
    /// What keeps it, or its newest version, from others; empty if all of it is visible.
    hidden_by: Vec<Hindrance>,
    /// The newest version, which all fields below describe.
    version: u32,
    /// The hash that a moderator's decision must name.
    content_hash: String,
    review: ReviewState,
    /// The version on sale, if any.
    on_sale: Option<OnSaleView>,
    delisted: Option<DelistedView>,
    title: String,
    description: String,
    category: Category,
    tags: Vec<String>,
    price: Money,
    attribution: Option<String>,
    /// What this version changes, as buyers of earlier ones will read it.
    changes: Option<String>,
    demo: DemoSettings,
    content: Content,
    /// In the order in which they are shown; `preview_order` of a change sets it.
    previews: Vec<OwnPreview>,
    assets: Vec<AssetView>,
    rating: Rating,
    sales: u64,
    views: u64,
    created_at: Timestamp,
    updated_at: Timestamp,
    links: OwnLinks,
}

/// Where the newest version is on its way to buyers.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
enum ReviewStatus {
    /// It is being edited.
    Draft,
    /// It was submitted, and its picture is drawn.
    Preparing,
    /// It could not be prepared; it can be submitted again.
    PreparationFailed,
    /// It waits for a moderator.
    Pending,
    /// A moderator rejected it.
    Rejected,
    /// It is on sale.
    Published,
}

/// The review state of the newest version.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
struct ReviewState {
    status: ReviewStatus,
    submitted_at: Option<Timestamp>,
    /// Why a moderator rejected it, or why it could not be prepared.
    reason: Option<String>,
}

#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
struct OnSaleView {
    version: u32,
    price: Money,
    published_at: Timestamp,
}

#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
struct DelistedView {
    by: DelistedBy,
    reason: Option<String>,
    at: Timestamp,
}

/// A picture in its creator's view.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
struct OwnPreview {
    /// Whether we drew it, because there was none.
    drawn: bool,
    #[serde(flatten)]
    shown: ShownPreview,
}

#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
struct AssetView {
    /// What a change names it by, to remove it.
    id: UploadId,
    file_name: String,
    #[serde(rename = "type")]
    kind: Option<AssetKind>,
    bytes: u64,
    sha256: String,
    /// The contents of an archive.
    files: Vec<ArchivedFile>,
}

#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
struct OwnLinks {
    #[serde(rename = "self")]
    this: Link,
    submit: Link,
    uploads: Link,
    /// The public page.
    page: Link,
}

impl CardView {
    pub(crate) fn new(card: Card, previews: &Previews) -> CardView {
        let picture = card.preview.as_ref().map(|upload| previews.urls(&card.id, upload));
        CardView {
            preview: picture,
            id: card.id,
            kind: card.kind,
            title: card.title,
            category: card.category,
            tags: card.tags,
            price: card.price,
            creator: CreatorName {
                id: CreatorId::of(&card.creator_id),
                display_name: card.creator_name,
            },
            rating: Rating {
                average: card.rating.map(stars),
                count: card.ratings,
                histogram: None,
            },
            sales: card.sales,
            published_at: card.published_at,
        }
    }
}

impl Rating {
    pub(crate) fn of(stats: &ListingStats) -> Rating {
        Rating {
            average: stats.rating().map(stars),
            count: stats.ratings(),
            histogram: Some(stats.histogram),
        }
    }
}

/// Stars from hundredths of a star.
pub(crate) fn stars(hundredths: u16) -> f64 {
    f64::from(hundredths) / 100.0
}

impl PageView {
    pub(crate) fn new(
        page: store::ListingPage,
        previews: &Previews,
        links: &Links,
    ) -> Option<PageView> {
        let store::ListingPage { listing, revision, stats, creator } = page;
        let on_sale = listing.on_sale()?;
        let path = format!("/api/v1/marketplace/listings/{}", listing.id);
        let description = revision.description;
        let has_demo = description.demo.enabled && listing.kind.can_be_drawn();
        Some(PageView {
            kind: listing.kind,
            version: revision.number,
            title: description.title,
            description: description.description,
            category: description.category,
            tags: description.tags,
            price: on_sale.price,
            attribution: description.attribution,
            changes: description.changes,
            creator: CreatorView {
                id: CreatorId::of(&creator.user_id),
                display_name: creator.profile.display_name,
                bio: creator.profile.bio,
            },
            previews: pictures(&listing.id, &revision.previews, previews),
            slots: description.content.slots.into_iter().map(SlotView::from).collect(),
            assets: revision.assets.into_iter().map(AssetName::from).collect(),
            demo: has_demo.then_some(description.demo),
            rating: Rating::of(&stats),
            sales: stats.sales,
            published_at: on_sale.first_published_at,
            updated_at: on_sale.published_at,
            links: PageLinks {
                this: links.to(&path),
                reviews: links.to(format_args!("{path}/reviews")),
                preview: links.to(format_args!("{path}/preview")),
                share: links.to(format_args!("{path}/share")),
            },
            id: listing.id,
        })
    }
}

impl From<Slot> for SlotView {
    fn from(slot: Slot) -> SlotView {
        SlotView { name: slot.name, label: slot.label }
    }
}

impl From<Asset> for AssetName {
    fn from(asset: Asset) -> AssetName {
        AssetName { file_name: asset.file_name, bytes: asset.bytes }
    }
}

fn pictures(listing: &ListingId, of: &[Preview], previews: &Previews) -> Vec<ShownPreview> {
    of.iter().map(|one| previews.shown(listing, one)).collect()
}

/// The context of a creator's view beside the listing.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ViewContext<'a> {
    pub(crate) creator: &'a Account,
    pub(crate) previews: &'a Previews,
    pub(crate) links: &'a Links,
    pub(crate) now: Timestamp,
}

impl<'a> ViewContext<'a> {
    pub(crate) fn of(
        creator: &'a Account,
        (previews, links): (&'a Previews, &'a Links),
        now: Timestamp,
    ) -> ViewContext<'a> {
        ViewContext { creator, previews, links, now }
    }
}

impl CreatorListingView {
    /// The version its creator last worked on.
    pub(crate) fn of(
        ListingUpdate { listing, newest, on_sale: _, model: _, stats, creator }: ListingUpdate,
        context: (&Previews, &Links),
        now: Timestamp,
    ) -> CreatorListingView {
        CreatorListingView::new(listing, newest, &stats, ViewContext::of(&creator, context, now))
    }

    pub(crate) fn new(
        listing: Listing,
        revision: Revision,
        stats: &ListingStats,
        context: ViewContext<'_>,
    ) -> CreatorListingView {
        let (price, seller) = (revision.description.price(), Seller::from(context.creator));
        let content_hash = revision.content_hash();
        let description = revision.description;
        let own = |it: &Preview| OwnPreview {
            drawn: it.drawn,
            shown: context.previews.shown(&listing.id, it),
        };
        let previews = revision.previews.iter().map(own).collect();
        let assets = revision.assets.into_iter().map(AssetView::from).collect();
        CreatorListingView {
            kind: listing.kind,
            status: listing.state(),
            hidden_by: listing.hidden_by(&seller, context.now),
            version: revision.number,
            content_hash,
            review: ReviewState::of(&listing),
            on_sale: listing.on_sale().map(|on_sale| OnSaleView {
                version: on_sale.number,
                price: on_sale.price,
                published_at: on_sale.published_at,
            }),
            title: description.title,
            description: description.description,
            category: description.category,
            tags: description.tags,
            price,
            attribution: description.attribution,
            changes: description.changes,
            demo: description.demo,
            content: description.content,
            previews,
            assets,
            rating: Rating::of(stats),
            sales: stats.sales,
            views: stats.views,
            created_at: listing.created_at,
            updated_at: listing.updated_at,
            links: OwnLinks::of(&listing.id, context.links),
            delisted: listing.delisted.map(|it| DelistedView {
                by: it.by,
                reason: it.reason,
                at: it.at,
            }),
            id: listing.id,
        }
    }
}

impl ReviewState {
    fn of(listing: &Listing) -> ReviewState {
        let (status, submitted_at, reason) = match listing.draft.as_ref().map(|it| &it.state) {
            None => (ReviewStatus::Published, None, None),
            Some(DraftState::Draft) => (ReviewStatus::Draft, None, None),
            Some(DraftState::Preparing { submitted_at, .. }) => {
                (ReviewStatus::Preparing, Some(*submitted_at), None)
            }
            Some(DraftState::PreparationFailed { reason, .. }) => {
                (ReviewStatus::PreparationFailed, None, Some(reason.clone()))
            }
            Some(DraftState::Pending { submitted_at }) => {
                (ReviewStatus::Pending, Some(*submitted_at), None)
            }
            Some(DraftState::Rejected { reason, .. }) => {
                (ReviewStatus::Rejected, None, Some(reason.clone()))
            }
        };
        ReviewState { status, submitted_at, reason }
    }
}

impl OwnLinks {
    fn of(listing: &ListingId, links: &Links) -> OwnLinks {
        let page = format!("/api/v1/marketplace/listings/{listing}");
        OwnLinks {
            this: links.to(format_args!("/api/v1/marketplace/creator/listings/{listing}")),
            submit: links.to(format_args!("{page}/submit")),
            uploads: links.to(format_args!("{page}/uploads")),
            page: links.to(page),
        }
    }
}

impl From<Asset> for AssetView {
    fn from(asset: Asset) -> AssetView {
        let Asset { upload_id: id, file_name, bytes, sha256, kind, files } = asset;
        AssetView { id, file_name, kind, bytes, sha256, files }
    }
}
