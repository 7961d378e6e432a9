//! Why something was not settled.

use clients::stripe::StripeError;
use domain::{DomainError, ErrorKind, marketplace::refund::RefundError};
use serde_json::Value;
use store::StoreError;

/// Why something was not settled.
#[derive(Debug, thiserror::Error)]
pub enum SettleError {
    /// The table, or a rule about what it holds.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Stripe did not say how it is now.
    #[error(transparent)]
    Stripe(#[from] StripeError),
    /// Money is not given back.
    #[error(transparent)]
    Refund(#[from] RefundError),
    /// The event is not what its kind should be.
    #[error("the event cannot be read: {0}")]
    Unreadable(String),
    /// Money was paid for a subscription of ours, and it is for none of our plans: the catalogue at
    /// Stripe was changed, and nothing can be granted before it is mended.
    #[error("{0} is for a product that is none of our plans: give its price a lookup key of ours")]
    NoPlan(String),
    /// Something newer was heard of again and again.
    #[error("too much is heard of this member at once")]
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
