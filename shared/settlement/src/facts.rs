//! The current state of Stripe objects, and the billing update that follows from it.

use std::collections::BTreeSet;

use clients::{
    Stripe,
    stripe::{InvoiceNow, Session, SessionStatus, SubscriptionNow, receipt_id},
};
use domain::{
    Timestamp,
    billing::{
        Billing, Followed,
        external::{CustomerId, StripeInvoiceId, SubscriptionId},
        follow_up::FollowUpTask,
        invoice::{Invoice, InvoiceStatus},
        payment::Payment,
        subscription::Subscription,
    },
    credits::LedgerError,
    id::{OrderId, PurchaseId, UserId},
};
use store::{Applied, AppliedEvent, BillingUpdate, NotFound, Store, StoreError, Wanted};

use crate::{error::SettleError, stripe_object::StripeObject};

/// What a Stripe object turned out to be about.
pub(crate) enum Gathered {
    /// A pack, a plan or an invoice.
    Facts(Box<Facts>),
    /// A listing's purchase, which is settled by `settle_purchase`.
    Purchase(PurchaseId),
    /// Not about this service.
    NotOurs,
}

/// Everything that Stripe returned about one object.
#[derive(Debug, Default)]
pub(crate) struct Facts {
    customer: Option<CustomerId>,
    /// The stored subscription comes first if there are two.
    subscriptions: Vec<Subscription>,
    /// Each invoice with its subscription.
    invoices: Vec<(Invoice, Option<SubscriptionId>)>,
    session: Option<Session>,
    payment: Option<Payment>,
    order: Option<OrderId>,
    failed: Option<String>,
}

impl Facts {
    /// An order whose payment failed for good, with Stripe's code.
    pub(crate) fn of_failed(order: &OrderId, code: &str) -> Facts {
        let (order, failed) = (Some(order.clone()), Some(code.to_owned()));
        Facts { order, failed, ..Facts::default() }
    }

    /// Fetches `thing` and its related objects from Stripe.
    pub(crate) async fn gather(
        stripe: &Stripe,
        read: &Billing,
        thing: &StripeObject,
    ) -> Result<Gathered, SettleError> {
        let mut facts = Facts::default();
        match thing {
            StripeObject::Session(id) => {
                let session = stripe.session(id).await?;
                if let Some(purchase) = session.purchase {
                    return Ok(Gathered::Purchase(purchase));
                }
                facts.add_session(stripe, read, session).await?
            }
            StripeObject::Subscription(id) => {
                facts.add_subscription(stripe, read, id).await?;
            }
            StripeObject::Invoice(id) => {
                facts.add_invoice(stripe, read, id).await?;
                facts.add_payment(stripe).await?;
            }
            StripeObject::Payment(id) => {
                let payment = stripe.payment(id).await?;
                if let Some(purchase) = payment.purchase {
                    return Ok(Gathered::Purchase(purchase));
                }
                facts.customer.clone_from(&payment.customer);
                facts.order.clone_from(&payment.order);
                if payment.order.is_none() {
                    match stripe.invoice_of_payment(id).await? {
                        Some(invoice) => facts.add_invoice(stripe, read, &invoice).await?,
                        None => return Ok(Gathered::NotOurs),
                    }
                }
                facts.payment = Some(payment);
            }
        }
        let ours = facts.order.is_some() || !facts.subscriptions.is_empty();
        let ours = ours || !facts.invoices.is_empty() || facts.session.is_some();
        Ok(if ours { Gathered::Facts(Box::new(facts)) } else { Gathered::NotOurs })
    }

    async fn add_session(
        &mut self,
        stripe: &Stripe,
        read: &Billing,
        session: Session,
    ) -> Result<(), SettleError> {
        self.customer.clone_from(&session.customer);
        self.order.clone_from(&session.order);
        if let Some(subscription) = &session.subscription {
            self.add_subscription(stripe, read, subscription).await?;
        }
        // A declined card does not end the session while the checkout page is open.
        if session.status == SessionStatus::Complete {
            self.payment.clone_from(&session.payment);
        }
        self.session = Some(session);
        Ok(())
    }

