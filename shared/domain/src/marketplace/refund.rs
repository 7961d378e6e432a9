//! Refunds: who may ask for one, how much, and how it is carried out once.
//!
//! A refund is recorded on the purchase before it is requested from Stripe, under a number that is
//! part of its idempotency key. If a run is interrupted in between, the next one to process the
//! purchase carries it out. The money then follows the payment, as everywhere.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{
    purchase::{Entitlement, EntitlementState, Purchase, PurchaseState},
    purchase_update::{PurchaseUpdate, own},
};
use crate::{
    account::ConflictOfInterest,
    audit::{Actor, Origin},
    error::{DomainError, ErrorKind},
    id::PurchaseId,
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
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
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
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// When it was requested.
    pub at: Timestamp,
    /// Identifies the request, so that a retry is recognized.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<IdempotencyMark>,
    /// Its state.
    #[serde(flatten)]
    pub state: RefundState,
}

/// Identifies a request: its idempotency key and a hash of its content.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IdempotencyMark {
    /// The `Idempotency-Key`.
    pub key: String,
    /// A hash of the rest of the request.
    pub fingerprint: String,
}

/// Who requested a refund.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
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
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum RefundState {
    /// Recorded; Stripe's answer is not known yet.
    Asked,
    /// Stripe refunded it.
    Done,
    /// Stripe refused it.
    Failed {
        /// Stripe's error code.
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

/// A buyer's refund request that was refused and waits for a decision by staff.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ManualReview {
    /// When it was first made.
    pub at: Timestamp,
    /// Why it was refused: the code of a [`RefundError`].
    pub because: String,
    /// The buyer's reason, in their words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
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
        "The purchase is more than {} days old: we have noted your request and will review it.",
        REFUND_WINDOW.as_secs() / DAY.as_secs()
    )]
    WindowOver,
    /// The buyer downloaded the files.
    #[error("You have downloaded it: we have noted your request and will review it.")]
    Downloaded,
    /// The staff member is a party to the purchase.
    #[error(transparent)]
    Conflict(#[from] ConflictOfInterest),
    /// The buyer made images with it.
    #[error("You have made images with it: we have noted your request and will review it.")]
    Used,
}

impl RefundError {
    /// Whether staff may still grant it, so that the buyer's request is recorded.
    pub const fn is_for_staff(&self) -> bool {
        matches!(self, RefundError::WindowOver | RefundError::Downloaded | RefundError::Used)
    }
}

impl DomainError for RefundError {
    fn kind(&self) -> ErrorKind {
        match self {
            RefundError::Conflict(inner) => inner.kind(),
            RefundError::TooMuch(_) | RefundError::Nothing | RefundError::KeyReused => {
                ErrorKind::Invalid
            }
            RefundError::NotPaid
            | RefundError::Over
            | RefundError::InDispute
            | RefundError::InProgress
            | RefundError::TooMany
            | RefundError::WindowOver
            | RefundError::Downloaded
            | RefundError::Used => ErrorKind::Conflict,
        }
    }
    fn code(&self) -> &'static str {
        match self {
            RefundError::NotPaid => "not_paid",
            RefundError::Over => "refunded_already",
            RefundError::InDispute => "in_dispute",
            RefundError::InProgress => "refund_in_progress",
            RefundError::TooMany => "too_many_refunds",
            RefundError::TooMuch(_) => "refund_too_large",
            RefundError::Nothing => "refund_too_small",
            RefundError::KeyReused => "idempotency_key_reused",
            RefundError::WindowOver => "refund_window_over",
            RefundError::Downloaded => "downloaded_already",
            RefundError::Used => "used_already",
            RefundError::Conflict(inner) => inner.code(),
        }
    }
    fn extensions(&self) -> Vec<(&'static str, Value)> {
        if let RefundError::TooMuch(left) = self {
            return vec![("refundable", json!(left))];
        }
        let requested = self.is_for_staff().then_some(("requested", json!(true)));
        requested.into_iter().collect()
    }
}

