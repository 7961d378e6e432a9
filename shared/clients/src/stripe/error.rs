//! Errors of requests to Stripe, distinguished by what the caller must do next.

use std::fmt;

use stripe_client_core::StripeClientErr;

/// Seconds until a caller may retry.
const RETRY_AFTER_S: u32 = 10;
/// Refusals that end without a person: when there is money, and when Stripe forgets the key.
const PASSING: [&str; 2] = ["balance_insufficient", "idempotency_error"];

/// A failed request to Stripe.
///
/// `Display` names only the kind; the details are the error's source, for the log, and never shown
/// to a caller.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StripeError {
    /// Stripe refused, and nothing happened. A retry gets the same result.
    #[error("the payment provider refused with {status} ({})", code.as_deref().unwrap_or("-"))]
    Refused {
        /// The HTTP status, 400 to 499.
        status: u16,
        /// Stripe's code, or its error type where there is no code.
        code: Option<String>,
        /// The parameter it is about.
        param: Option<String>,
        /// Stripe's message.
        #[source]
        message: Detail,
    },
    /// The object does not exist (404 `resource_missing`, in v2 `not_found`).
    #[error("the payment provider has no such object")]
    Missing,
    /// Nothing was done: no connection was made, or Stripe rate-limited every attempt (429).
    #[error("the payment provider is unreachable")]
    Unreached {
        /// The cause.
        #[source]
        detail: Detail,
    },
    /// Stripe may have acted: the request was sent and got no response, or none that proves the
    /// outcome.
    #[error("the payment provider may have acted, outcome unknown")]
    Unknown {
        /// The cause.
        #[source]
        detail: Detail,
    },
}

/// Details for the log.
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

    /// The same, prefixed with the operation.
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

    /// Whether Stripe refused with this code, such as `balance_insufficient`.
    pub fn is_refused_as(&self, expected: &str) -> bool {
        match self {
            StripeError::Refused { code, .. } => code.as_deref() == Some(expected),
            StripeError::Missing | StripeError::Unreached { .. } | StripeError::Unknown { .. } => {
                false
            }
        }
    }

    /// Whether Stripe refuses our API key (401) or its permissions (403): our own fault.
    pub fn is_unauthorized(&self) -> bool {
        matches!(self, StripeError::Refused { status: 401 | 403, .. })
    }

    /// The code of a refusal that no retry changes: it is for a person. `None` for what passes: a
    /// refused API key, a balance that is too low and an idempotency key of another request; and for
    /// rate limits, locks and requests under way (429, 409), which are no [`StripeError::Refused`].
    pub fn final_refusal(&self) -> Option<&str> {
        match self {
            StripeError::Refused { code, .. } => {
                let code = code.as_deref().unwrap_or("refused");
                Some(code).filter(|code| !self.is_unauthorized() && !PASSING.contains(code))
            }
            StripeError::Missing => Some("resource_missing"),
            StripeError::Unreached { .. } | StripeError::Unknown { .. } => None,
        }
    }

    /// Whether Stripe refunds nothing of a payment, because its charge is or was disputed
    /// (<https://docs.stripe.com/error-codes>).
    pub fn is_disputed(&self) -> bool {
        self.is_refused_as("charge_disputed") || self.is_refused_as("refund_disputed_payment")
    }
}

/// An unreadable response may belong to a request that succeeded.
impl StripeClientErr for StripeError {
    fn deserialize_err(message: impl fmt::Display) -> StripeError {
        StripeError::unknown(message)
    }
}

domain::domain_error! {
    StripeError {
        Refused => Internal, "payment_provider_refused";
        Missing => Internal, "payment_provider_missing";
        Unreached => Unavailable, "payment_provider_unavailable";
        Unknown => Unavailable, "payment_provider_unavailable";
    }
    fn retry_after_s(&self) -> Option<u32> {
        match self {
            StripeError::Refused { .. } | StripeError::Missing => None,
            StripeError::Unreached { .. } | StripeError::Unknown { .. } => Some(RETRY_AFTER_S),
        }
    }
}
