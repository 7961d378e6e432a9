//! Follow-ups: what is to be done at Stripe because of something that was written here.
//!
//! A follow-up is noted in the transaction that finds the need for it. It is carried out right
//! after that; if the process dies or Stripe does not answer, the nightly run carries it out. Each
//! step can be repeated: cancelled is cancelled, a refund of all that is left is made once, and the
//! audit has one row for each.

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

use crate::{EventOutcome, SettleError, Settlement, customer::tell_address};

/// How the audit names the job that ends duplicate subscriptions.
const DUPLICATES: &str = "surplus_subscriptions";
/// How the audit names the job that stops the renewals of who is banned.
const BANS: &str = "banned_subscriptions";
/// How the audit names the job that refunds what is paid after the end.
const LATE_PAYMENTS: &str = "late_payments";
/// For how long a refund that Stripe answered with an error is asked for under the same key. Stripe
/// repeats such an answer for a day; a second refund of all that is left is refused, so another key
/// does no harm.
const SAME_KEY_S: i64 = 60 * 60;

impl Settlement<'_> {
    /// Carries out the follow-ups that wait, the longest waiting first, at most `most` of them.
    /// Returns what became of each: one that fails keeps none of the others from being done, and
    /// waits behind them for the next run.
    ///
    /// # Errors
    /// When the table cannot be asked.
    pub async fn carry_out_due(
        &self,
        now: Timestamp,
        most: u16,
    ) -> Result<Vec<Result<EventOutcome, SettleError>>, SettleError> {
        let mut done = Vec::new();
        for follow_up in self.store.due_follow_ups(most).await? {
            let carried_out = self.carry_out(&follow_up, now).await;
            if let Err(why) = &carried_out {
                failed(&follow_up, why);
                self.store.follow_up_postponed(&follow_up, now).await?;
            }
            done.push(carried_out);
        }
        Ok(done)
    }

    /// Carries out what was noted just now. A failure is no failure of what it follows from: the
    /// follow-up stays due.
    pub(crate) async fn carry_out_noted(
        &self,
        user: &UserId,
        tasks: BTreeSet<FollowUpTask>,
        noted_at: Timestamp,
    ) -> EventOutcome {
        let mut heard = EventOutcome::Applied;
        for task in tasks {
            let follow_up = FollowUp::new(user.clone(), task, noted_at);
            match self.carry_out(&follow_up, noted_at).await {
                Ok(EventOutcome::Applied) => {}
                Ok(other) => heard = other,
                Err(why) => failed(&follow_up, &why),
            }
        }
        heard
    }

    /// Carries out a member's follow-up that was noted before, if it still waits. A failure is
    /// logged: the nightly run tries again.
    ///
    /// # Errors
    /// When the table cannot be asked.
    pub async fn carry_out_one(
        &self,
        user: &UserId,
        task: &FollowUpTask,
        now: Timestamp,
    ) -> Result<(), SettleError> {
        let Some(waits) = self.store.follow_up(user, task).await? else { return Ok(()) };
        if let Err(why) = self.carry_out(&waits, now).await {
            failed(&waits, &why);
        }
        Ok(())
    }

    /// Boxed: nearly always nothing is to be done, and its callers need not carry its state.
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
        let heard = match &follow_up.task {
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
        Ok(heard)
    }

    /// Cancels a duplicate subscription, refunds what was paid for it, and records both. Nothing is
    /// charged after it is cancelled, so the refunds that follow are all there are.
    async fn cancel_duplicate(
        &self,
        user: &UserId,
        duplicate: &SubscriptionId,
        now: Timestamp,
    ) -> Result<(), SettleError> {
        warn!(%duplicate, actor = %user, "cancelling and refunding a duplicate subscription");
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
        let deed = AuditEntry::of_job(DUPLICATES, Action::EndSurplus, Target::user(user))
            .with_diff(&state(false), &state(true));
        Ok(self.store.record_once(&format!("surplus_{duplicate}"), deed, now).await?)
    }

    /// Voids what could still be paid of a subscription that is over.
    async fn void_open_invoices(&self, subscription: &SubscriptionId) -> Result<(), SettleError> {
        for open in self.stripe.invoices_of(subscription, InvoiceStatus::Open).await? {
            self.stripe.void_invoice(&open.invoice).await?;
        }
        Ok(())
    }

    /// Refunds an invoice that was paid after its subscription was over, and records it.
    async fn refund_late_payment(
        &self,
        user: &UserId,
        invoice: &StripeInvoiceId,
        now: Timestamp,
    ) -> Result<(), SettleError> {
        let paid = self.stripe.invoice(invoice).await?;
        let Some(payment) = &paid.payment else { return Ok(()) };
        warn!(%invoice, actor = %user, "paid after the subscription was over, refunding it");
        self.refund_whole(payment, now).await?;
        let state = |refunded| json!({ "invoice": invoice, "refunded": refunded });
        let deed = AuditEntry::of_job(LATE_PAYMENTS, Action::RefundLatePayment, Target::user(user))
            .with_diff(&state(false), &state(true));
        Ok(self.store.record_once(&format!("late_payment_{invoice}"), deed, now).await?)
    }

    /// Sets the subscription of a member who is banned without an end to end with its period, and
    /// records it. A ban that was lifted meanwhile stops nothing.
    async fn stop_renewal(&self, follow_up: &FollowUp, now: Timestamp) -> Result<(), SettleError> {
        let user = &follow_up.user_id;
        let standing = self.store.account(user).await?.standing;
        let mut billing = self.store.billing(user).await?;
        let (true, Ok(known)) = (standing.is_for_good(), billing.live_subscription()) else {
            return Ok(());
        };
        let name = format!("stop_renewal_{}_{}", known.id, follow_up.noted_at.as_millis());
        // It may be over, or set to end, without our knowing.
        billing.subscription = self.stripe.subscription(&known.id).await?.subscription;
        if let Some(theirs) = billing.renewal_to_stop(&standing) {
            self.stripe.set_renewal(&theirs.id, Renewal::Stops, &name).await?;
        }
        let Ok(theirs) = billing.live_subscription() else { return Ok(()) };
        // Set by an attempt that was interrupted before this row, it is recorded all the same.
        let state = |stops| json!({ "subscription": theirs.id, "cancel_at_period_end": stops });
        let deed = AuditEntry::of_job(BANS, Action::StopRenewal, Target::user(user))
            .with_diff(&state(theirs.cancel_at_period_end), &state(true));
        Ok(self.store.record_once(&name, deed, now).await?)
    }

    /// Tells Stripe a member's address as it is now, if they are a customer.
    async fn update_customer(&self, user: &UserId) -> Result<(), SettleError> {
        let Some(customer) = self.store.billing(user).await?.customer else { return Ok(()) };
        let email = self.store.email_of(user).await?;
        if let Some(customer) = self.stripe.customer(&customer).await? {
            tell_address(self.stripe, &customer, email.as_deref()).await?;
        }
        Ok(())
    }

    /// Refunds all that is left of a payment. Of a disputed one the bank takes the money itself.
    async fn refund_whole(&self, payment: &PaymentId, now: Timestamp) -> Result<(), SettleError> {
        let key = format!("refund-whole:{payment}:{}", now.as_secs() / SAME_KEY_S);
        match self.stripe.refund(payment, &key).await {
            Err(refused) if refused.is_refused_as("charge_disputed") => {
                warn!(%payment, "not refunded: it is disputed");
                Ok(())
            }
            done => Ok(done?),
        }
    }
}

fn failed(follow_up: &FollowUp, why: &SettleError) {
    let (actor, task) = (&follow_up.user_id, &follow_up.task);
    error!(%actor, %task, error = %why, "a follow-up failed, the nightly run tries again");
}
