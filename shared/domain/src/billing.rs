//! A member's billing at Stripe, and its effects on the account.
//!
//! Stripe is the source of truth for subscriptions, invoices and payments. Its events may arrive
//! twice, late and in any order, so their content is not trusted: the handler of an event asks
//! Stripe for the *current* state and applies it here as a whole. The rules of this module
//! therefore take what is, never what happened:
//!
//! * [`subscription`]: which plan is paid until when, and that there is one subscription;
//! * [`invoice`]: which paid lines grant which lots, each once; [`receipt`]: those of what is sold
//!   once;
//! * [`payment`] and [`order`]: a pack is granted once, and taken back as far as its payment was;
//! * [`checkout`]: at most one open checkout of a plan;
//! * [`top_up`]: packs that are bought automatically;
//! * [`follow_up`]: what is still to be done at Stripe.
//!
//! All billing data of a member is written under the version of their [`Billing`], which was read
//! before Stripe was asked. So an older answer from Stripe cannot overwrite a newer one.

pub mod checkout;
mod checkouts;
pub mod external;
pub mod follow_up;
pub mod invoice;
pub mod order;
pub mod payment;
pub mod receipt;
mod recurring;
mod subscribe;
pub mod subscription;
#[cfg(test)]
mod tests;
pub mod top_up;

use serde::{Deserialize, Serialize};

use crate::{
    account::{AccountStatus, AccountUpdate},
    credits::LedgerError,
    id::UserId,
    metrics::Recurring,
    plan::PAST_DUE_GRACE,
};
use checkout::PlanCheckout;
use external::{CustomerId, SubscriptionId};
use subscription::{Subscription, SubscriptionStatus};

/// A member's billing state at Stripe.
#[serde_with::skip_serializing_none]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Billing {
    /// The member.
    pub user_id: UserId,
    /// The optimistic lock: goes up by one with every change; zero before the first.
    pub version: u64,
    /// Their only customer at Stripe.
    pub customer: Option<CustomerId>,
    /// Their subscription in Stripe's latest answer; it stays after its end, until there is
    /// another.
    pub subscription: Option<Subscription>,
    /// The checkout of a plan that may still be open.
    pub checkout: Option<PlanCheckout>,
    /// The latest checkouts of plans that are closed, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub closed_checkouts: Vec<PlanCheckout>,
    /// Number of plan checkouts so far: part of the next one's idempotency key.
    #[serde(default)]
    pub checkouts: u32,
    /// The subscription as reported in the metrics, once one has counted.
    pub recurring: Option<Recurring>,
}

/// The result of applying a subscription.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Followed {
    /// It is the member's current or latest subscription.
    Theirs,
    /// It ended, and another came after it.
    Former,
    /// The member has two, and this one is the duplicate: to be cancelled and refunded.
    Surplus(SubscriptionId),
}

impl Billing {
    /// The billing of a member without a Stripe customer.
    pub fn new(user_id: UserId) -> Billing {
        Billing {
            user_id,
            version: 0,
            customer: None,
            subscription: None,
            checkout: None,
            closed_checkouts: Vec::new(),
            checkouts: 0,
            recurring: None,
        }
    }

    /// The duplicate of this subscription and the stored one: the younger, if both are live. Ask
    /// Stripe about the stored one first: it may have ended meanwhile.
    pub fn surplus(&self, now_at_stripe: &Subscription) -> Option<SubscriptionId> {
        let stored = self.subscription.as_ref().filter(|stored| stored.id != now_at_stripe.id)?;
        if stored.status.is_over() || now_at_stripe.status.is_over() {
            return None;
        }
        let younger = if now_at_stripe.is_before(stored) { stored } else { now_at_stripe };
        Some(younger.id.clone())
    }

    /// Replaces the customer `deleted` by `made`, unless it was already replaced. An open checkout
    /// of the deleted customer cannot be paid and is closed.
    pub fn replace_customer(&mut self, deleted: Option<&CustomerId>, made: &CustomerId) {
        if self.customer.as_ref() == deleted {
            self.customer = Some(made.clone());
            self.close_checkout(None);
        }
    }

    /// The live, renewing subscription of a permanently banned member, which must be set to cancel.
    /// One that is incomplete expires on its own, or is checked again once it is paid.
    pub fn renewal_to_stop(&self, standing: &AccountStatus) -> Option<&Subscription> {
        let theirs = self.subscription.as_ref().filter(|_| standing.is_for_good())?;
        let waits = theirs.status == SubscriptionStatus::Incomplete;
        let ends = theirs.status.is_over() || theirs.cancel_at_period_end;
        (!waits && !ends).then_some(theirs)
    }

    /// Applies a subscription as Stripe reports it now. Grants of its paid invoices come before.
    /// Nothing of a [`Billing::surplus`] is applied.
    ///
    /// # Errors
    /// When the stored balance contradicts itself.
    pub fn follow(
        &mut self,
        now_at_stripe: &Subscription,
        update: &mut AccountUpdate,
    ) -> Result<Followed, LedgerError> {
        if let Some(surplus) = self.surplus(now_at_stripe) {
            if surplus != now_at_stripe.id {
                self.take_over(now_at_stripe, update)?;
            }
            return Ok(Followed::Surplus(surplus));
        }
        let over = now_at_stripe.status.is_over();
        let is_former = |stored: &Subscription| {
            stored.id != now_at_stripe.id
                && over
                && (!stored.status.is_over() || now_at_stripe.is_before(stored))
        };
        if self.subscription.as_ref().is_some_and(is_former) {
            return Ok(Followed::Former);
        }
        self.take_over(now_at_stripe, update)?;
        Ok(Followed::Theirs)
    }

    fn take_over(
        &mut self,
        now_at_stripe: &Subscription,
        update: &mut AccountUpdate,
    ) -> Result<(), LedgerError> {
        self.subscription = Some(now_at_stripe.clone());
        update.renew_as(now_at_stripe.scheduled.map(|change| change.plan));
        if !now_at_stripe.status.gives_access() {
            return update.end_plan();
        }
        // Paid until the end of the paid period, whatever period Stripe is in now.
        let Some(paid) = update.account().paid_period else { return Ok(()) };
        let grace = match now_at_stripe.cancel_at_period_end {
            true => std::time::Duration::ZERO,
            false => PAST_DUE_GRACE,
        };
        update.keep_plan_until(paid.ends_at.plus(grace))
    }
}
