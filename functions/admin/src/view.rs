//! Listings in the view of moderators.

use std::collections::BTreeMap;

use clients::{Previews, StorageUnavailable, Uploads, preview::ShownPreview, uploads::asset_key};
use domain::{
    FieldError, Timestamp,
    id::{ListingId, ReviewId, UserId},
    marketplace::{
        Category, Kind,
        community::review::Review,
        listing::{
            Listing, State,
            archive::ArchivedFile,
            content::Content,
            demo::DemoSettings,
            lint::remarks,
            model::{ModelClaim, ModelOwnership, fingerprint},
            revision::Revision,
            similarity::Similar,
            upload::{AssetKind, Preview},
        },
        moderation::flag::{FlagReason, FlagSubject, SubjectKind},
    },
    money::Money,
};
use serde::Serialize;
use store::{Flagged, FlaggedListing, FlaggedThing, SellerRecord};

/// A version in review, in full.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub(crate) struct PendingView {
    listing_id: ListingId,
    #[serde(rename = "type")]
    kind: Kind,
    version: u32,
    /// The hash that a decision on this version must name.
    content_hash: String,
    submitted_at: Timestamp,
    creator: SellerView,
    title: String,
    description: String,
    price: Money,
    tags: Vec<String>,
    category: Category,
    attribution: Option<String>,
    /// What it changes, as buyers of earlier versions will read it.
    changes: Option<String>,
    /// Without the id of a tailored model.
    content: Content,
    /// The tailored model it sells.
    #[serde(skip_serializing_if = "Option::is_none")]
    model: Option<ModelView>,
    demo: DemoSettings,
    previews: Vec<ShownPreview>,
    assets: Vec<FileView>,
    /// Lint findings, with pointers into this view.
    lint: Vec<FieldError>,
    /// Listings on sale with nearly the same content, most similar first.
    similar: Vec<Similar>,
    /// Whether no version of the listing was ever on sale.
    is_first: bool,
}

/// A creator with their moderation counts.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub(crate) struct SellerView {
    id: UserId,
    display_name: Option<String>,
    member_since: Timestamp,
    /// Without fully refunded ones.
    sales: u64,
    /// Versions that were approved.
    approved: u32,
    /// Versions that were rejected.
    rejected: u32,
    /// Listings that staff took off sale.
    delisted: u32,
    live_strikes: usize,
    /// Until when strikes suspend selling.
    selling_suspended_until: Option<Timestamp>,
}

/// Something that was reported.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub(crate) struct FlaggedView {
    /// Names the reports when they are decided on.
    id: String,
    subject: SubjectKind,
    /// The listing, if it is one or is on the page of one.
    listing_id: Option<ListingId>,
    /// The version that a decision must name as `seen`.
    version: u64,
    due_since: Option<Timestamp>,
    /// Number of reports.
    flags: usize,
    reasons: BTreeMap<FlagReason, u32>,
    /// What the reporters wrote, the latest last.
    texts: Vec<TextView>,
    /// Of a listing or an image.
    listing: Option<CardView>,
    /// The reported image; `null` if it was removed from the listing.
    image: Option<ShownPreview>,
    review: Option<ReportedReview>,
    /// The creator of the listing, the author of the review, or the reported member.
    member: SellerView,
}

/// What a reporter wrote.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "ReportText"))]
struct TextView {
    reason: FlagReason,
    text: String,
    created_at: Timestamp,
}

/// A reported review.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
struct ReportedReview {
    id: ReviewId,
    rating: u8,
    comment: Option<String>,
    created_at: Timestamp,
    /// Whether it is shown: neither removed nor withdrawn with its purchase.
    shown: bool,
}

/// The content of a listing when it was reported.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "StaffListingCard"))]
struct CardView {
    #[serde(rename = "type")]
    kind: Kind,
    status: State,
    title: String,
    description: String,
    price: Money,
    tags: Vec<String>,
    category: Category,
    previews: Vec<ShownPreview>,
    sales: u64,
    published_at: Option<Timestamp>,
}

/// A tailored model, for the check of its ownership.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub(crate) struct ModelView {
    /// SHA-256 of its id, in lower-case hex.
    fingerprint: String,
    /// Its ownership relative to the listing's creator.
    ownership: ModelOwnership,
}

/// A file for buyers.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub(crate) struct FileView {
    file_name: String,
    /// Unknown for files accepted before it was recorded.
    #[serde(rename = "type")]
    kind: Option<AssetKind>,
    bytes: u64,
    sha256: String,
    /// The contents of an archive.
    files: Vec<ArchivedFile>,
    /// Valid for ten minutes.
    url: String,
}

/// The result of a decision.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub(crate) struct JudgedView {
    listing_id: ListingId,
    /// The public status of the listing: rejecting a version leaves the one on sale as it is.
    status: State,
    /// The version that was decided on.
    version: u32,
}

