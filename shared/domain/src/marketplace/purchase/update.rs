//! Applying a payment to a purchase and to everything that changes with it.
//!
//! A [`PurchaseUpdate`] is written in one transaction: the purchase, the entitlement, the sale, the
//! journals, the totals and the sharer's reward. Like the order of a pack it follows the payment as
//! Stripe reports it now, so that events may arrive twice, late and in any order: what was taken
//! back is a state, and each update moves everything to where it should be, rewards included.

use std::mem;

use super::{
    Offer, Purchase, PurchaseError, PurchaseState,
    allocation::PaymentAllocation,
    check_not_owned,
    entitlement::{Entitlement, EntitlementState},
    refund::{Refund, RefundedBy},
};
use crate::{
    account::AccountUpdate,
    billing::{
        external::PaymentId,
        payment::{Payment, PaymentState},
    },
    credits::LedgerError,
    error::DomainError,
    marketplace::{
        community::{listing_stats::ListingStats, review::Review, reward::Reward},
        creator::{
            balance::CreatorBalance,
            cause::{Cause, PaymentChange},
            journal::{Journal, LedgerAccount, Posting, Unbalanced},
            sale::{Sale, Split},
        },
        listing::Listing,
        moderation::strike::Seller,
    },
    time::Timestamp,
};

/// A purchase with everything that changes with it.
#[derive(Debug, Clone)]
pub struct PurchaseUpdate {
    /// The order.
    pub purchase: Purchase,
    /// The buyer's entitlement to the listing, from whichever purchase.
    pub entitlement: Option<Entitlement>,
    /// The listing as it is now.
    pub listing: Listing,
    /// Whether its creator may sell.
    pub seller: Seller,
    /// The buyer's e-mail address.
    pub buyer_email: Option<String>,
    /// The sale, on the creator's side.
    pub sale: Option<Sale>,
    /// The listing's totals.
    pub stats: ListingStats,
    /// The creator's totals and balances.
    pub book: CreatorBalance,
    /// The sharer's reward, if any.
    pub reward: Option<Reward>,
    /// The sharer's account, if the reward was granted.
    pub sharer: Option<AccountUpdate>,
    /// The buyer's review, if any.
    pub review: Option<Review>,
    /// New journals, to be appended.
    pub journals: Vec<Journal>,
    /// Stripe's fingerprint of the card that paid.
    pub card: Option<String>,
}

/// What the caller must do after the update is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PaymentFollowUp {
    /// Nothing.
    Nothing,
    /// The payment is for something that can no longer be bought: refund what is owed of it.
    Return {
        /// The payment to refund.
        payment: PaymentId,
        /// The amount in minor units, if a part was paid outside Stripe; else all that is left.
        amount: Option<i64>,
    },
    /// A refund was recorded: request it from Stripe.
    Refund {
        /// The payment to refund.
        payment: PaymentId,
        /// The refund's number within the purchase.
        number: u32,
        /// The amount in minor units.
        amount: i64,
    },
    /// More was paid out than the creator is owed: the daily run reverses the excess.
    ReverseTransfer,
}

impl PaymentFollowUp {
    /// Whether the update completes the event, so that it counts as applied.
    pub fn is_written(&self) -> bool {
        matches!(self, PaymentFollowUp::Nothing | PaymentFollowUp::ReverseTransfer)
    }
}