/// The result of a refund request, as returned to its sender.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RefundReceipt {
    purchase_id: PurchaseId,
    /// The state of the purchase.
    #[serde(flatten)]
    state: PurchaseState,
    refund: Refunded,
    /// The total refunded, with tax.
    refunded: Money,
    /// What can still be refunded.
    refundable: Money,
}

/// One refund in a receipt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Refunded {
    number: u32,
    amount: Money,
    #[serde(flatten)]
    state: RefundState,
    reason: Option<String>,
    at: Timestamp,
}

impl Purchase {
    /// The receipt of the refund with this mark, or of the latest one.
    pub fn receipt(&self, request: Option<&IdempotencyMark>) -> Option<RefundReceipt> {
        let money = |amount| Money { amount, ..self.price };
        let marked = |it: &&Refund| request.is_some() && it.request.as_ref() == request;
        let order = self.refunds.iter().find(marked).or(self.refunds.last())?;
        Some(RefundReceipt {
            purchase_id: self.id.clone(),
            state: self.state.clone(),
            refund: Refunded {
                number: order.number,
                amount: money(order.amount),
                state: order.state.clone(),
                reason: order.reason.clone(),
                at: order.at,
            },
            refunded: money(self.refunded),
            refundable: money(self.refundable()),
        })
    }

    /// The refund in progress, if any.
    pub fn open_refund(&self) -> Option<&Refund> {
        self.refunds.iter().find(|it| it.state == RefundState::Asked)
    }

    /// What can still be refunded, in minor units.
    pub fn refundable(&self) -> i64 {
        self.paid.map_or(0, |paid| paid.amount - self.taken_back)
    }

    /// The idempotency key of a refund at Stripe.
    pub fn refund_key(&self, number: u32) -> String {
        format!("purchase:{}:refund:{number}", self.id)
    }
}

impl PurchaseUpdate {
    /// Records a refund. Buyers may return what they neither downloaded nor used, within
    /// [`REFUND_WINDOW`]; other requests wait for staff. The next settlement of the purchase
    /// carries it out.
    ///
    /// # Errors
    /// [`RefundError`]; then nothing changes. See [`PurchaseUpdate::note_refund_request`].
    pub fn ask_refund(&mut self, wish: &RefundRequest, now: Timestamp) -> Result<(), RefundError> {
        if self.is_duplicate(wish)? {
            return Ok(());
        }
        self.check_refund(wish, now)?;
        let left = self.purchase.refundable();
        let amount = wish.amount.map_or(left, |money| money.amount);
        let number = u32::try_from(self.purchase.refunds.len()).unwrap_or(u32::MAX) + 1;
        let target = self.purchase.refunded + amount;
        let (by, reason, request) = (wish.by.clone(), wish.reason.clone(), wish.request.clone());
        if by == RefundedBy::Buyer {
            self.suspend();
        }
        if let Some(sale) = &mut self.sale {
            sale.refund_reason.clone_from(&reason);
        }
        let order = Refund {
            number,
            amount,
            target,
            by,
            reason,
            at: now,
            request,
            state: RefundState::Asked,
        };
        self.purchase.refunds.push(order);
        self.purchase.refund_request = None;
        self.purchase.due_at = Some(now);
        Ok(())
    }

    /// Records a buyer's refused request, for staff to decide.
    pub fn note_refund_request(
        &mut self,
        refused: &RefundError,
        reason: Option<&str>,
        now: Timestamp,
    ) {
        if refused.is_for_staff() && self.purchase.refund_request.is_none() {
            let because = refused.code().to_owned();
            let reason = reason.map(str::to_owned);
            self.purchase.refund_request = Some(ManualReview { at: now, because, reason });
        }
    }

    /// Whether the request was already recorded: a retry is answered, not carried out again.
    fn is_duplicate(&self, wish: &RefundRequest) -> Result<bool, RefundError> {
        let mut orders = self.purchase.refunds.iter();
        let Some(request) = &wish.request else {
            let same =
                |it: &Refund| it.by == wish.by && !matches!(it.state, RefundState::Failed { .. });
            return Ok(wish.by == RefundedBy::Buyer && orders.any(same));
        };
        let same = |it: &&Refund| it.request.as_ref().is_some_and(|it| it.key == request.key);
        match orders.find(same) {
            Some(order) if order.request.as_ref() == Some(request) => Ok(true),
            Some(_) => Err(RefundError::KeyReused),
            None => Ok(false),
        }
    }