impl PendingView {
    /// `None` if it is no longer in review.
    pub(crate) fn of(
        listing: &Listing,
        revision: Revision,
        (creator, model): (SellerView, Option<ModelView>),
        (previews, assets): (&Previews, Vec<FileView>),
    ) -> Option<PendingView> {
        let (lint, price) = (remarks(&revision), revision.description.price());
        let content_hash = revision.content_hash();
        let description = revision.description;
        let picture = |it: &Preview| previews.shown(&listing.id, it);
        Some(PendingView {
            content_hash,
            submitted_at: listing.pending_since()?,
            listing_id: listing.id.clone(),
            kind: listing.kind,
            version: revision.number,
            creator,
            title: description.title,
            description: description.description,
            price,
            tags: description.tags,
            category: description.category,
            attribution: description.attribution,
            changes: description.changes,
            content: description.content.disclosed(),
            model,
            demo: description.demo,
            previews: revision.previews.iter().map(picture).collect(),
            assets,
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
        Flagged { flags, thing }: Flagged,
        member: SellerView,
        previews: &Previews,
    ) -> FlaggedView {
        let image_id = match &flags.subject {
            FlagSubject::Image { image_id, .. } => Some(image_id.clone()),
            FlagSubject::Listing { .. }
            | FlagSubject::Review { .. }
            | FlagSubject::Member { .. } => None,
        };
        let said = flags.flags.iter().filter_map(|flag| {
            let (reason, created_at) = (flag.reason, flag.at);
            Some(TextView { reason, text: flag.text.clone()?, created_at })
        });
        let view = FlaggedView {
            id: flags.subject.to_string(),
            subject: flags.subject.kind(),
            listing_id: flags.subject.listing_id().cloned(),
            version: flags.version,
            due_since: flags.due_since,
            flags: flags.flags.len(),
            reasons: flags.by_reason(),
            texts: said.collect(),
            listing: None,
            image: None,
            review: None,
            member,
        };
        match thing {
            FlaggedThing::Member(_) => view,
            FlaggedThing::Review(review) => {
                FlaggedView { review: Some(ReportedReview::of(review)), ..view }
            }
            FlaggedThing::Listing(it) => {
                let shown = it.revision.previews.iter();
                let image = shown.filter(|shown| Some(&shown.upload_id) == image_id.as_ref());
                let image = image.map(|shown| previews.shown(&it.listing.id, shown)).next();
                let listing = Some(CardView::of(*it, previews));
                FlaggedView { image, listing, ..view }
            }
        }
    }
}

impl ReportedReview {
    fn of(review: Review) -> ReportedReview {
        ReportedReview {
            shown: review.counts(),
            id: review.id,
            rating: review.rating,
            comment: review.comment,
            created_at: review.created_at,
        }
    }
}

impl CardView {
    fn of(
        FlaggedListing { listing, revision, stats }: FlaggedListing,
        previews: &Previews,
    ) -> CardView {
        let price = revision.description.price();
        let description = revision.description;
        let picture = |it: &Preview| previews.shown(&listing.id, it);
        CardView {
            kind: listing.kind,
            status: listing.state(),
            title: description.title,
            description: description.description,
            price,
            tags: description.tags,
            category: description.category,
            previews: revision.previews.iter().map(picture).collect(),
            sales: stats.sales,
            published_at: listing.published.as_ref().map(|it| it.first_published_at),
        }
    }
}

impl ModelView {
    /// `None` for a version without a model.
    pub(crate) fn of(revision: &Revision, claim: &ModelClaim) -> Option<ModelView> {
        let fingerprint = fingerprint(revision.description.content.model_id.as_deref()?);
        Some(ModelView { fingerprint, ownership: claim.ownership(&revision.creator_id) })
    }
}

impl FileView {
    /// The files of a version, with links to them.
    ///
    /// # Errors
    /// When there are no credentials to sign with.
    pub(crate) async fn linked(
        revision: &Revision,
        uploads: &Uploads,
        now: Timestamp,
    ) -> Result<Vec<FileView>, StorageUnavailable> {
        let mut files = Vec::with_capacity(revision.assets.len());
        for asset in &revision.assets {
            let key = asset_key(&revision.listing_id, &asset.upload_id);
            files.push(FileView {
                file_name: asset.file_name.clone(),
                kind: asset.kind,
                bytes: asset.bytes,
                sha256: asset.sha256.clone(),
                files: asset.files.clone(),
                url: uploads.link(&key, &asset.file_name, now).await?,
            });
        }
        Ok(files)
    }
}

impl JudgedView {
    pub(crate) fn of(listing: &Listing, version: u32) -> JudgedView {
        JudgedView { listing_id: listing.id.clone(), status: listing.state(), version }
    }
}
