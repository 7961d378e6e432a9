//! Follow-ups: requests to Stripe that a write to DynamoDB makes necessary.
//!
//! A follow-up is recorded in the transaction that finds the need for it, and carried out right
//! after it. If the process dies or Stripe does not answer, the nightly run carries it out. Each
//! step is idempotent: a cancelled subscription stays cancelled, the rest of a payment is refunded
//! once, and the audit has one record for each.

use std::collections::BTreeSet;

use clients::stripe::{PaidBy, Renewal};
use domain::{
    Timestamp,
    audit::{Action, AuditEntry, Target},
    billing::{
        external::{PaymentId, StripeInvoiceId, SubscriptionId},
        follow_up::{FollowUp, FollowUpTask},
        invoice::InvoiceStatus,
    },
    id::UserId,
};
use serde_json::json;
use tracing::{error, warn};

use crate::{EventOutcome, SettleError, Settlement, customer::update_customer_email};

/// Actor name in the audit of the job that ends duplicate subscriptions.
const DUPLICATES: &str = "surplus_subscriptions";
/// Actor name in the audit of the job that stops the renewals of banned members.
const BANS: &str = "banned_subscriptions";
/// Actor name in the audit of the job that refunds payments after the end of a subscription.
const LATE_PAYMENTS: &str = "late_payments";
/// How many seconds a refund that Stripe answered with an error is retried under the same
/// idempotency key. Stripe repeats such an answer for a day; a second refund of the whole rest is
/// refused, so a new key does no harm.
const SAME_KEY_S: i64 = 60 * 60;

