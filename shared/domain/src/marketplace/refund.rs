//! Giving a buyer's money back: who may, how much, and how it is done once.
//!
//! A refund is noted on the purchase before Stripe is asked for it, under a number that is part of
//! its key: whoever is cut off in between leaves a note that the next to look at the purchase
//! carries out. What the money does then follows the payment, as for everything else.

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

/// For how long a buyer may give something back that they never opened.
pub const REFUND_WINDOW: Duration = DAY.saturating_mul(14);
/// Until when a buyer may give back what they paid for at `paid_at`; what the sale earns a sharer is
/// granted after that.
pub fn refund_window_ends(paid_at: Timestamp) -> Timestamp {
    paid_at.plus(REFUND_WINDOW)
}

/// Most refunds of one purchase.
const REFUNDS_MAX: usize = 20;

/// A refund of a purchase, or a part of one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refund {
    /// Which one of the purchase's: 1, 2, …
    pub number: u32,
    /// In minor units, tax included.
    pub amount: i64,
    /// What is refunded of the payment in all once it is done.
    pub target: i64,
    /// Who asked for it.
    pub by: RefundedBy,
    /// Why, in their words; the creator is shown it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// When it was asked for.
    pub at: Timestamp,
    /// What tells a request from the same one sent again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<IdempotencyMark>,
    /// How far it has come.
    #[serde(flatten)]
    pub state: RefundState,
}

/// A request, by the key its sender gave it, and by what it said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IdempotencyMark {
    /// The `Idempotency-Key`.
    pub key: String,
    /// A hash of the rest.
    pub fingerprint: String,
}

/// Who asks for a refund.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "who", rename_all = "snake_case")]
pub enum RefundedBy {
    /// The buyer.
    Buyer,
    /// Somebody of ours.
    Staff {
        /// Who.
        actor: Actor,
        /// The request it came by.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        origin: Option<Origin>,
    },
}

/// How far a refund has come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum RefundState {
    /// Noted; whether Stripe knows of it is not known.
    Asked,
    /// Stripe gave it back.
    Done,
    /// Stripe refused.
    Failed {
        /// Stripe's code.
        code: String,
    },
}

/// What is asked for.
#[derive(Debug, Clone)]
pub struct RefundRequest {
    /// So much; all that is left, if it is not said.
    pub amount: Option<Money>,
    /// Who asks.
    pub by: RefundedBy,
    /// Why.
    pub reason: Option<String>,
    /// What tells the request from the same one sent again.
    pub request: Option<IdempotencyMark>,
}

/// A buyer who would like their money back and cannot have it at once: for staff to decide.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ManualReview {
    /// When they first asked.
    pub at: Timestamp,
    /// Why it was not done at once: the code of a [`RefundError`].
    pub because: String,
    /// Why they want it, in their words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// Why money is not given back.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RefundError {
    /// Nothing was paid, or not yet.
    #[error("Nothing was paid for this purchase.")]
    NotPaid,
    /// It went back already.
    #[error("All of it was paid back already.")]
    Over,
    /// The buyer's bank decides.
    #[error("The payment is disputed: the bank decides.")]
    InDispute,
    /// One is being carried out.
    #[error("A refund of this purchase is being carried out.")]
    InProgress,
    /// Too many small ones.
    #[error("There were {REFUNDS_MAX} refunds of this purchase: no more are possible.")]
    TooMany,
    /// More than there is.
    #[error("At most {left} can be paid back.", left = .0)]
    TooMuch(Money),
    /// Nothing at all.
    #[error("A refund is of at least one cent, in the currency of the purchase.")]
    Nothing,
    /// The key was used for another refund.
    #[error("This Idempotency-Key was used for a different request: send a new key.")]
    KeyReused,
    /// Its days are over.
    #[error(
        "It is more than {} days ago: we were told of your wish and will look at it.",
        REFUND_WINDOW.as_secs() / DAY.as_secs()
    )]
    WindowOver,
    /// The buyer has the files.
    #[error("You have downloaded it: we were told of your wish and will look at it.")]
    Downloaded,
    /// It is the business of whoever of the staff asks.
    #[error(transparent)]
    Conflict(#[from] ConflictOfInterest),
    /// The buyer has images made with it.
    #[error("You have made images with it: we were told of your wish and will look at it.")]
    Used,
}

impl RefundError {
    /// Whether staff may do it all the same, so that the buyer's wish is worth noting.
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

/// What became of the refund of a purchase, as whoever asked for it is told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RefundReceipt {
    purchase_id: PurchaseId,
    /// How far the purchase has come.
    #[serde(flatten)]
    state: PurchaseState,
    refund: Refunded,
    /// What went back of it in all, tax included.
    refunded: Money,
    /// What is left of it.
    refundable: Money,
}

/// One refund.
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
    /// The refund that was asked for under this mark, or last.
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

    /// The refund that was noted and whose end is not known.
    pub fn open_refund(&self) -> Option<&Refund> {
        self.refunds.iter().find(|it| it.state == RefundState::Asked)
    }

    /// What can still be given back, in minor units.
    pub fn refundable(&self) -> i64 {
        self.paid.map_or(0, |paid| paid.amount - self.taken_back)
    }

    /// The key under which Stripe is asked for a refund.
    pub fn refund_key(&self, number: u32) -> String {
        format!("purchase:{}:refund:{number}", self.id)
    }
}

impl PurchaseUpdate {
    /// Notes a refund. A buyer gets back what they never opened, within [`REFUND_WINDOW`]; for the
    /// rest their wish is noted, and staff decide. It is carried out by whoever settles the purchase
    /// next.
    ///
    /// # Errors
    /// [`RefundError`]; then nothing changes but the note of a wish, see
    /// [`PurchaseUpdate::note_refund_wish`].
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

    /// Notes that a buyer would like their money back, for staff to decide.
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

    /// Whether it was noted before: a request that is sent again is answered, not carried out.
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

    /// Who wants their money back does not use what they bought meanwhile. The same write finds out
    /// whether they have just done so.
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

    /// Stripe refused a refund that was noted.
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

    /// Follows the refunds that were noted: one is done once so much of the payment is back.
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
