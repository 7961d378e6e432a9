//! What can go wrong with the table, as the callers of this crate see it.

use std::error::Error;

use domain::{FieldError, Refusal, RefusalKind};
use serde_json::Value;

/// Why something was not read or written.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// A rule said no to what the table holds.
    #[error("{0}")]
    Refused(Box<dyn Refusal>),
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
    pub fn refused(refusal: impl Refusal) -> StoreError {
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

impl Refusal for StoreError {
    fn kind(&self) -> RefusalKind {
        match self {
            StoreError::Refused(inner) => inner.kind(),
            StoreError::Busy | StoreError::Unavailable(_) => RefusalKind::Unavailable,
            StoreError::Corrupt(_) => RefusalKind::Internal,
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
    fn members(&self) -> Vec<(&'static str, Value)> {
        match self {
            StoreError::Refused(inner) => inner.members(),
            StoreError::Busy | StoreError::Unavailable(_) | StoreError::Corrupt(_) => Vec::new(),
        }
    }
}

/// What was read, or `None` where there is nothing of the kind: for readers who go on without it.
///
/// # Errors
/// Any other reason why it was not read.
pub fn if_there<T>(read: Result<T, StoreError>) -> Result<Option<T>, StoreError> {
    match read {
        Ok(found) => Ok(Some(found)),
        Err(error) if error.kind() == RefusalKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Something that is not there, or is not the caller's: the two are told apart by nobody.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Missing {
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

impl Refusal for Missing {
    fn kind(&self) -> RefusalKind {
        RefusalKind::NotFound
    }
    fn code(&self) -> &'static str {
        match self {
            Missing::User => "user_not_found",
            Missing::Generation => "generation_not_found",
            Missing::Preset => "preset_not_found",
            Missing::Order => "order_not_found",
            Missing::Invoice => "invoice_not_found",
            Missing::Listing => "listing_not_found",
            Missing::Upload => "upload_not_found",
            Missing::Purchase => "purchase_not_found",
            Missing::Payout => "payout_not_found",
            Missing::Statement => "statement_not_found",
            Missing::Report => "report_not_found",
            Missing::Review => "review_not_found",
            Missing::Share => "share_not_found",
        }
    }
}