    /// A buyer who asks for a refund cannot use the purchase meanwhile. The same conditional write
    /// detects that they just did.
    fn suspend(&mut self) {
        if let Some(owned) = own(&mut self.entitlement, &self.purchase) {
            owned.state = EntitlementState::Suspended;
        }
    }

    fn check_refund(&self, wish: &RefundRequest, now: Timestamp) -> Result<(), RefundError> {
        let purchase = &self.purchase;
        if let RefundedBy::Staff { actor: Actor::Staff { user_id, .. }, .. } = &wish.by {
            purchase.check_impartial(user_id)?;
        }
        let paid = match (&purchase.state, purchase.paid) {
            (PurchaseState::Refunded, _) => return Err(RefundError::Over),
            (PurchaseState::Paid, Some(paid)) if paid.amount > 0 => paid,
            _ => return Err(RefundError::NotPaid),
        };
        if purchase.open_refund().is_some() {
            return Err(RefundError::InProgress);
        }
        if self.sale.as_ref().is_some_and(|sale| sale.frozen) {
            return Err(RefundError::InDispute);
        }
        let left = purchase.refundable();
        if left <= 0 {
            return Err(RefundError::Over);
        }
        if purchase.refunds.len() >= REFUNDS_MAX {
            return Err(RefundError::TooMany);
        }
        match wish.amount {
            Some(it) if it.currency != paid.currency || it.amount <= 0 => {
                return Err(RefundError::Nothing);
            }
            Some(it) if it.amount > left => {
                return Err(RefundError::TooMuch(Money { amount: left, ..paid }));
            }
            Some(_) | None => {}
        }
        match wish.by {
            RefundedBy::Buyer => self.check_own_refund(now),
            RefundedBy::Staff { .. } => Ok(()),
        }
    }

    fn check_own_refund(&self, now: Timestamp) -> Result<(), RefundError> {
        let bought_at = self.purchase.paid_at.unwrap_or(self.purchase.created_at);
        if refund_window_ends(bought_at) < now {
            return Err(RefundError::WindowOver);
        }
        let owned = self.entitlement.as_ref();
        let owned = owned.filter(|it: &&Entitlement| it.purchase_id == self.purchase.id);
        match owned {
            Some(owned) if owned.downloaded_at.is_some() => Err(RefundError::Downloaded),
            Some(owned) if owned.used_at.is_some() => Err(RefundError::Used),
            Some(_) | None => Ok(()),
        }
    }

    /// Records that Stripe refused a refund, and restores the entitlement.
    pub fn fail_refund(&mut self, number: u32, code: &str) {
        let asked = |it: &&mut Refund| it.number == number && it.state == RefundState::Asked;
        if let Some(order) = self.purchase.refunds.iter_mut().find(asked) {
            order.state = RefundState::Failed { code: code.to_owned() };
            self.purchase.due_at = None;
            let frozen = self.sale.as_ref().is_some_and(|sale| sale.frozen);
            let owned = own(&mut self.entitlement, &self.purchase).filter(|_| !frozen);
            if let Some(owned) = owned.filter(|it| it.state == EntitlementState::Suspended) {
                owned.state = EntitlementState::Active;
            }
        }
    }

    /// Completes the recorded refunds: one is done once the payment's refunded total reaches its
    /// target.
    pub(super) fn follow_refunds(&mut self, refunded: i64) {
        self.purchase.refunded = refunded;
        let mut waiting = false;
        for order in &mut self.purchase.refunds {
            if order.state == RefundState::Asked {
                let done = refunded >= order.target;
                waiting |= !done;
                if done {
                    order.state = RefundState::Done;
                }
            }
        }
        if !waiting {
            self.purchase.due_at = None;
        }
    }
}
