//! How a request to Stripe can fail, told apart by what its caller must do next.

use std::fmt;

use domain::{DomainError, ErrorKind};
use stripe_client_core::StripeClientErr;

/// After how many seconds a caller may try again.
const RETRY_AFTER_S: u32 = 10;

/// A request to Stripe that did not do what it should.
///
/// `Display` names no more than the kind; what happened in particular is the error's source, for
/// the log, and is never shown to a caller.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StripeError {
    /// Stripe said no, and nothing happened. The same request never will work.
    #[error("the payment provider refused with {status} ({})", code.as_deref().unwrap_or("-"))]
    Refused {
        /// The HTTP status, 400 to 499.
        status: u16,
        /// Stripe's code, or its type of error where it gives no code.
        code: Option<String>,
        /// The parameter it is about.
        param: Option<String>,
        /// What Stripe said.
        #[source]
        message: Detail,
    },
    /// There is no such object (404 `resource_missing`, of v2 `not_found`).
    #[error("the payment provider does not know it")]
    Missing,
    /// Nothing was done: no connection was made, or Stripe turned every attempt away (429).
    #[error("the payment provider was not reached")]
    Unreached {
        /// What happened.
        #[source]
        detail: Detail,
    },
    /// Stripe may have acted: the request was sent and was not answered, or not so that we can
    /// tell.
    #[error("the payment provider may have acted")]
    Unknown {
        /// What happened.
        #[source]
        detail: Detail,
    },
}

/// What happened in particular, for the log.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Detail(pub String);

impl StripeError {
    pub(super) fn unreached(detail: impl fmt::Display) -> StripeError {
        StripeError::Unreached { detail: Detail(detail.to_string()) }
    }

    pub(super) fn unknown(detail: impl fmt::Display) -> StripeError {
        StripeError::Unknown { detail: Detail(detail.to_string()) }
    }

    /// The same, with what was being done in front of what happened.
    pub(super) fn during(self, operation: &str) -> StripeError {
        let within = |detail: Detail| Detail(format!("{operation}: {detail}"));
        match self {
            StripeError::Refused { status, code, param, message } => {
                StripeError::Refused { status, code, param, message: within(message) }
            }
            StripeError::Missing => StripeError::Missing,
            StripeError::Unreached { detail } => StripeError::Unreached { detail: within(detail) },
            StripeError::Unknown { detail } => StripeError::Unknown { detail: within(detail) },
        }
    }

    /// Whether Stripe refused, giving this code, such as `balance_insufficient`.
    pub fn is_refused_as(&self, expected: &str) -> bool {
        match self {
            StripeError::Refused { code, .. } => code.as_deref() == Some(expected),
            StripeError::Missing | StripeError::Unreached { .. } | StripeError::Unknown { .. } => {
                false
            }
        }
    }
}

/// An answer that cannot be read may be the answer to something that was done.
impl StripeClientErr for StripeError {
    fn deserialize_err(message: impl fmt::Display) -> StripeError {
        StripeError::unknown(message)
    }
}

impl DomainError for StripeError {
    fn kind(&self) -> ErrorKind {
        match self {
            StripeError::Refused { .. } | StripeError::Missing => ErrorKind::Internal,
            StripeError::Unreached { .. } | StripeError::Unknown { .. } => ErrorKind::Unavailable,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            StripeError::Refused { .. } => "payment_provider_refused",
            StripeError::Missing => "payment_provider_missing",
            StripeError::Unreached { .. } | StripeError::Unknown { .. } => {
                "payment_provider_unavailable"
            }
        }
    }

    fn retry_after_s(&self) -> Option<u32> {
        match self {
            StripeError::Refused { .. } | StripeError::Missing => None,
            StripeError::Unreached { .. } | StripeError::Unknown { .. } => Some(RETRY_AFTER_S),
        }
    }
}