    async fn add_subscription(
        &mut self,
        stripe: &Stripe,
        read: &Billing,
        id: &SubscriptionId,
    ) -> Result<(), SettleError> {
        let now = self.follow(stripe, read, id).await?;
        if let Some(latest) = now.latest_invoice {
            let invoice = stripe.invoice(&latest).await?;
            self.invoices.push((checked(read, invoice)?, Some(id.clone())));
        }
        Ok(())
    }

    async fn add_invoice(
        &mut self,
        stripe: &Stripe,
        read: &Billing,
        id: &StripeInvoiceId,
    ) -> Result<(), SettleError> {
        let invoice = stripe.invoice(id).await?;
        let subscription = invoice.subscription.clone();
        if let Some(subscription) = &subscription {
            self.follow(stripe, read, subscription).await?;
        }
        self.customer = Some(invoice.customer.clone());
        self.invoices.push((checked(read, invoice)?, subscription));
        Ok(())
    }

    /// Fetches the payment of a paid invoice: it holds Stripe's processing fee.
    async fn add_payment(&mut self, stripe: &Stripe) -> Result<(), SettleError> {
        let mut paid =
            self.invoices.iter().filter(|(invoice, _)| invoice.status == InvoiceStatus::Paid);
        if let Some(payment) = paid.find_map(|(invoice, _)| invoice.payment.as_ref()) {
            self.payment = Some(stripe.payment(payment).await?);
        }
        Ok(())
    }

    async fn follow(
        &mut self,
        stripe: &Stripe,
        read: &Billing,
        id: &SubscriptionId,
    ) -> Result<SubscriptionNow, SettleError> {
        let now = stripe.subscription(id).await?;
        self.customer = Some(now.customer.clone());
        if let Some(subscription) = &now.subscription {
            // The stored subscription may have ended at Stripe.
            if read.surplus(subscription).is_some()
                && let Some(stored) = &read.subscription
            {
                self.subscriptions.extend(stripe.subscription(&stored.id).await?.subscription);
            }
            self.subscriptions.push(subscription.clone());
        } else if is_ours(read, now.user.as_ref(), Some(id)) {
            return Err(SettleError::NoPlan(id.to_string()));
        }
        Ok(now)
    }

    /// Decides and writes the billing update, if the stored billing is still `read`. Also returns
    /// the follow-ups that were recorded with it.
    pub(crate) async fn keep(
        &self,
        store: &Store,
        read: &Billing,
        event: Option<&AppliedEvent>,
        now: Timestamp,
    ) -> Result<Applied<BTreeSet<FollowUpTask>>, StoreError> {
        let wanted = Wanted {
            order: self.order.clone(),
            invoices: self.invoices.iter().map(|(invoice, _)| invoice.id.clone()).collect(),
        };
        store
            .apply_billing(read, &wanted, event, now, |update| {
                // A payment for a missing order must fail, not be ignored.
                if self.order.is_some() && update.order.is_none() {
                    return Err(StoreError::refused(NotFound::Order));
                }
                self.apply(update).map_err(StoreError::refused)?;
                Ok(update.follow_ups.clone())
            })
            .await
    }

    fn apply(&self, update: &mut BillingUpdate) -> Result<(), LedgerError> {
        if update.billing.customer.is_none() {
            update.billing.customer.clone_from(&self.customer);
        }
        self.apply_subscriptions(update)?;
        self.apply_session(update);
        self.apply_payment(update)
    }

