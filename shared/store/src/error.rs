//! What can go wrong with the table, as the callers of this crate see it.

use std::error::Error;

use domain::{DomainError, ErrorKind, FieldError};
use serde_json::Value;

/// Why something was not read or written.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// A rule said no to what the table holds.
    #[error("{0}")]
    Refused(Box<dyn DomainError>),
    /// Others kept changing the same things; nothing was written.
    #[error("Too much is happening on this account at once: try again in a moment.")]
    Busy,
    /// DynamoDB could not be asked.
    #[error("The service is not available for a moment: try again.")]
    Unavailable(#[source] Box<dyn Error + Send + Sync>),
    /// An item is not what this crate writes: a fault of ours.
    #[error("An item of the table cannot be read.")]
    Corrupt(#[source] Box<dyn Error + Send + Sync>),
}

impl StoreError {
    /// A rule's no.
    pub fn refused(refusal: impl DomainError) -> StoreError {
        StoreError::Refused(Box::new(refusal))
    }

    pub(crate) fn unavailable(error: impl Error + Send + Sync + 'static) -> StoreError {
        StoreError::Unavailable(Box::new(error))
    }

    /// Something that was kept is not what was put there: a fault of ours.
    pub fn corrupt(error: impl Into<Box<dyn Error + Send + Sync>>) -> StoreError {
        StoreError::Corrupt(error.into())
    }
}

impl DomainError for StoreError {
    fn kind(&self) -> ErrorKind {
        match self {
            StoreError::Refused(inner) => inner.kind(),
            StoreError::Busy | StoreError::Unavailable(_) => ErrorKind::Unavailable,
            StoreError::Corrupt(_) => ErrorKind::Internal,
        }
    }
    fn code(&self) -> &'static str {
        match self {
            StoreError::Refused(inner) => inner.code(),
            StoreError::Busy => "account_busy",
            StoreError::Unavailable(_) => "temporarily_unavailable",
            StoreError::Corrupt(_) => "internal_error",
        }
    }
    fn fields(&self) -> &[FieldError] {
        match self {
            StoreError::Refused(inner) => inner.fields(),
            StoreError::Busy | StoreError::Unavailable(_) | StoreError::Corrupt(_) => &[],
        }
    }
    fn retry_after_s(&self) -> Option<u32> {
        match self {
            StoreError::Refused(inner) => inner.retry_after_s(),
            StoreError::Busy | StoreError::Unavailable(_) => Some(1),
            StoreError::Corrupt(_) => None,
        }
    }
    fn extensions(&self) -> Vec<(&'static str, Value)> {
        match self {
            StoreError::Refused(inner) => inner.extensions(),
            StoreError::Busy | StoreError::Unavailable(_) | StoreError::Corrupt(_) => Vec::new(),
        }
    }
}

/// What was read, or `None` where there is nothing of the kind: for readers who go on without it.
///
/// # Errors
/// Any other reason why it was not read.
pub fn optional<T>(read: Result<T, StoreError>) -> Result<Option<T>, StoreError> {
    match read {
        Ok(found) => Ok(Some(found)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Something that is not there, or is not the caller's: the two are told apart by nobody.
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
    /// No such order.
    #[error("There is no such order.")]
    Order,
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
    #[error("There is no such statement: it is of a month such as 2026-11 that has begun.")]
    Statement,
    /// No such report.
    #[error(
        "There is no report of this day: it is made at two the night after, if anything happened by then."
    )]
    Report,
    /// No such review.
    #[error("There is no such review.")]
    Review,
    /// No such share.
    #[error("There is no such link.")]
    Share,
}

impl DomainError for NotFound {
    fn kind(&self) -> ErrorKind {
        ErrorKind::NotFound
    }
    fn code(&self) -> &'static str {
        match self {
            NotFound::User => "user_not_found",
            NotFound::Generation => "generation_not_found",
            NotFound::Preset => "preset_not_found",
            NotFound::Order => "order_not_found",
            NotFound::Invoice => "invoice_not_found",
            NotFound::Listing => "listing_not_found",
            NotFound::Upload => "upload_not_found",
            NotFound::Purchase => "purchase_not_found",
            NotFound::Payout => "payout_not_found",
            NotFound::Statement => "statement_not_found",
            NotFound::Report => "report_not_found",
            NotFound::Review => "review_not_found",
            NotFound::Share => "share_not_found",
        }
    }
}
