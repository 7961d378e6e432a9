//! Decisions on refunds: who may ask for one, and how much.

use super::{
    ManualReview, PaidBack, REFUNDS_MAX, Refund, RefundError, RefundObstacle, RefundRequest,
    RefundState, RefundedBy, ReviewDecision, ReviewOutcome, refund_window_ends,
};
use crate::{
    audit::Actor,
    billing::payment::Payment,
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

    /// What was refunded, with tax, in minor units: of a payment that was returned all that went
    /// back, through Stripe or outside.
    pub fn money_back(&self) -> i64 {
        match self.state {
            PurchaseState::Returned { .. } => self.taken_back + self.paid_outside(),
            PurchaseState::Pending
            | PurchaseState::Processing
            | PurchaseState::Paid
            | PurchaseState::Expired
            | PurchaseState::Failed { .. }
            | PurchaseState::Refunded => self.refunded,
        }
    }

    /// What staff paid its buyer outside Stripe, in minor units.
    pub fn paid_outside(&self) -> i64 {
        self.paid_back.iter().map(|it| it.amount).sum()
    }

    /// What is owed to its buyer of a payment that is returned, in minor units: what neither Stripe
    /// nor a bank has taken back, less what was paid outside. Negative if they have more than they
    /// paid.
    pub fn owed(&self, payment: &Payment) -> i64 {
        payment.amount.amount - payment.returned() - self.paid_outside()
    }

    /// Until when its buyer can have all of it back without staff; `None` if they cannot.
    pub fn refundable_until(
        &self,
        owned: Option<&Entitlement>,
        now: Timestamp,
    ) -> Option<Timestamp> {
        let owned = owned.filter(|it| it.purchase_id == self.id && it.is_active())?;
        let is_paid = self.state == PurchaseState::Paid && self.refundable() > 0;
        self.check_own_refund(Some(owned), now).ok().filter(|_| is_paid)
    }

    /// When the refund window ends, if it is open and the buyer has not used what they bought.
    fn check_own_refund(
        &self,
        owned: Option<&Entitlement>,
        now: Timestamp,
    ) -> Result<Timestamp, RefundError> {
        let ends_at = refund_window_ends(self.paid_at.unwrap_or(self.created_at));
        if ends_at < now {
            return Err(RefundError::WindowOver);
        }
        match owned.filter(|it| it.purchase_id == self.id) {
            Some(owned) if owned.downloaded_at.is_some() => Err(RefundError::Downloaded),
            Some(owned) if owned.used_at.is_some() => Err(RefundError::Used),
            Some(_) | None => Ok(ends_at),
        }
    }

    /// The idempotency key of a refund at Stripe.
    pub fn refund_key(&self, number: u32) -> String {
        format!("purchase:{}:refund:{number}", self.id)
    }

    /// The idempotency key at Stripe of the refund of a payment that is returned, after `refused`
    /// refunds that the buyer's bank did not take. After a part was paid outside Stripe it is another
    /// refund: one of an amount.
    pub fn return_key(&self, refused: usize) -> String {
        let key = match refused {
            0 => format!("purchase:{}:returned", self.id),
            more => format!("purchase:{}:returned-after:{more}", self.id),
        };
        match self.paid_outside() {
            0 => key,
            paid => format!("{key}:outside:{paid}"),
        }
    }
}

impl PaidBack {
    /// Whether a request says what was recorded: the same person, amount and words.
    pub fn is_said_again(&self, amount: Money, (by, reason): (&RefundedBy, &str)) -> bool {
        let is_same_actor = match (&self.by, by) {
            (RefundedBy::Staff { actor, .. }, RefundedBy::Staff { actor: again, .. }) => {
                actor == again
            }
            (RefundedBy::Buyer, _) | (_, RefundedBy::Buyer) => false,
        };
        is_same_actor && self.amount == amount.amount && self.reason == reason
    }
}

