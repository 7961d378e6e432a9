//! Refunds: who may ask for one, how much, and how it is carried out once.
//!
//! A refund is recorded on the purchase before it is requested from Stripe, under a number that is
//! part of its idempotency key. If a run is interrupted in between, the next one to process the
//! purchase carries it out. The money then follows the payment, as everywhere.

mod decision;
mod receipt;

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use strum::EnumDiscriminants;

pub use receipt::{RefundReceipt, RefundView};

use crate::{
    account::Interest,
    audit::{Actor, Origin},
    money::Money,
    time::{DAY, Timestamp},
};

/// How long a buyer may return a purchase that was neither downloaded nor used.
pub const REFUND_WINDOW: Duration = DAY.saturating_mul(14);
/// When the refund window of a purchase paid at `paid_at` ends; the sharer's reward is granted
/// after that.
pub fn refund_window_ends(paid_at: Timestamp) -> Timestamp {
    paid_at.plus(REFUND_WINDOW)
}

/// Most refunds of one purchase.
const REFUNDS_MAX: usize = 20;

/// A full or partial refund of a purchase.
#[serde_with::skip_serializing_none]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Refund {
    /// Its number within the purchase: 1, 2, …
    pub number: u32,
    /// In minor units, tax included.
    pub amount: i64,
    /// The total refunded of the payment once it is done, in minor units.
    pub target: i64,
    /// Who asked for it.
    pub by: RefundedBy,
    /// The reason in their words, shown to the creator.
    pub reason: Option<String>,
    /// When it was requested.
    pub at: Timestamp,
    /// Identifies the request, so that a retry is recognized.
    pub request: Option<IdempotencyMark>,
    /// Its state.
    #[serde(flatten)]
    pub state: RefundState,
}

/// Identifies a request: its idempotency key and a hash of its content.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct IdempotencyMark {
    /// The `Idempotency-Key`.
    pub key: String,
    /// A hash of the rest of the request.
    pub fingerprint: String,
}

/// Who requested a refund.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(tag = "who", rename_all = "snake_case")]
pub enum RefundedBy {
    /// The buyer.
    Buyer,
    /// A staff member or a job.
    Staff {
        /// The actor, as in the audit trail.
        actor: Actor,
        /// The request that caused it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        origin: Option<Origin>,
    },
}

/// The state of a refund.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, EnumDiscriminants)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(tag = "state", rename_all = "snake_case")]
#[strum_discriminants(
    name(RefundStatus),
    doc = "The state of a refund, without its details.",
    derive(Serialize),
    cfg_attr(feature = "schema", derive(schemars::JsonSchema)),
    serde(rename_all = "snake_case")
)]
pub enum RefundState {
    /// Recorded; Stripe's answer is not known yet.
    Asked,
    /// Stripe refunded it.
    Done,
    /// Stripe refused it, or the buyer's bank did: the money is with us.
    Failed {
        /// Stripe's code.
        code: String,
    },
}

/// A request for a refund.
#[derive(Debug, Clone)]
pub struct RefundRequest {
    /// The amount; all that is left if absent.
    pub amount: Option<Money>,
    /// Who requests it.
    pub by: RefundedBy,
    /// The reason, in their words.
    pub reason: Option<String>,
    /// Identifies the request, so that a retry is recognized.
    pub request: Option<IdempotencyMark>,
}

/// A buyer's request for a refund that only staff can grant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ManualReview {
    /// When it was first made.
    pub at: Timestamp,
    /// Why the buyer cannot have it at once.
    pub because: RefundObstacle,
    /// The buyer's reason, in their words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The decision; `None` while it waits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decision: Option<ReviewDecision>,
}

/// Why a buyer's refund is not made at once, but needs a decision of staff.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum RefundObstacle {
    /// The refund window has ended.
    RefundWindowOver,
    /// The buyer downloaded the files.
    DownloadedAlready,
    /// The buyer made images with it.
    UsedAlready,
}

/// The decision of staff on a buyer's request.
#[serde_with::skip_serializing_none]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ReviewDecision {
    /// What was decided.
    pub outcome: ReviewOutcome,
    /// When it was decided.
    pub at: Timestamp,
    /// The reason, shown to the buyer.
    pub reason: Option<String>,
    /// Who decided.
    pub by: RefundedBy,
}

/// What staff decided on a buyer's request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum ReviewOutcome {
    /// A refund was recorded, in full or in part.
    Granted,
    /// No refund.
    Declined,
}

impl ManualReview {
    /// Whether staff have to decide on it.
    pub fn is_open(&self) -> bool {
        self.decision.is_none()
    }
}

