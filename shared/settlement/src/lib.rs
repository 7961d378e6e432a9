//! Settlement: the state of Stripe objects becomes the state in DynamoDB.
//!
//! The payload of a webhook event is never trusted: it names an object, the current object is
//! fetched from Stripe, `domain::billing` decides, and `store` writes the result in one
//! transaction. Three callers share this: the webhook, the nightly reconciliation, and an endpoint
//! that has just called Stripe and does not wait for the event.
//!
//! The order of the steps keeps this correct for events that arrive twice, late or at once:
//!
//! 1. find the member;
//! 2. read the member's `Billing`, and whether this event was already applied;
//! 3. fetch the object from Stripe;
//! 4. decide and write, if the version of `Billing` has not changed since step 2; otherwise newer
//!    state may have been written: start again at step 2.
//!
//! So every write is based on state that was fetched after the previous write. Follow-up requests
//! to Stripe are recorded in the same write, and sent after it (`follow_ups`).

mod customer;
mod error;
mod facts;
mod follow_ups;
mod owner;
mod payouts;
mod purchase;
mod receive;
mod stripe_object;

use clients::{
    Stripe,
    stripe::webhook_event::{Subject, WebhookEvent},
};
use domain::{
    DomainError, ErrorKind, Timestamp,
    billing::external::{ChargeId, PaymentId, SessionId, SubscriptionId},
    id::{OrderId, UserId},
};
use store::{Applied, AppliedEvent, Store};

pub use customer::customer_of;
pub use error::SettleError;
use facts::{Facts, Gathered};
pub use payouts::{Payer, PayoutProgress};
pub use receive::ReceivedEvent;
use stripe_object::StripeObject;

/// How often a write conflict is retried before the caller gets [`SettleError::Busy`].
const ROUNDS_MAX: u32 = 12;

/// Applies the current state of Stripe objects. It holds no state of its own.
#[derive(Debug, Clone, Copy)]
pub struct Settlement<'a> {
    store: &'a Store,
    stripe: &'a Stripe,
}

/// The outcome of applying a Stripe object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EventOutcome {
    /// Applied now.
    Applied,
    /// Applied now, and a duplicate subscription was cancelled and refunded.
    DuplicateRefunded,
    /// Applied now, and a late payment of a purchase or an invoice was refunded.
    LatePaymentRefunded,
    /// Already applied.
    Already,
    /// Not about this service: the Stripe account may have other uses.
    NotOurs,
    /// The event type needs no action.
    Ignored,
}

impl<'a> Settlement<'a> {
    /// A settlement over this store and this Stripe client.
    pub fn new(store: &'a Store, stripe: &'a Stripe) -> Settlement<'a> {
        Settlement { store, stripe }
    }

    /// Applies the object of a webhook event, once for each event.
    ///
    /// # Errors
    /// When Stripe or DynamoDB is unavailable: retry. Any other error is permanent: park the event.
    pub async fn process_event(
        &self,
        webhook: &WebhookEvent,
        now: Timestamp,
    ) -> Result<EventOutcome, SettleError> {
        let thing = match &webhook.subject {
            Subject::Session(id) => StripeObject::Session(id.clone()),
            Subject::Subscription(id) => StripeObject::Subscription(id.clone()),
            Subject::Invoice(id) => StripeObject::Invoice(id.clone()),
            Subject::Payment(id) => StripeObject::Payment(id.clone()),
            Subject::Charge(id) => match self.payment_of(id).await? {
                Some(payment) => StripeObject::Payment(payment),
                None => return Ok(EventOutcome::NotOurs),
            },
            Subject::Account(account) => return self.process_account_event(account, now).await,
            Subject::BankPayout(account, id) => {
                return self.process_bank_payout_event((account, id), now).await;
            }
            Subject::Ignored => return Ok(EventOutcome::Ignored),
            Subject::Unreadable(why) => return Err(SettleError::Unreadable(why.clone())),
        };
        let said = (webhook.user.as_ref(), webhook.customer.as_ref());
        let Some(user) = self.owner(said, &thing).await? else { return Ok(EventOutcome::NotOurs) };
        let event = AppliedEvent { id: webhook.id.clone(), kind: webhook.kind.clone() };
        if let Some(purchase) = &webhook.purchase {
            return self.settle_purchase(&user, purchase, Some(&thing), Some(&event), now).await;
        }
        self.settle(&user, &thing, Some(&event), now).await
    }

    /// Checks, after one object of a run failed, whether Stripe and DynamoDB answer, so that the
    /// run can continue with the next object. A permanent error concerns that object alone.
    ///
    /// # Errors
    /// When Stripe or DynamoDB is unavailable: continuing the run is pointless.
    pub async fn check_answers(&self, failed: &SettleError) -> Result<(), SettleError> {
        if failed.kind() == ErrorKind::Unavailable {
            self.stripe.balance().await?;
            self.store.events_checkpoint().await?;
        }
        Ok(())
    }

    /// Applies the current state of a member's subscription.
    ///
    /// # Errors
    /// When Stripe or DynamoDB is unavailable.
    pub async fn subscription(
        &self,
        user: &UserId,
        id: &SubscriptionId,
        now: Timestamp,
    ) -> Result<EventOutcome, SettleError> {
        self.settle(user, &StripeObject::Subscription(id.clone()), None, now).await
    }

    /// Applies the current state of a member's checkout session.
    ///
    /// # Errors
    /// When Stripe or DynamoDB is unavailable.
    pub async fn session(
        &self,
        user: &UserId,
        id: &SessionId,
        now: Timestamp,
    ) -> Result<EventOutcome, SettleError> {
        self.settle(user, &StripeObject::Session(id.clone()), None, now).await
    }

    /// Applies the current state of a member's payment.
    ///
    /// # Errors
    /// When Stripe or DynamoDB is unavailable.
    pub async fn payment(
        &self,
        user: &UserId,
        id: &PaymentId,
        now: Timestamp,
    ) -> Result<EventOutcome, SettleError> {
        self.settle(user, &StripeObject::Payment(id.clone()), None, now).await
    }

    /// Fails an order whose payment failed for good, with Stripe's code.
    ///
    /// # Errors
    /// When DynamoDB is unavailable.
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
                Applied::Now(_) | Applied::Already => return Ok(()),
                Applied::Stale => {}
            }
        }
        Err(SettleError::Busy)
    }

    /// Boxed: the future is large, and callers should not hold it inline.
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
                Applied::Stale => {}
                Applied::Already => return Ok(EventOutcome::Already),
                Applied::Now(noted) => return Ok(self.carry_out_noted(user, noted, now).await),
            }
        }
        Err(SettleError::Busy)
    }

    async fn payment_of(&self, charge: &ChargeId) -> Result<Option<PaymentId>, SettleError> {
        Ok(self.stripe.payment_of_charge(charge).await?)
    }
}