impl PurchaseUpdate {
    /// Records a refund, which the next settlement of the purchase carries out. Buyers may return
    /// what they neither downloaded nor used, within [`super::REFUND_WINDOW`]; any other request of
    /// theirs is recorded for staff, once.
    ///
    /// # Errors
    /// [`RefundError`]; then nothing changes.
    pub fn ask_refund(
        &mut self,
        request: &RefundRequest,
        now: Timestamp,
    ) -> Result<(), RefundError> {
        if self.is_duplicate(request)? {
            return Ok(());
        }
        if let Err(refused) = self.check_refund(request, now) {
            return match refused.obstacle() {
                Some(because) => self.ask_staff(because, request.reason.as_deref(), now),
                None => Err(refused),
            };
        }
        let left = self.purchase.refundable();
        let amount = request.amount.map_or(left, |money| money.amount);
        let number = u32::try_from(self.purchase.refunds.len()).unwrap_or(u32::MAX) + 1;
        let target = self.purchase.refunded + amount;
        let (by, reason, request) =
            (request.by.clone(), request.reason.clone(), request.request.clone());
        if by == RefundedBy::Buyer {
            self.suspend();
        }
        if let Some(sale) = &mut self.sale {
            sale.refund_reason.clone_from(&reason);
        }
        if let Some(request) = &mut self.purchase.refund_request {
            let (by, reason) = (by.clone(), reason.clone());
            let granted = ReviewDecision { outcome: ReviewOutcome::Granted, at: now, reason, by };
            request.decision = Some(granted);
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
        self.purchase.due_at = Some(now);
        Ok(())
    }

    /// Records a buyer's request for staff to decide. One that waits stays as it is; one that was
    /// declined is final; after a refund there may be another.
    fn ask_staff(
        &mut self,
        because: RefundObstacle,
        reason: Option<&str>,
        now: Timestamp,
    ) -> Result<(), RefundError> {
        let request = self.purchase.refund_request.as_ref();
        match request.map(|it| it.decision.as_ref()) {
            Some(None) => return Ok(()),
            Some(Some(decision)) if decision.outcome == ReviewOutcome::Declined => {
                return Err(RefundError::Declined(decision.reason.clone().unwrap_or_default()));
            }
            Some(Some(_)) | None => {}
        }
        let reason = reason.map(str::to_owned);
        let review = ManualReview { at: now, because, reason, decision: None };
        self.purchase.refund_request = Some(review);
        Ok(())
    }

    /// Declines the buyer's request; a repeat with the same reason changes nothing. Returns when it
    /// was made and when it was declined.
    ///
    /// # Errors
    /// When no request waits, or the staff member is a party to the purchase.
    pub fn decline_refund(
        &mut self,
        by: RefundedBy,
        reason: String,
        now: Timestamp,
    ) -> Result<(Timestamp, Timestamp), RefundError> {
        self.check_decider(&by)?;
        let request = self.purchase.refund_request.as_mut().ok_or(RefundError::NoRequest)?;
        let reason = Some(reason);
        match &request.decision {
            None => {
                let outcome = ReviewOutcome::Declined;
                request.decision = Some(ReviewDecision { outcome, at: now, reason, by });
                Ok((request.at, now))
            }
            Some(it) if it.outcome == ReviewOutcome::Declined && it.reason == reason => {
                Ok((request.at, it.at))
            }
            Some(_) => Err(RefundError::NoRequest),
        }
    }

    /// Records that a staff member pays the buyer `amount` outside Stripe: all that is owed of a
    /// payment that is returned. From the next settlement on nothing of it is due, unless more of it
    /// comes back. Whether it was recorded now: a repeat by the same person in the same words changes
    /// nothing, also after more came back, unless it is the same amount that is owed again.
    ///
    /// # Errors
    /// When nothing is owed to the buyer, or another amount, a refund is due or has not ended, a bank
    /// still decides on a dispute, or the staff member is a party to the purchase.
    pub fn record_paid_back(
        &mut self,
        payment: &Payment,
        amount: Money,
        (by, reason): (RefundedBy, String),
        now: Timestamp,
    ) -> Result<bool, RefundError> {
        self.check_decider(&by)?;
        let purchase = &mut self.purchase;
        let PurchaseState::Returned { .. } = purchase.state else {
            return Err(RefundError::NotReturned);
        };
        let owed = Money { amount: purchase.owed(payment), ..payment.amount };
        let said = (&by, reason.as_str());
        if amount != owed && purchase.paid_back.iter().any(|it| it.is_said_again(amount, said)) {
            return Ok(false);
        }
        if purchase.due_at.is_some() {
            return Err(RefundError::InProgress);
        }
        if payment.disputed {
            return Err(RefundError::InDispute);
        }
        match (owed.amount > 0, purchase.paid_back.is_empty()) {
            (false, true) => return Err(RefundError::Over),
            (false, false) => return Err(RefundError::PaidBackAlready),
            (true, _) if amount != owed => return Err(RefundError::AmountChanged(owed)),
            (true, _) => {}
        }
        purchase.paid_back.push(PaidBack { amount: owed.amount, at: now, reason, by });
        Ok(true)
    }

    /// Staff do not decide on their own business.
    fn check_decider(&self, by: &RefundedBy) -> Result<(), RefundError> {
        if let RefundedBy::Staff { actor: Actor::Staff { user_id, .. }, .. } = by {
            self.purchase.check_impartial(user_id)?;
        }
        Ok(())
    }

    /// Whether the request was already recorded: a retry is answered, not carried out again.
    fn is_duplicate(&self, request: &RefundRequest) -> Result<bool, RefundError> {
        let mut orders = self.purchase.refunds.iter();
        let Some(mark) = &request.request else {
            let same = |it: &Refund| {
                it.by == request.by && !matches!(it.state, RefundState::Failed { .. })
            };
            return Ok(request.by == RefundedBy::Buyer && orders.any(same));
        };
        let same = |it: &&Refund| it.request.as_ref().is_some_and(|it| it.key == mark.key);
        match orders.find(same) {
            Some(order) if order.request.as_ref() == Some(mark) => Ok(true),
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

    fn check_refund(&self, request: &RefundRequest, now: Timestamp) -> Result<(), RefundError> {
        self.check_decider(&request.by)?;
        let purchase = &self.purchase;
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
        match request.amount {
            Some(it) if it.currency != paid.currency || it.amount <= 0 => {
                return Err(RefundError::Nothing);
            }
            Some(it) if it.amount > left => {
                return Err(RefundError::TooMuch(Money { amount: left, ..paid }));
            }
            Some(_) | None => {}
        }
        match request.by {
            RefundedBy::Buyer => {
                purchase.check_own_refund(self.entitlement.as_ref(), now).map(drop)
            }
            RefundedBy::Staff { .. } => Ok(()),
        }
    }

    /// Ends a recorded refund as the one at Stripe that was made for it, or as Stripe refused it; the
    /// next settlement follows. One that is done may still fail: then it can be asked for again.
    pub fn end_refund(&mut self, number: u32, end: RefundState) {
        if let Some(order) = self.purchase.refunds.iter_mut().find(|it| it.number == number) {
            order.state = end;
        }
    }
}