    /// Grants paid invoices before following the subscription: the end of a plan depends on what
    /// was granted.
    fn apply_subscriptions(&self, update: &mut BillingUpdate) -> Result<(), LedgerError> {
        for (invoice, _) in &self.invoices {
            let stored = update.invoices.iter().find(|stored| stored.id == invoice.id);
            let invoice = invoice.clone().after(stored);
            put(&mut update.invoices, invoice);
        }
        for subscription in &self.subscriptions {
            let known = update.billing.subscription.as_ref();
            let was_live = known.is_some_and(|it| it.id == subscription.id && !it.status.is_over());
            if was_live && subscription.status.is_over() {
                let subscription = subscription.id.clone();
                update.follow_ups.insert(FollowUpTask::VoidInvoices { subscription });
            }
            let is_surplus =
                update.billing.surplus(subscription).as_ref() == Some(&subscription.id);
            if !is_surplus {
                self.grant_invoices_of(subscription, update)?;
            }
            match update.billing.follow(subscription, &mut update.account)? {
                Followed::Surplus(subscription) => {
                    update.follow_ups.insert(FollowUpTask::CancelDuplicate { subscription });
                }
                Followed::Theirs | Followed::Former => {}
            }
        }
        let standing = &update.account.account().standing;
        if update.billing.renewal_to_stop(standing).is_some() {
            update.follow_ups.insert(FollowUpTask::StopRenewal);
        }
        Ok(())
    }

    fn grant_invoices_of(
        &self,
        subscription: &Subscription,
        update: &mut BillingUpdate,
    ) -> Result<(), LedgerError> {
        let theirs = self.invoices.iter().filter(|(_, of)| of.as_ref() == Some(&subscription.id));
        for (invoice, _) in theirs {
            let stored = update.invoices.iter_mut().find(|stored| stored.id == invoice.id);
            if let Some(stored) = stored {
                stored.grant(subscription, &mut update.account)?;
                update.follow_ups.extend(stored.after_the_end(subscription));
            }
        }
        Ok(())
    }

    fn apply_session(&self, update: &mut BillingUpdate) {
        let Some(session) = &self.session else { return };
        if session.status != SessionStatus::Open {
            update.billing.closed(&session.id, session.subscription.as_ref());
        }
        if let Some(order) = &mut update.order {
            order.session = Some(session.id.clone());
            if session.status == SessionStatus::Expired {
                order.expire();
            }
        }
    }

    fn apply_payment(&self, update: &mut BillingUpdate) -> Result<(), LedgerError> {
        let account = &mut update.account;
        if let (Some(order), Some(code)) = (&mut update.order, &self.failed) {
            order.fail(code, account);
        }
        let Some(payment) = &self.payment else { return Ok(()) };
        match &mut update.order {
            Some(order) => {
                order.settle(payment, account)?;
                let email = account.account().email.clone();
                let receipt = Invoice::receipt(order, receipt_id(order), email.as_deref());
                receipt.into_iter().for_each(|receipt| put(&mut update.invoices, receipt));
            }
            None => {
                for invoice in &mut update.invoices {
                    invoice.settle(payment, account)?;
                }
            }
        }
        Ok(())
    }
}

/// Converts an invoice. A paid invoice of ours that matches no plan would grant nothing, so it is
/// an error.
fn checked(read: &Billing, now: InvoiceNow) -> Result<Invoice, SettleError> {
    let ours = is_ours(read, now.user.as_ref(), now.subscription.as_ref());
    let id = now.id.to_string();
    let invoice = now.of(read.user_id.clone());
    match ours && invoice.is_paid_for_no_plan() {
        true => Err(SettleError::NoPlan(id)),
        false => Ok(invoice),
    }
}

/// Whether a subscription was created by us, or is the stored one. The Stripe account may have
/// other uses, also for our members.
fn is_ours(read: &Billing, user: Option<&UserId>, id: Option<&SubscriptionId>) -> bool {
    let known = read.subscription.as_ref().map(|known| &known.id);
    user.is_some() || id.is_some() && id == known
}

/// Replaces the invoice with the same id, or adds it.
fn put(invoices: &mut Vec<Invoice>, invoice: Invoice) {
    match invoices.iter_mut().find(|stored| stored.id == invoice.id) {
        Some(stored) => *stored = invoice,
        None => invoices.push(invoice),
    }
}
