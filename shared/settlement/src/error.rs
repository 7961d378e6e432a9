//! Errors of settlement.

use clients::stripe::StripeError;
use domain::{DomainError, ErrorKind, marketplace::purchase::refund::RefundError};
use serde_json::Value;
use store::StoreError;

/// Why a Stripe object was not settled.
#[derive(Debug, thiserror::Error)]
pub enum SettleError {
    /// DynamoDB failed, or a domain rule refused the change.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Stripe failed or refused the request.
    #[error(transparent)]
    Stripe(#[from] StripeError),
    /// The refund is refused.
    #[error(transparent)]
    Refund(#[from] RefundError),
    /// The webhook event does not have the shape of its type.
    #[error("the webhook event cannot be parsed: {0}")]
    Unreadable(String),
    /// A payment was made for one of our subscriptions, but its product is none of our plans: the
    /// Stripe catalogue was changed, and nothing can be granted until it is corrected.
    #[error("{0} is for a product that matches no plan: set the lookup key of its price")]
    NoPlan(String),
    /// Write conflicts used up the retries.
    #[error("too many concurrent updates of this member: try again")]
    Busy,
}

impl DomainError for SettleError {
    fn kind(&self) -> ErrorKind {
        match self {
            SettleError::Store(inner) => inner.kind(),
            SettleError::Stripe(inner) => inner.kind(),
            SettleError::Refund(inner) => inner.kind(),
            SettleError::Unreadable(_) | SettleError::NoPlan(_) => ErrorKind::Malformed,
            SettleError::Busy => ErrorKind::Unavailable,
        }
    }
    fn code(&self) -> &'static str {
        match self {
            SettleError::Store(inner) => inner.code(),
            SettleError::Stripe(inner) => inner.code(),
            SettleError::Refund(inner) => inner.code(),
            SettleError::Unreadable(_) => "event_unreadable",
            SettleError::NoPlan(_) => "plan_unknown",
            SettleError::Busy => "billing_busy",
        }
    }
    fn extensions(&self) -> Vec<(&'static str, Value)> {
        match self {
            SettleError::Refund(inner) => inner.extensions(),
            SettleError::Store(inner) => inner.extensions(),
            SettleError::Stripe(_)
            | SettleError::Unreadable(_)
            | SettleError::NoPlan(_)
            | SettleError::Busy => Vec::new(),
        }
    }
    fn retry_after_s(&self) -> Option<u32> {
        match self {
            SettleError::Store(inner) => inner.retry_after_s(),
            SettleError::Stripe(inner) => inner.retry_after_s(),
            SettleError::Refund(_) | SettleError::Unreadable(_) | SettleError::NoPlan(_) => None,
            SettleError::Busy => Some(1),
        }
    }
}
