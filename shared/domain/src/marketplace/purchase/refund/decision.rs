//! Decisions on refunds: who may ask for one, and how much.

use super::{
    ManualReview, REFUNDS_MAX, Refund, RefundError, RefundRequest, RefundState, RefundedBy,
    refund_window_ends,
};
use crate::{
    audit::Actor,
    error::DomainError,
    marketplace::purchase::{
        Purchase, PurchaseState,
        entitlement::{Entitlement, EntitlementState},
        update::{PurchaseUpdate, own},
    },
    money::Money,
    time::Timestamp,
};

impl Purchase {
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
    pub(in crate::marketplace) fn follow_refunds(&mut self, refunded: i64) {
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