/// The stored ledger contradicts itself: an internal fault.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum SettlementError {
    /// The sharer's credit ledger.
    #[error(transparent)]
    Credits(#[from] LedgerError),
    /// The creator's journals.
    #[error(transparent)]
    Money(#[from] Unbalanced),
}

crate::domain_error!(SettlementError => Internal, "internal");

impl PurchaseUpdate {
    /// An update of a purchase, with its listing, seller and totals; the rest is absent.
    pub fn new(
        purchase: Purchase,
        (listing, seller): (Listing, Seller),
        (stats, book): (ListingStats, CreatorBalance),
    ) -> PurchaseUpdate {
        PurchaseUpdate {
            purchase,
            entitlement: None,
            listing,
            seller,
            buyer_email: None,
            sale: None,
            stats,
            book,
            reward: None,
            sharer: None,
            review: None,
            journals: Vec::new(),
            card: None,
        }
    }

    /// Grants a free listing to its buyer, once.
    pub fn grant_free(&mut self, now: Timestamp) {
        if self.purchase.paid.is_some() {
            return;
        }
        self.purchase.state = PurchaseState::Paid;
        self.purchase.paid_at = Some(now);
        self.purchase.paid = Some(self.purchase.price);
        self.purchase.due_at = None;
        self.grant(now);
        self.book.count_money(1, Split::default(), now);
    }

    /// Expires it: its Checkout Session ended without a payment. Does nothing once money has moved.
    pub fn expire(&mut self) {
        if self.purchase.state == PurchaseState::Pending {
            self.purchase.state = PurchaseState::Expired;
            self.purchase.due_at = None;
        }
    }

    /// Applies its payment as Stripe reports it now. The caller carries out the follow-up after
    /// this is written.
    ///
    /// # Errors
    /// When the stored ledger contradicts itself.
    pub fn settle(
        &mut self,
        payment: &Payment,
        now: Timestamp,
    ) -> Result<PaymentFollowUp, SettlementError> {
        self.purchase.payment = Some(payment.id.clone());
        match &payment.state {
            PaymentState::Succeeded => self.paid(payment, now),
            PaymentState::Pending if self.purchase.state == PurchaseState::Pending => {
                self.purchase.state = PurchaseState::Processing;
                Ok(PaymentFollowUp::Nothing)
            }
            PaymentState::Failed { code } if self.purchase.state == PurchaseState::Processing => {
                self.purchase.state = PurchaseState::Failed { code: code.clone() };
                self.purchase.due_at = None;
                Ok(PaymentFollowUp::Nothing)
            }
            // A card declined on the Checkout page is not final: the buyer may try another.
            PaymentState::Pending | PaymentState::Failed { .. } => Ok(PaymentFollowUp::Nothing),
        }
    }

    fn paid(
        &mut self,
        payment: &Payment,
        now: Timestamp,
    ) -> Result<PaymentFollowUp, SettlementError> {
        if self.purchase.paid.is_none() {
            self.fulfil(payment, now);
        }
        self.follow_second_purchase(payment);
        let frozen = self.frozen_part();
        self.follow_money(payment, now)?;
        self.follow_refunds(payment);
        if let PurchaseState::Returned { .. } = self.purchase.state {
            return Ok(self.give_back(payment, now));
        }
        let before = self.stats.clone();
        self.follow_loss(payment, now);
        self.follow_dispute(payment);
        self.follow_reward(payment, now)?;
        self.book.follow_ratings(&before, &self.stats);
        self.book.frozen += self.frozen_part() - frozen;
        Ok(self.next(payment))
    }

    /// Money that comes back after its buyer has bought the listing again, because a refund failed
    /// or a dispute was won after all, would pay for one entitlement twice: it is to be returned.
    fn follow_second_purchase(&mut self, payment: &Payment) {
        let was_lost = self.purchase.state == PurchaseState::Refunded;
        if !was_lost || access(payment) == EntitlementState::Revoked {
            return;
        }
        let other = self.entitlement.as_ref().filter(|it| it.purchase_id != self.purchase.id);
        if let Err(refused) = check_not_owned(other) {
            self.purchase.state = PurchaseState::Returned { reason: refused.code().to_owned() };
        }
    }

    /// Its payment's total refunded; it is due while a recorded refund has not ended.
    fn follow_refunds(&mut self, payment: &Payment) {
        self.purchase.refunded = payment.refunded;
        self.purchase.due_at = self.purchase.open_refund().map(|order| order.at);
    }

    /// Returns what is owed of a payment, after a refund that was recorded before; the purchase is
    /// due until it is refunded, or paid outside Stripe, and again if more of it comes back. While a
    /// bank holds a part of it, the bank decides first, and its decision is an event.
    fn give_back(&mut self, payment: &Payment, now: Timestamp) -> PaymentFollowUp {
        if let Some(recorded) = self.recorded_refund(payment) {
            return recorded;
        }
        let owed = self.purchase.owed(payment);
        let waits = payment.disputed && payment.withdrawn > 0;
        let is_due = owed > 0 && !waits;
        self.purchase.due_at = is_due.then_some(now);
        if !is_due {
            return PaymentFollowUp::Nothing;
        }
        // What was paid outside is still at Stripe: a refund of all that is left would pay it twice.
        let amount = (self.purchase.paid_outside() > 0).then_some(owed);
        PaymentFollowUp::Return { payment: payment.id.clone(), amount }
    }

    fn frozen_part(&self) -> i64 {
        self.sale.as_ref().map_or(0, Sale::frozen_part)
    }

    fn recorded_refund(&self, payment: &Payment) -> Option<PaymentFollowUp> {
        let Refund { number, amount, .. } = *self.purchase.open_refund()?;
        Some(PaymentFollowUp::Refund { payment: payment.id.clone(), number, amount })
    }

    fn next(&self, payment: &Payment) -> PaymentFollowUp {
        if let Some(recorded) = self.recorded_refund(payment) {
            return recorded;
        }
        match self.sale.as_ref().is_some_and(Sale::is_to_be_recovered) {
            true => PaymentFollowUp::ReverseTransfer,
            false => PaymentFollowUp::Nothing,
        }
    }

    /// Stripe or the bank refuses for good to return its payment: a person gives the money back.
    pub fn fail_return(&mut self) {
        self.purchase.due_at = None;
    }

    /// Fulfils a paid order, unless it can no longer be bought.
    fn fulfil(&mut self, payment: &Payment, now: Timestamp) {
        self.purchase.paid = Some(payment.amount);
        self.purchase.paid_at = Some(now);
        self.purchase.due_at = None;
        self.card.clone_from(&payment.fingerprint);
        if let Err(refused) = self.offer_still_holds(now) {
            self.purchase.state = PurchaseState::Returned { reason: refused.code().to_owned() };
            return;
        }
        self.purchase.state = PurchaseState::Paid;
        self.sale = Sale::of(&self.purchase, payment, now);
        self.book.count_money(1, Split::default(), now);
        self.grant(now);
        self.accrue_reward(payment, now);
    }

    fn offer_still_holds(&self, now: Timestamp) -> Result<(), PurchaseError> {
        let offer = Offer {
            listing: &self.listing,
            seller: &self.seller,
            owned: self.entitlement.as_ref(),
        };
        offer.check(&self.purchase.buyer_id, self.purchase.price, now).map(drop)
    }

    fn grant(&mut self, now: Timestamp) {
        let before = self.entitlement.take();
        let granted = self.purchase.entitlement(now);
        self.entitlement = Some(Entitlement {
            version: before.as_ref().map_or(0, |before| before.version),
            review_removed: before.as_ref().and_then(|before| before.review_removed.clone()),
            review_id: before.and_then(|before| before.review_id),
            ..granted
        });
        self.stats.count_sale(now);
    }

    /// The sharer earns a reward, unless they are the creator or the buyer, also under another
    /// account.
    fn accrue_reward(&mut self, payment: &Payment, now: Timestamp) {
        let Some(referral) = &self.purchase.referral else { return };
        let own = referral.sharer_id == self.purchase.creator_id
            || referral.sharer_id == self.purchase.buyer_id
            || referral.has_email_of(self.buyer_email.as_deref());
        if !own {
            let Purchase { id, buyer_id, creator_id, .. } = &self.purchase;
            let about = (id.clone(), buyer_id.clone(), creator_id.clone());
            self.reward = Some(Reward::held(referral, about, payment.fingerprint.clone(), now));
        }
    }

    /// Reallocates the money as the payment now says. An open dispute suspends its payout.
    fn follow_money(&mut self, payment: &Payment, now: Timestamp) -> Result<(), SettlementError> {
        let returned = matches!(self.purchase.state, PurchaseState::Returned { .. });
        let after = match returned {
            true => PaymentAllocation::of_return(payment, self.purchase.paid_outside()),
            false => PaymentAllocation::of_sale(self.purchase.price.amount, payment),
        };
        let before = mem::replace(&mut self.purchase.position, after);
        let change = self.change(payment);
        self.purchase.taken_back = payment.returned();
        if let Some(sale) = &mut self.sale {
            (sale.kept, sale.frozen) = (after.split(), payment.disputed);
        }
        if before == after {
            return Ok(());
        }
        let cause = match (self.purchase.movements, payment.id.clone()) {
            (0, payment) => Cause::Payment(payment),
            (number, payment) => Cause::PaymentChange { payment, number, change },
        };
        self.purchase.movements += 1;
        let account = self.sale.as_ref().map_or(LedgerAccount::CreatorPending, Sale::account);
        self.post(cause, after.postings_since(&before, account), now)?;
        self.book.count_money(0, after.split().since(before.split()), now);
        Ok(())
    }

    /// Why the money moves; `None` if refunds and disputes changed at once, or neither did.
    fn change(&self, payment: &Payment) -> Option<PaymentChange> {
        let refunded = payment.refunded.clamp(0, payment.amount.amount);
        let before = self.purchase.refunded.clamp(0, payment.amount.amount);
        let withdrawn = payment.returned() - refunded;
        let withdrawn_before = self.purchase.taken_back - before;
        match ((refunded - before).signum(), (withdrawn - withdrawn_before).signum()) {
            (1, 0) => Some(PaymentChange::Refund),
            (-1, 0) => Some(PaymentChange::RefundFailed),
            (0, 1) => Some(PaymentChange::Dispute),
            (0, -1) => Some(PaymentChange::DisputeReturned),
            _ => None,
        }
    }

    /// The sale is lost with the last of its money, unless an open dispute may still return some,
    /// and is restored if some of it comes back.
    fn follow_loss(&mut self, payment: &Payment, now: Timestamp) {
        let was_lost = self.purchase.state == PurchaseState::Refunded;
        let is_lost = access(payment) == EntitlementState::Revoked;
        if was_lost == is_lost {
            return;
        }
        if was_lost {
            self.regain(now);
        }
        let is_own = own(&mut self.entitlement, &self.purchase).is_some();
        let review = self.review.as_mut().filter(|_| is_own);
        let sales = if is_lost {
            self.purchase.state = PurchaseState::Refunded;
            self.stats.uncount_sale();
            review.into_iter().for_each(|review| review.withdraw(&mut self.stats));
            -1
        } else {
            // A dispute was won after all, or a refund failed.
            self.purchase.state = PurchaseState::Paid;
            self.stats.recount_sale();
            review.into_iter().for_each(|review| review.restore(&mut self.stats));
            1
        };
        self.book.count_money(sales, Split::default(), now);
    }

    /// The entitlement is of this purchase again, if the buyer had bought the listing once more and
    /// that purchase is lost too.
    fn regain(&mut self, now: Timestamp) {
        let Purchase { id, revision, .. } = &self.purchase;
        if let Some(lost) = self.entitlement.as_mut().filter(|it| it.purchase_id != *id) {
            (lost.purchase_id, lost.revision) = (id.clone(), *revision);
            lost.granted_at = now;
        }
    }

    /// Suspends use while a dispute is open; its outcome restores or revokes the entitlement.
    fn follow_dispute(&mut self, payment: &Payment) {
        let by_buyer = |it: &Refund| it.by == RefundedBy::Buyer;
        let going_back = self.purchase.open_refund().is_some_and(by_buyer);
        if let Some(own) = own(&mut self.entitlement, &self.purchase) {
            let state = access(payment);
            let is_closed = going_back && state == EntitlementState::Active;
            own.state = if is_closed { EntitlementState::Suspended } else { state };
        }
    }

    /// A reward is forfeited as soon as all of the money is taken back, even if a dispute may still
    /// return it, and is accrued again when some of it comes back.
    fn follow_reward(&mut self, payment: &Payment, now: Timestamp) -> Result<(), SettlementError> {
        let Some(reward) = &mut self.reward else { return Ok(()) };
        if payment.returned() < payment.amount.amount {
            reward.restore(self.purchase.paid_at.unwrap_or(now));
            return Ok(());
        }
        match &mut self.sharer {
            Some(sharer) => {
                if let Some((cause, legs)) = reward.reverse(sharer)? {
                    self.post(cause, legs, now)?;
                }
            }
            None => reward.forfeit(now),
        }
        Ok(())
    }

    fn post(
        &mut self,
        cause: Cause,
        legs: impl IntoIterator<Item = Posting>,
        now: Timestamp,
    ) -> Result<(), Unbalanced> {
        let (about, currency) = (self.purchase.id.to_string(), self.purchase.price.currency);
        self.journals.extend(self.book.post(about, (cause, currency), legs, now)?);
        Ok(())
    }
}

impl Purchase {
    /// Whether a dispute of its payment is contested: its buyer has what they paid for, or all of
    /// their money back. Money that is owed to them is not contested.
    pub fn contests(&self, payment: &Payment) -> bool {
        match self.state {
            PurchaseState::Paid => true,
            PurchaseState::Refunded | PurchaseState::Returned { .. } => {
                let is_paid_back = !self.paid_back.is_empty() && self.owed(payment) <= 0;
                access(payment) == EntitlementState::Revoked || is_paid_back
            }
            PurchaseState::Pending
            | PurchaseState::Processing
            | PurchaseState::Expired
            | PurchaseState::Failed { .. } => false,
        }
    }
}

/// The entitlement, if this purchase granted it.
pub(super) fn own<'a>(
    entitlement: &'a mut Option<Entitlement>,
    purchase: &Purchase,
) -> Option<&'a mut Entitlement> {
    entitlement.as_mut().filter(|it| it.purchase_id == purchase.id)
}

/// The entitlement's state under the payment as it is now.
fn access(payment: &Payment) -> EntitlementState {
    let paid = payment.amount.amount;
    if payment.refunded >= paid {
        EntitlementState::Revoked
    } else if payment.disputed {
        EntitlementState::Suspended
    } else if payment.returned() >= paid {
        EntitlementState::Revoked
    } else {
        EntitlementState::Active
    }
}
