//! What Stripe says becomes what we hold.
//!
//! A notice of Stripe's is never taken at its word: it names something, Stripe is asked how that is
//! now, `domain::billing` says what follows, and `store` writes it in one transaction. Three
//! callers share this: the webhook, the nightly reconcile, and whoever has just asked Stripe for
//! something and does not want to wait for its notice.
//!
//! The order of the steps is what makes it right whatever arrives twice, late or at once:
//!
//! 1. find out whose it is;
//! 2. read the member's `Billing`, and whether this event was applied before;
//! 3. ask Stripe;
//! 4. decide and write, on the condition that `Billing` has not moved since step 2. If it has,
//!    somebody heard something newer meanwhile: begin again at 2.
//!
//! So what is written was asked for after everything that was written before it. What is to be done
//! at Stripe because of it is noted in the same write, and done after it (`follow_ups`).

mod customer;
mod error;
mod facts;
mod follow_ups;
mod owner;
mod payouts;
mod purchase;
mod receive;

use clients::{
    Stripe,
    stripe::webhook_event::{Subject, WebhookEvent},
};
use domain::{
    DomainError, ErrorKind, Timestamp,
    billing::external::{ChargeId, PaymentId, SessionId, StripeInvoiceId, SubscriptionId},
    id::{OrderId, UserId},
};
use store::{Applied, AppliedEvent, Store};

pub use customer::customer_of;
pub use error::SettleError;
use facts::{Facts, Gathered};
pub use payouts::{Payer, PayoutProgress};
pub use receive::Received;

/// How often something newer may be heard of in between, before the caller has to come again.
const ROUNDS_MAX: u32 = 12;

/// Applies what Stripe says. Made where it is needed; it holds nothing.
#[derive(Debug, Clone, Copy)]
pub struct Settlement<'a> {
    store: &'a Store,
    stripe: &'a Stripe,
}

/// What came of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EventOutcome {
    /// It is applied now.
    Applied,
    /// It is applied now, and a subscription that was one too many was ended and paid back.
    DuplicateRefunded,
    /// It is applied now, and a payment that came too late, of a purchase or an invoice, was paid
    /// back.
    LatePaymentRefunded,
    /// It was applied before.
    Already,
    /// It is about nothing of ours: the Stripe account may have other uses.
    NotOurs,
    /// Nothing follows from its kind.
    Ignored,
}

/// Something at Stripe that we keep a side of.
#[derive(Debug, Clone)]
enum StripeObject {
    Session(SessionId),
    Subscription(SubscriptionId),
    Invoice(StripeInvoiceId),
    Payment(PaymentId),
}

