//! Errors of settlement.

use clients::stripe::StripeError;
use domain::billing::external::PaymentId;
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
    /// The webhook event does not have the shape of its type.
    #[error("the webhook event cannot be parsed: {0}")]
    Unreadable(String),
    /// A payment was made for one of our subscriptions, but its product is none of our plans: the
    /// Stripe catalogue was changed, and nothing can be granted until it is corrected.
    #[error("{0} is for a product that matches no plan: set the lookup key of its price")]
    NoPlan(String),
    /// A payment is to be returned, and Stripe or the buyer's bank refuses its refund for good.
    #[error("{0} is owed to its buyer and cannot be refunded: pay them outside Stripe")]
    NotReturned(PaymentId),
    /// Write conflicts used up the retries.
    #[error("too many concurrent updates of this member: try again")]
    Busy,
}

domain::domain_error! {
    SettleError wraps [Store, Stripe] {
        Unreadable => Malformed, "event_unreadable";
        NoPlan => Internal, "plan_unknown";
        NotReturned => Internal, "payment_not_returned";
        Busy => Unavailable, "billing_busy";
    }
    fn extensions(&self) -> Vec<(&'static str, Value)> {
        match self {
            SettleError::Store(inner) => inner.extensions(),
            SettleError::Stripe(_)
            | SettleError::Unreadable(_)
            | SettleError::NoPlan(_)
            | SettleError::NotReturned(_)
            | SettleError::Busy => Vec::new(),
        }
    }
    fn retry_after_s(&self) -> Option<u32> {
        match self {
            SettleError::Store(inner) => inner.retry_after_s(),
            SettleError::Stripe(inner) => inner.retry_after_s(),
            SettleError::Unreadable(_)
            | SettleError::NoPlan(_)
            | SettleError::NotReturned(_) => None,
            SettleError::Busy => Some(1),
        }
    }
}
