//! What a member has with Stripe, and what follows from it.
//!
//! Stripe holds the truth about subscriptions, invoices and payments. Its notices come twice, late
//! and in any order, so none of them is taken at its word: whoever hears of something asks Stripe
//! how it is *now*, and applies that whole state here. The rules of this module therefore take what
//! is, never what happened:
//!
//! * [`subscription`]: which plan goes on until when, and that there is one subscription;
//! * [`invoice`]: which paid lines grant which lots, each once;
//! * [`payment`] and [`order`]: a pack is granted once, and taken back as far as its payment was;
//! * [`checkout`]: at most one checkout of a plan is open;
//! * [`top_up`]: packs that are bought by themselves;
//! * [`follow_up`]: what is still to be done at Stripe because of it.
//!
//! All of it that is about one member is written under the version of their [`Billing`], which was
//! read before Stripe was asked. So an older answer of Stripe's can never overwrite a newer one.

pub mod checkout;
pub mod external;
pub mod follow_up;
pub mod invoice;
pub mod order;
pub mod payment;
mod recurring;
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

/// A member's side of what Stripe keeps.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Billing {
    /// OwnerRef.
    pub user_id: UserId,
    /// Goes up by one with every change; zero before the first.
    pub version: u64,
    /// Their one customer at Stripe.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub customer: Option<CustomerId>,
    /// Their subscription as Stripe said last; it stays after its end, until there is another.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subscription: Option<Subscription>,
    /// The checkout of a plan that may still be open.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checkout: Option<PlanCheckout>,
    /// How many checkouts of a plan there were: part of the key of the next.
    #[serde(default)]
    pub checkouts: u32,
    /// What staff's numbers say of the subscription, since there was one that counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recurring: Option<Recurring>,
}

/// What following a subscription came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Followed {
    /// It is the member's subscription, or was the last one.
    Theirs,
    /// It is over and another came after it.
    Former,
    /// There are two, and this one is one too many: to be cancelled and paid back.
    Surplus(SubscriptionId),
}

impl Billing {
    /// A member Stripe does not know.
    pub fn new(user_id: UserId) -> Billing {
        Billing {
            user_id,
            version: 0,
            customer: None,
            subscription: None,
            checkout: None,
            checkouts: 0,
            recurring: None,
        }
    }

    /// The one too many of this subscription and the one we know: the younger, if both go on. Ask
    /// Stripe about the one we know first: it may be over without our knowing.
    pub fn surplus(&self, now_at_stripe: &Subscription) -> Option<SubscriptionId> {
        let kept = self.subscription.as_ref().filter(|kept| kept.id != now_at_stripe.id)?;
        if kept.status.is_over() || now_at_stripe.status.is_over() {
            return None;
        }
        let younger = if now_at_stripe.is_before(kept) { kept } else { now_at_stripe };
        Some(younger.id.clone())
    }

    /// The member's customer is `made` from now on, unless it is another than `deleted` by now. A
    /// page that was opened for a customer who was deleted cannot be paid.
    pub fn replace_customer(&mut self, deleted: Option<&CustomerId>, made: &CustomerId) {
        if self.customer.as_ref() == deleted {
            self.customer = Some(made.clone());
            self.checkout = None;
        }
    }

    /// The subscription that goes on and is not set to end, of a member who is banned without an
    /// end: it is to be. One that waits for its first payment ends by itself, or is looked at again
    /// once that is made.
    pub fn renewal_to_stop(&self, standing: &AccountStatus) -> Option<&Subscription> {
        let theirs = self.subscription.as_ref().filter(|_| standing.is_for_good())?;
        let waits = theirs.status == SubscriptionStatus::Incomplete;
        let ends = theirs.status.is_over() || theirs.cancel_at_period_end;
        (!waits && !ends).then_some(theirs)
    }

    /// Applies a subscription as Stripe says it is now. Grants of its paid invoices come before.
    /// Nothing of the one that is a [`Billing::surplus`] is applied.
    ///
    /// # Errors
    /// When the stored balance contradicts itself.
    pub fn follow(
        &mut self,
        now_at_stripe: &Subscription,
        draft: &mut AccountUpdate,
    ) -> Result<Followed, LedgerError> {
        if let Some(surplus) = self.surplus(now_at_stripe) {
            if surplus != now_at_stripe.id {
                self.take_over(now_at_stripe, draft)?;
            }
            return Ok(Followed::Surplus(surplus));
        }
        let over = now_at_stripe.status.is_over();
        let is_former = |kept: &Subscription| {
            kept.id != now_at_stripe.id
                && over
                && (!kept.status.is_over() || now_at_stripe.is_before(kept))
        };
        if self.subscription.as_ref().is_some_and(is_former) {
            return Ok(Followed::Former);
        }
        self.take_over(now_at_stripe, draft)?;
        Ok(Followed::Theirs)
    }

    fn take_over(
        &mut self,
        now_at_stripe: &Subscription,
        draft: &mut AccountUpdate,
    ) -> Result<(), LedgerError> {
        self.subscription = Some(now_at_stripe.clone());
        if !now_at_stripe.status.gives_access() {
            return draft.end_plan();
        }
        // Paid until the end of the paid period, whatever period Stripe is in by now.
        let Some(paid) = draft.account().paid_period else { return Ok(()) };
        let grace = match now_at_stripe.cancel_at_period_end {
            true => std::time::Duration::ZERO,
            false => PAST_DUE_GRACE,
        };
        draft.keep_plan_until(paid.ends_at.plus(grace))
    }
}