impl<'a> Settlement<'a> {
    /// Over the table and Stripe.
    pub fn new(store: &'a Store, stripe: &'a Stripe) -> Settlement<'a> {
        Settlement { store, stripe }
    }

    /// Applies what a notice is about, once for each event.
    ///
    /// # Errors
    /// When Stripe or the table cannot be asked: come again. Any other error will not pass by
    /// itself: the notice is to be kept for a person.
    pub async fn process_event(
        &self,
        notice: &WebhookEvent,
        now: Timestamp,
    ) -> Result<EventOutcome, SettleError> {
        let thing = match &notice.subject {
            Subject::Session(id) => StripeObject::Session(id.clone()),
            Subject::Subscription(id) => StripeObject::Subscription(id.clone()),
            Subject::Invoice(id) => StripeObject::Invoice(id.clone()),
            Subject::Payment(id) => StripeObject::Payment(id.clone()),
            Subject::Charge(id) => match self.payment_of(id).await? {
                Some(payment) => StripeObject::Payment(payment),
                None => return Ok(EventOutcome::NotOurs),
            },
            Subject::Account(account) => return self.heed_account(account, now).await,
            Subject::BankPayout(account, id) => {
                return self.heed_bank_payout((account, id), now).await;
            }
            Subject::Ignored => return Ok(EventOutcome::Ignored),
            Subject::Unreadable(why) => return Err(SettleError::Unreadable(why.clone())),
        };
        let said = (notice.user.as_ref(), notice.customer.as_ref());
        let Some(user) = self.owner(said, &thing).await? else { return Ok(EventOutcome::NotOurs) };
        let event = AppliedEvent { id: notice.id.clone(), kind: notice.kind.clone() };
        if let Some(purchase) = &notice.purchase {
            return self.settle_purchase(&user, purchase, Some(&thing), Some(&event), now).await;
        }
        self.settle(&user, &thing, Some(&event), now).await
    }

    /// After what a run did about one object failed: whether Stripe and the table answer at all, so
    /// that the run can go on with the next. What will not pass with time is that object's alone.
    ///
    /// # Errors
    /// When Stripe or the table does not answer: nothing would be gained by going on.
    pub async fn check_answers(&self, failed: &SettleError) -> Result<(), SettleError> {
        if failed.kind() == ErrorKind::Unavailable {
            self.stripe.balance().await?;
            self.store.events_checkpoint().await?;
        }
        Ok(())
    }

    /// Applies a member's subscription as it is now.
    ///
    /// # Errors
    /// When Stripe or the table cannot be asked.
    pub async fn subscription(
        &self,
        user: &UserId,
        id: &SubscriptionId,
        now: Timestamp,
    ) -> Result<EventOutcome, SettleError> {
        self.settle(user, &StripeObject::Subscription(id.clone()), None, now).await
    }

    /// Applies a member's checkout as it is now.
    ///
    /// # Errors
    /// When Stripe or the table cannot be asked.
    pub async fn session(
        &self,
        user: &UserId,
        id: &SessionId,
        now: Timestamp,
    ) -> Result<EventOutcome, SettleError> {
        self.settle(user, &StripeObject::Session(id.clone()), None, now).await
    }

    /// Applies a member's payment as it is now.
    ///
    /// # Errors
    /// When Stripe or the table cannot be asked.
    pub async fn payment(
        &self,
        user: &UserId,
        id: &PaymentId,
        now: Timestamp,
    ) -> Result<EventOutcome, SettleError> {
        self.settle(user, &StripeObject::Payment(id.clone()), None, now).await
    }

    /// Ends an order whose payment will never be: with Stripe's code for why.
    ///
    /// # Errors
    /// When the table cannot be asked.
    pub async fn fail_order(
        &self,
        user: &UserId,
        order: &OrderId,
        code: &str,
        now: Timestamp,
    ) -> Result<(), SettleError> {
        for _ in 0..ROUNDS_MAX {
            let read = self.store.billing(user).await?;
            let facts = Facts::of_failed(order, code);
            match facts.keep(self.store, &read, None, now).await? {
                (Applied::Now | Applied::Already, _) => return Ok(()),
                (Applied::Stale, _) => {}
            }
        }
        Err(SettleError::Busy)
    }

    /// Boxed: its state is large, and this crate's callers need not carry it.
    async fn settle(
        &self,
        user: &UserId,
        thing: &StripeObject,
        event: Option<&AppliedEvent>,
        now: Timestamp,
    ) -> Result<EventOutcome, SettleError> {
        Box::pin(self.settle_in_rounds(user, thing, event, now)).await
    }

    async fn settle_in_rounds(
        &self,
        user: &UserId,
        thing: &StripeObject,
        event: Option<&AppliedEvent>,
        now: Timestamp,
    ) -> Result<EventOutcome, SettleError> {
        for _ in 0..ROUNDS_MAX {
            let read = match event {
                Some(event) => {
                    let (read, before) = self.store.billing_of_event(user, &event.id).await?;
                    if before {
                        return Ok(EventOutcome::Already);
                    }
                    read
                }
                None => self.store.billing(user).await?,
            };
            let facts = match Facts::gather(self.stripe, &read, thing).await? {
                Gathered::Facts(facts) => facts,
                Gathered::Purchase(id) => {
                    return self.settle_purchase(user, &id, Some(thing), event, now).await;
                }
                Gathered::NotOurs => return Ok(EventOutcome::NotOurs),
            };
            match facts.keep(self.store, &read, event, now).await? {
                (Applied::Stale, _) => {}
                (Applied::Already, _) => return Ok(EventOutcome::Already),
                (Applied::Now, noted) => return Ok(self.carry_out_noted(user, noted, now).await),
            }
        }
        Err(SettleError::Busy)
    }

    async fn payment_of(&self, charge: &ChargeId) -> Result<Option<PaymentId>, SettleError> {
        Ok(self.stripe.payment_of_charge(charge).await?)
    }
}
