//! Why a change of a listing is refused.

use super::upload::{ASSETS_MAX, PREVIEWS_MAX, UPLOADS_MAX};

/// Most listings of one creator, retired ones included and deleted drafts excluded.
pub const LISTINGS_MAX: u16 = 200;

/// Why a change of a listing is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ListingError {
    /// The creator has [`LISTINGS_MAX`] listings.
    #[error("You have {LISTINGS_MAX} listings: the limit is reached.")]
    TooMany,
    /// There is no draft, and the version on sale never changes.
    #[error("There is no draft: change the listing first to begin one.")]
    NoDraft,
    /// The pending version is not the one that the moderator saw.
    #[error("This version changed since you read it: read the pending version and decide on that.")]
    Changed,
    /// The draft is in review.
    #[error("The listing is in review: edit it to withdraw it first.")]
    InReview,
    /// The version is not in review: it was already decided on, or its creator withdrew it.
    #[error("This version is not in review.")]
    NotPending,
    /// The version is not being prepared: its creator withdrew it, or that has ended.
    #[error("This version is not being prepared.")]
    NotPreparing,
    /// No version is on sale.
    #[error("The listing is not on sale.")]
    NotOnSale,
    /// A file that was opened for the draft may still join it.
    #[error(
        "A file of this listing is being sent or inspected: submit it once its upload has ended."
    )]
    UploadWaiting,
    /// The version has no preview.
    #[error("Upload at least one preview first.")]
    NoPreview,
    /// Another creator sells the model.
    #[error("This model belongs to another creator: contact support if it is yours.")]
    ModelTaken,
    /// The limit on previews is reached.
    #[error("A listing has at most {PREVIEWS_MAX} previews.")]
    TooManyPreviews,
    /// The limit on files is reached.
    #[error("A listing has at most {ASSETS_MAX} files.")]
    TooManyAssets,
    /// The file's type does not fit the listing's kind.
    #[error("A model listing takes one safetensors file and no other file.")]
    NotItsKindOfFile,
    /// The limit on uploads is reached.
    #[error("The limit of {UPLOADS_MAX} uploads for this listing is reached.")]
    TooManyUploads,
}

crate::domain_error! {
    ListingError {
        TooMany => Conflict, "too_many_listings";
        NoDraft => Conflict, "no_draft";
        InReview => Conflict, "listing_in_review";
        NotPending => Conflict, "not_pending";
        NotPreparing => Conflict, "not_preparing";
        Changed => Conflict, "version_changed";
        NotOnSale => Conflict, "not_on_sale";
        UploadWaiting => Conflict, "upload_waiting";
        NoPreview => Conflict, "no_preview";
        ModelTaken => Conflict, "model_taken";
        TooManyPreviews => Conflict, "too_many_previews";
        TooManyAssets => Conflict, "too_many_assets";
        NotItsKindOfFile => Conflict, "not_safetensors";
        TooManyUploads => Conflict, "too_many_uploads";
    }
}