impl Settlement<'_> {
    /// Carries out a due follow-up. One that fails stays due.
    ///
    /// # Errors
    /// When Stripe or DynamoDB is unavailable, or Stripe refuses the request.
    pub async fn carry_out_due(
        &self,
        due: &FollowUp,
        now: Timestamp,
    ) -> Result<EventOutcome, SettleError> {
        self.carry_out(due, now).await.inspect_err(|why| failed(due, why))
    }

    /// Carries out the follow-ups that were just recorded. A failure does not fail the update that
    /// recorded them: the follow-up stays due.
    pub(crate) async fn carry_out_noted(
        &self,
        user: &UserId,
        tasks: BTreeSet<FollowUpTask>,
        noted_at: Timestamp,
    ) -> EventOutcome {
        let mut outcome = EventOutcome::Applied;
        for task in tasks {
            let follow_up = FollowUp::new(user.clone(), task, noted_at);
            match self.carry_out(&follow_up, noted_at).await {
                Ok(EventOutcome::Applied) => {}
                Ok(other) => outcome = other,
                Err(why) => failed(&follow_up, &why),
            }
        }
        outcome
    }

    /// Carries out a recorded follow-up of a member, if it is still due. A failure is logged, and
    /// the nightly run retries it.
    ///
    /// # Errors
    /// When DynamoDB is unavailable.
    pub async fn carry_out_one(
        &self,
        user: &UserId,
        task: &FollowUpTask,
        now: Timestamp,
    ) -> Result<(), SettleError> {
        let Some(due) = self.store.follow_up(user, task).await? else { return Ok(()) };
        if let Err(why) = self.carry_out(&due, now).await {
            failed(&due, &why);
        }
        Ok(())
    }

    /// Boxed: there is nearly always nothing to do, and callers should not hold the future inline.
    async fn carry_out(
        &self,
        follow_up: &FollowUp,
        now: Timestamp,
    ) -> Result<EventOutcome, SettleError> {
        Box::pin(self.perform(follow_up, now)).await
    }

    async fn perform(
        &self,
        follow_up: &FollowUp,
        now: Timestamp,
    ) -> Result<EventOutcome, SettleError> {
        let user = &follow_up.user_id;
        let outcome = match &follow_up.task {
            FollowUpTask::CancelDuplicate { subscription } => {
                self.cancel_duplicate(user, subscription, now).await?;
                EventOutcome::DuplicateRefunded
            }
            FollowUpTask::VoidInvoices { subscription } => {
                self.void_open_invoices(subscription).await?;
                EventOutcome::Applied
            }
            FollowUpTask::RefundInvoice { invoice } => {
                self.refund_late_payment(user, invoice, now).await?;
                EventOutcome::LatePaymentRefunded
            }
            FollowUpTask::StopRenewal => {
                self.stop_renewal(follow_up, now).await?;
                EventOutcome::Applied
            }
            FollowUpTask::UpdateCustomer => {
                self.update_customer(user).await?;
                EventOutcome::Applied
            }
        };
        self.store.follow_up_done(follow_up, now).await?;
        Ok(outcome)
    }

    /// Cancels a duplicate subscription, refunds its paid invoices, and records both. Nothing is
    /// charged after the cancellation, so the refunds are complete.
    async fn cancel_duplicate(
        &self,
        user: &UserId,
        duplicate: &SubscriptionId,
        now: Timestamp,
    ) -> Result<(), SettleError> {
        warn!(%duplicate, actor = %user, "duplicate subscription, cancelling and refunding it");
        self.stripe.cancel_now(duplicate).await?;
        self.void_open_invoices(duplicate).await?;
        let paid = self.stripe.invoices_of(duplicate, InvoiceStatus::Paid).await?;
        for PaidBy { payment, .. } in &paid {
            if let Some(payment) = payment {
                self.refund_whole(payment, now).await?;
            }
        }
        let invoices: Vec<_> = paid.iter().map(|paid| &paid.invoice).collect();
        let state = |ended| json!({ "subscription": duplicate, "paid": invoices, "ended": ended });
        let entry = AuditEntry::of_job(DUPLICATES, Action::EndSurplus, Target::user(user))
            .with_diff(&state(false), &state(true));
        Ok(self.store.record_once(&format!("surplus_{duplicate}"), entry, now).await?)
    }

    /// Voids the open invoices of a subscription that has ended.
    async fn void_open_invoices(&self, subscription: &SubscriptionId) -> Result<(), SettleError> {
        for open in self.stripe.invoices_of(subscription, InvoiceStatus::Open).await? {
            self.stripe.void_invoice(&open.invoice).await?;
        }
        Ok(())
    }

    /// Refunds an invoice that was paid after its subscription ended, and records it.
    async fn refund_late_payment(
        &self,
        user: &UserId,
        invoice: &StripeInvoiceId,
        now: Timestamp,
    ) -> Result<(), SettleError> {
        let paid = self.stripe.invoice(invoice).await?;
        let Some(payment) = &paid.payment else { return Ok(()) };
        warn!(%invoice, actor = %user, "invoice paid after its subscription ended, refunding it");
        self.refund_whole(payment, now).await?;
        let state = |refunded| json!({ "invoice": invoice, "refunded": refunded });
        let entry =
            AuditEntry::of_job(LATE_PAYMENTS, Action::RefundLatePayment, Target::user(user))
                .with_diff(&state(false), &state(true));
        Ok(self.store.record_once(&format!("late_payment_{invoice}"), entry, now).await?)
    }

    /// Sets the subscription of a permanently banned member to end with its period, and records it.
    /// If the ban was lifted meanwhile, nothing changes.
    async fn stop_renewal(&self, follow_up: &FollowUp, now: Timestamp) -> Result<(), SettleError> {
        let user = &follow_up.user_id;
        let standing = self.store.account(user).await?.standing;
        let mut billing = self.store.billing(user).await?;
        let (true, Ok(known)) = (standing.is_for_good(), billing.live_subscription()) else {
            return Ok(());
        };
        let name = format!("stop_renewal_{}_{}", known.id, follow_up.noted_at.as_millis());
        // It may have ended, or been set to end, at Stripe.
        billing.subscription = self.stripe.subscription(&known.id).await?.subscription;
        if let Some(theirs) = billing.renewal_to_stop(&standing) {
            self.stripe.set_renewal(&theirs.id, Renewal::Stops, &name).await?;
        }
        let Ok(theirs) = billing.live_subscription() else { return Ok(()) };
        // An earlier attempt may have set it and died before this record: record it anyway.
        let state = |stops| json!({ "subscription": theirs.id, "cancel_at_period_end": stops });
        let entry = AuditEntry::of_job(BANS, Action::StopRenewal, Target::user(user))
            .with_diff(&state(theirs.cancel_at_period_end), &state(true));
        Ok(self.store.record_once(&name, entry, now).await?)
    }

    /// Updates the member's email address at Stripe, if they are a customer.
    async fn update_customer(&self, user: &UserId) -> Result<(), SettleError> {
        let Some(customer) = self.store.billing(user).await?.customer else { return Ok(()) };
        let email = self.store.email_of(user).await?;
        if let Some(customer) = self.stripe.customer(&customer).await? {
            update_customer_email(self.stripe, &customer, email.as_deref()).await?;
        }
        Ok(())
    }

    /// Refunds the rest of a payment. A disputed payment is skipped: the bank withdraws the money.
    async fn refund_whole(&self, payment: &PaymentId, now: Timestamp) -> Result<(), SettleError> {
        let key = format!("refund-whole:{payment}:{}", now.as_secs() / SAME_KEY_S);
        match self.stripe.refund(payment, &key).await {
            Err(refused) if refused.is_disputed() => {
                warn!(%payment, "payment is disputed, refund skipped");
                Ok(())
            }
            done => Ok(done?),
        }
    }
}

fn failed(follow_up: &FollowUp, why: &SettleError) {
    let (actor, task) = (&follow_up.user_id, &follow_up.task);
    error!(%actor, %task, error = %why, "follow-up failed, the nightly run retries it");
}