/// What staff paid a buyer outside Stripe: all that was owed of a payment that is returned.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct PaidBack {
    /// In minor units, tax included.
    pub amount: i64,
    /// When it was recorded.
    pub at: Timestamp,
    /// How it is paid, in the words of who recorded it.
    pub reason: String,
    /// Who recorded it, and pays.
    pub by: RefundedBy,
}

/// Why a refund is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RefundError {
    /// Nothing was paid, or not yet.
    #[error("Nothing was paid for this purchase.")]
    NotPaid,
    /// All of it was already taken back.
    #[error("This purchase is already fully refunded.")]
    Over,
    /// A dispute is open: the buyer's bank decides.
    #[error("The payment is disputed: the bank decides.")]
    InDispute,
    /// Another refund is in progress.
    #[error("A refund of this purchase is in progress.")]
    InProgress,
    /// The limit on refunds is reached.
    #[error("The limit of {REFUNDS_MAX} refunds of a purchase is reached.")]
    TooMany,
    /// More than is left.
    #[error("At most {left} can be refunded.", left = .0)]
    TooMuch(Money),
    /// The amount is zero or in another currency.
    #[error("A refund is at least one cent, in the currency of the purchase.")]
    Nothing,
    /// The key was used for another refund.
    #[error("This Idempotency-Key was used for a different request: send a new key.")]
    KeyReused,
    /// The refund window has ended.
    #[error(
        "The purchase is more than {} days old.",
        REFUND_WINDOW.as_secs() / DAY.as_secs()
    )]
    WindowOver,
    /// The buyer downloaded the files.
    #[error("You have downloaded it.")]
    Downloaded,
    /// The staff member is a party to the purchase.
    #[error(transparent)]
    Conflict(#[from] Interest),
    /// The buyer made images with it.
    #[error("You have made images with it.")]
    Used,
    /// Staff declined the buyer's request, for this reason.
    #[error("We have declined to refund this purchase: {0}")]
    Declined(String),
    /// There is no request to decline.
    #[error("No refund request of this purchase waits for a decision.")]
    NoRequest,
    /// The payment is not one that is returned.
    #[error("The payment of this purchase is not owed to its buyer: refund it.")]
    NotReturned,
    /// The amount to pay back outside Stripe is not what is owed.
    #[error("{0} is owed to the buyer now: read the purchase again, and record that amount.")]
    AmountChanged(Money),
    /// All that is owed is recorded as paid back, by somebody else or in other words.
    #[error("It is recorded that the buyer is paid back outside Stripe: do not pay them again.")]
    PaidBackAlready,
}

impl RefundError {
    /// What staff may still pass over: the buyer's request is then recorded instead of refused.
    pub const fn obstacle(&self) -> Option<RefundObstacle> {
        match self {
            RefundError::WindowOver => Some(RefundObstacle::RefundWindowOver),
            RefundError::Downloaded => Some(RefundObstacle::DownloadedAlready),
            RefundError::Used => Some(RefundObstacle::UsedAlready),
            RefundError::NotPaid
            | RefundError::Over
            | RefundError::InDispute
            | RefundError::InProgress
            | RefundError::TooMany
            | RefundError::TooMuch(_)
            | RefundError::Nothing
            | RefundError::KeyReused
            | RefundError::Conflict(_)
            | RefundError::Declined(_)
            | RefundError::NoRequest
            | RefundError::NotReturned
            | RefundError::AmountChanged(_)
            | RefundError::PaidBackAlready => None,
        }
    }
}

crate::domain_error! {
    RefundError wraps [Conflict] {
        NotPaid => Conflict, "not_paid";
        Over => Conflict, "refunded_already";
        InDispute => Conflict, "in_dispute";
        InProgress => Conflict, "refund_in_progress";
        TooMany => Conflict, "too_many_refunds";
        TooMuch => Invalid, "refund_too_large";
        Nothing => Invalid, "refund_too_small";
        KeyReused => Invalid, "idempotency_key_reused";
        WindowOver => Conflict, "refund_window_over";
        Downloaded => Conflict, "downloaded_already";
        Used => Conflict, "used_already";
        Declined => Conflict, "refund_declined";
        NoRequest => Conflict, "no_refund_request";
        NotReturned => Conflict, "not_returned";
        AmountChanged => Conflict, "amount_changed";
        PaidBackAlready => Conflict, "paid_back_already";
    }
    fn extensions(&self) -> Vec<(&'static str, Value)> {
        if let RefundError::TooMuch(left) = self {
            return vec![("refundable", json!(left))];
        }
        if let RefundError::AmountChanged(owed) = self {
            return vec![("owed", json!(owed))];
        }
        Vec::new()
    }
}
