//! Errors of this crate.

use std::error::Error;

use domain::{
    DomainError, ErrorKind, FieldError,
    id::{
        ApiKeyId, AppealId, CheckoutId, InvoiceId, JobId, ListingId, PresetId, PurchaseId,
        ReviewId, UploadId, UserId, WebhookEventId, WebhookId,
    },
    marketplace::moderation::flag::FlagsId,
    time::Day,
};
use serde::de::DeserializeOwned;
use serde_json::Value;

/// Why a read or a write failed.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// A domain rule refused the change.
    #[error("{0}")]
    Refused(Box<dyn DomainError>),
    /// Write conflicts used up the retries; nothing was written.
    #[error("Too many concurrent changes of this account: try again in a moment.")]
    Busy,
    /// DynamoDB is unavailable.
    #[error("The service is temporarily unavailable: try again.")]
    Unavailable(#[source] Box<dyn Error + Send + Sync>),
    /// A newer build wrote the stored item, with this number of its shape: nothing was written. A
    /// retry may reach a newer process.
    #[error("The service is being updated: try again.")]
    NewerShape(u32),
    /// A stored item is not what this crate writes: a bug of ours.
    #[error("A stored item cannot be read.")]
    Corrupt(#[source] Box<dyn Error + Send + Sync>),
}

impl StoreError {
    /// Wraps a domain error.
    pub fn refused(refusal: impl DomainError) -> StoreError {
        StoreError::Refused(Box::new(refusal))
    }

    pub(crate) fn unavailable(error: impl Error + Send + Sync + 'static) -> StoreError {
        StoreError::Unavailable(Box::new(error))
    }

    /// Stored data is not what was written: a bug of ours.
    pub fn corrupt(error: impl Into<Box<dyn Error + Send + Sync>>) -> StoreError {
        StoreError::Corrupt(error.into())
    }
}

domain::domain_error! {
    StoreError wraps [Refused] {
        Busy => Unavailable, "account_busy";
        Unavailable => Unavailable, "temporarily_unavailable";
        NewerShape => Unavailable, "temporarily_unavailable";
        Corrupt => Internal, "internal_error";
    }
    fn fields(&self) -> &[FieldError] {
        match self {
            StoreError::Refused(inner) => inner.fields(),
            StoreError::Busy
            | StoreError::Unavailable(_)
            | StoreError::NewerShape(_)
            | StoreError::Corrupt(_) => &[],
        }
    }
    fn retry_after_s(&self) -> Option<u32> {
        match self {
            StoreError::Refused(inner) => inner.retry_after_s(),
            StoreError::Busy | StoreError::Unavailable(_) | StoreError::NewerShape(_) => Some(1),
            StoreError::Corrupt(_) => None,
        }
    }
    fn extensions(&self) -> Vec<(&'static str, Value)> {
        match self {
            StoreError::Refused(inner) => inner.extensions(),
            StoreError::Busy
            | StoreError::Unavailable(_)
            | StoreError::NewerShape(_)
            | StoreError::Corrupt(_) => Vec::new(),
        }
    }
}

/// The result, or `None` if nothing was found: for callers that continue without it.
///
/// # Errors
/// Any other error.
pub fn optional<T>(read: Result<T, StoreError>) -> Result<Option<T>, StoreError> {
    match read {
        Ok(found) => Ok(Some(found)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// The item does not exist, or is not the caller's: callers cannot tell the two apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotFound {
    /// No such member.
    #[error("There is no such member.")]
    User,
    /// No such generation.
    #[error("There is no such generation.")]
    Generation,
    /// No such preset.
    #[error("There is no such preset.")]
    Preset,
    /// No such API key.
    #[error("There is no such API key.")]
    ApiKey,
    /// No such order.
    #[error("There is no such order.")]
    Order,
    /// No such checkout.
    #[error("There is no such checkout: of plans, only the latest are kept.")]
    Checkout,
    /// No such invoice.
    #[error("There is no such invoice.")]
    Invoice,
    /// No such listing.
    #[error("There is no such listing.")]
    Listing,
    /// No such upload.
    #[error("There is no such upload.")]
    Upload,
    /// No such purchase.
    #[error("There is no such purchase.")]
    Purchase,
    /// No such payout.
    #[error("There is no such payout.")]
    Payout,
    /// No such statement.
    #[error("There is no such statement: use a month such as 2026-11 that has begun.")]
    Statement,
    /// No such report.
    #[error(
        "There is no report of this day: it is made at 02:00 the next day, if there was activity."
    )]
    Report,
    /// No such review.
    #[error("There is no such review.")]
    Review,
    /// No such appeal.
    #[error("There is no such appeal.")]
    Appeal,
    /// No such image.
    #[error("There is no such image.")]
    Image,
    /// No reports.
    #[error("There are no such flags.")]
    Flags,
    /// No such share.
    #[error("There is no such link.")]
    Share,
    /// No such file.
    #[error("This version has no such file.")]
    File,
    /// No such webhook.
    #[error("There is no such webhook.")]
    Webhook,
    /// No such delivery.
    #[error("There is no such delivery: they are kept for 30 days.")]
    Delivery,
}

domain::domain_error! {
    NotFound {
        User => NotFound, "user_not_found";
        Generation => NotFound, "generation_not_found";
        Preset => NotFound, "preset_not_found";
        ApiKey => NotFound, "api_key_not_found";
        Order => NotFound, "order_not_found";
        Checkout => NotFound, "checkout_not_found";
        Invoice => NotFound, "invoice_not_found";
        Listing => NotFound, "listing_not_found";
        Upload => NotFound, "upload_not_found";
        Purchase => NotFound, "purchase_not_found";
        Payout => NotFound, "payout_not_found";
        Statement => NotFound, "statement_not_found";
        Report => NotFound, "report_not_found";
        Review => NotFound, "review_not_found";
        Appeal => NotFound, "appeal_not_found";
        Image => NotFound, "image_not_found";
        Flags => NotFound, "flags_not_found";
        Share => NotFound, "share_not_found";
        File => NotFound, "file_not_found";
        Webhook => NotFound, "webhook_not_found";
        Delivery => NotFound, "delivery_not_found";
    }
}

/// An id that callers write, of something in the table.
pub trait StoredId: DeserializeOwned {
    /// The error for an id of nothing.
    const NOT_FOUND: NotFound;
}

macro_rules! stored_ids {
    ($($id:ty => $missing:ident,)*) => {$(
        impl StoredId for $id {
            const NOT_FOUND: NotFound = NotFound::$missing;
        }
    )*};
}

stored_ids! {
    AppealId => Appeal,
    FlagsId => Flags,
    UserId => User,
    JobId => Generation,
    PresetId => Preset,
    ApiKeyId => ApiKey,
    CheckoutId => Checkout,
    InvoiceId => Invoice,
    ListingId => Listing,
    UploadId => Upload,
    PurchaseId => Purchase,
    ReviewId => Review,
    WebhookId => Webhook,
    WebhookEventId => Delivery,
    Day => Report,
}
