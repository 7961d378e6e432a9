//! Invoices and receipts: what was charged, and which lots a paid one grants.

use std::mem;

use serde::{Deserialize, Serialize};

use super::{
    external::{PaymentId, StripeInvoiceId, SubscriptionId},
    follow_up::FollowUpTask,
    payment::{Payment, share_of},
    subscription::Subscription,
};
use crate::{
    account::AccountUpdate,
    credits::{LedgerError, LotId, LotSize},
    id::{InvoiceId, OrderId, PurchaseId, UserId},
    metrics::{Fact, PaymentSums, Reported, Source},
    money::Currency,
    plan::Plan,
    time::{Period, Timestamp},
};

/// Most lines that are stored; Stripe's page has the rest.
pub const LINES_MAX: usize = 50;

/// The status of an invoice: <https://docs.stripe.com/invoicing/overview#invoice-statuses>.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum InvoiceStatus {
    /// Not finalized yet.
    Draft,
    /// Awaiting payment.
    Open,
    /// Paid.
    Paid,
    /// Voided.
    Void,
    /// Written off.
    Uncollectible,
}

/// The document that an invoice represents.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Issue {
    /// Stripe's invoice of a subscription.
    Subscription {
        /// Stripe's id of the invoice.
        invoice: StripeInvoiceId,
        /// Its subscription, if any.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        subscription: Option<SubscriptionId>,
    },
    /// Our receipt for a pack.
    Pack {
        /// The pack order.
        order: OrderId,
    },
    /// Our receipt for a listing, which is derived from its purchase and never stored.
    Purchase {
        /// The purchase.
        purchase: PurchaseId,
    },
}

/// An invoice line. Amounts are in minor units of the invoice's currency.
#[serde_with::skip_serializing_none]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InvoiceLine {
    /// Stripe's id of the line, or the order's id.
    pub id: String,
    /// The description for the customer.
    pub description: String,
    /// The quantity.
    pub quantity: u32,
    /// The amount for the whole quantity, before tax and discount; negative is a credit.
    pub amount: i64,
    /// The period it pays for, if any.
    pub period: Option<Period>,
    /// The plan, if its price belongs to one.
    pub plan: Option<Plan>,
}

/// An invoice or a receipt. Amounts are in minor units of `currency`.
#[serde_with::skip_serializing_none]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Invoice {
    /// Our id; sorts by time.
    pub id: InvoiceId,
    /// The member.
    pub user_id: UserId,
    /// The document.
    #[serde(flatten)]
    pub issue: Issue,
    /// The number shown to the customer; a draft has none.
    pub number: Option<String>,
    /// Its status.
    pub status: InvoiceStatus,
    /// The currency of every amount here.
    pub currency: Currency,
    /// The amount before tax, after discounts.
    pub subtotal: i64,
    /// The tax.
    pub tax: i64,
    /// The amount charged.
    pub total: i64,
    /// The amount paid.
    pub amount_paid: i64,
    /// The amount still to be paid.
    pub amount_due: i64,
    /// The amount refunded.
    #[serde(default)]
    pub amount_refunded: i64,
    /// The recipient.
    pub bill_to: Option<String>,
    /// The subscription period, if any.
    pub period: Option<Period>,
    /// The lines, at most [`LINES_MAX`].
    pub lines: Vec<InvoiceLine>,
    /// Stripe's hosted page, where it can be paid.
    pub hosted_url: Option<String>,
    /// Stripe's PDF.
    pub pdf_url: Option<String>,
    /// The payment that paid it.
    pub payment: Option<PaymentId>,
    /// Number of payment attempts.
    #[serde(default)]
    pub attempts: u32,
    /// When Stripe attempts the next payment.
    pub next_attempt_at: Option<Timestamp>,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it was paid.
    pub paid_at: Option<Timestamp>,
    /// The lots it granted; empty before that.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub granted: Vec<LotId>,
    /// Credits revoked because the payment was taken back.
    #[serde(default)]
    pub taken_back: u32,
    /// Whether its unlimited lot was ended because the payment was taken back.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unlimited_ended: bool,
    /// The amount taken back by refunds and disputes.
    #[serde(default)]
    pub gone: i64,
    /// Stripe's fees for its payment, as far as known.
    #[serde(default)]
    pub fees: i64,
    /// What the metrics report of it. Nothing for a receipt: its order is reported instead.
    #[serde(default, skip_serializing_if = "Reported::is_nothing")]
    pub stated: Reported,
}

impl Invoice {
    /// Takes over from `stored` what only we know of the same invoice.
    #[must_use]
    pub fn after(self, stored: Option<&Invoice>) -> Invoice {
        let Some(stored) = stored else { return self };
        Invoice {
            granted: stored.granted.clone(),
            taken_back: stored.taken_back,
            unlimited_ended: stored.unlimited_ended,
            amount_refunded: stored.amount_refunded,
            gone: stored.gone,
            fees: stored.fees,
            stated: stored.stated,
            payment: self.payment.or_else(|| stored.payment.clone()),
            ..self
        }
    }

    /// Whether it is one of `subscription`.
    pub fn is_of(&self, subscription: &SubscriptionId) -> bool {
        matches!(&self.issue, Issue::Subscription { subscription: Some(id), .. } if id == subscription)
    }

    /// The page where it can be paid, while it is open.
    pub fn pay_url(&self) -> Option<&str> {
        self.hosted_url.as_deref().filter(|_| self.status == InvoiceStatus::Open)
    }

    /// Whether money was charged with it and none of its lines belongs to a plan.
    pub fn is_paid_for_no_plan(&self) -> bool {
        let charges = self.lines.iter().any(|line| line.amount > 0);
        let names_plan = self.lines.iter().any(|line| line.plan.is_some());
        self.status == InvoiceStatus::Paid && charges && !names_plan
    }

    /// The follow-up at Stripe after its subscription ended: an open invoice could still be paid on
    /// its page, and a late payment buys nothing.
    pub fn after_the_end(&self, subscription: &Subscription) -> Option<FollowUpTask> {
        let Issue::Subscription { invoice, .. } = &self.issue else { return None };
        if self.is_paid_late(subscription) && self.payment.is_some() {
            let left = self.gone < self.amount_paid;
            return left.then(|| FollowUpTask::RefundInvoice { invoice: invoice.clone() });
        }
        let open = self.status == InvoiceStatus::Open && subscription.status.is_over();
        open.then(|| FollowUpTask::VoidInvoices { subscription: subscription.id.clone() })
    }

    /// Whether it was paid after its subscription ended.
    fn is_paid_late(&self, subscription: &Subscription) -> bool {
        let times = subscription.ended_at.zip(self.paid_at);
        let late = times.is_some_and(|(ended_at, paid_at)| ended_at < paid_at);
        subscription.status.is_over() && self.status == InvoiceStatus::Paid && late
    }

    /// Grants the lots of its paid lines, each once, under the current state of its subscription.
    /// What was paid for a subscription or a period that has ended, or for a period that another
    /// has followed, is granted and expires at once. While the subscription gives no access but may
    /// again (`incomplete`, `unpaid`, `paused`), nothing is granted: Stripe reports the payment
    /// before the status, and the grant comes with the status. What was paid after the end is not
    /// granted but refunded ([`Invoice::after_the_end`]).
    ///
    /// # Errors
    /// When the stored balance contradicts itself.
    pub fn grant(
        &mut self,
        subscription: &Subscription,
        update: &mut AccountUpdate,
    ) -> Result<(), LedgerError> {
        if self.status != InvoiceStatus::Paid || !self.granted.is_empty() {
            return Ok(());
        }
        let mut paid: Vec<(Plan, Period, LotId)> = self.paid_lines().collect();
        let (status, now) = (subscription.status, update.now());
        let may_come = !status.gives_access() && !status.is_over();
        let waits = may_come && paid.iter().any(|(_, period, _)| now < period.ends_at);
        if waits || self.is_paid_late(subscription) {
            return Ok(());
        }
        paid.sort_by_key(|(_, period, _)| period.starts_at);
        for (plan, period, lot) in paid {
            if status.gives_access() {
                update.begin_period(plan, lot.clone(), period)?;
            } else {
                update.miss_period(plan, lot.clone(), period)?;
            }
            self.granted.push(lot);
        }
        // Its money may have been taken back while the grant waited for the status.
        if self.amount_paid > 0 && self.gone >= self.amount_paid {
            self.take_back(update)?;
        }
        Ok(())
    }

    /// Applies its payment as Stripe reports it now. Once all of it is taken back, its lots end,
    /// unlimited ones too; credits already spent stay spent, without debt. A partial refund is a
    /// courtesy and takes nothing, whatever the plan. If some of the money comes back, because a
    /// dispute was won or a refund failed, what was taken is granted again for the rest of the
    /// period.
    ///
    /// # Errors
    /// When the stored balance contradicts itself.
    pub fn settle(
        &mut self,
        payment: &Payment,
        update: &mut AccountUpdate,
    ) -> Result<(), LedgerError> {
        self.payment = Some(payment.id.clone());
        self.amount_refunded = payment.refunded;
        (self.gone, self.fees) = (payment.returned(), payment.fees);
        if payment.taken_back(1) == 0 {
            return self.give_back(update);
        }
        self.take_back(update)
    }

    /// Ends its lots after all of its payment was taken back.
    fn take_back(&mut self, update: &mut AccountUpdate) -> Result<(), LedgerError> {
        let payment = self.payment.as_ref().map_or_else(|| self.id.as_str(), PaymentId::as_str);
        let cause = format!("payment:{payment}");
        for lot in &self.granted {
            match update.end_period(&cause, lot)? {
                LotSize::Credits(taken) => self.taken_back += taken,
                LotSize::Unlimited => self.unlimited_ended = true,
            }
        }
        Ok(())
    }

    /// Reverses [`Invoice::take_back`]. That took from the lot of the latest period: earlier ones
    /// had ended with it.
    fn give_back(&mut self, update: &mut AccountUpdate) -> Result<(), LedgerError> {
        let size = match (mem::take(&mut self.unlimited_ended), mem::take(&mut self.taken_back)) {
            (true, _) => LotSize::Unlimited,
            (false, 0) => return Ok(()),
            (false, credits) => LotSize::Credits(credits),
        };
        let latest = self.paid_lines().max_by_key(|(_, period, _)| period.starts_at);
        if let Some((plan, period, lot)) = latest {
            self.granted.extend(update.resume_period((plan, period), &lot, size)?);
        }
        Ok(())
    }

    /// Reports what is new about it to the metrics: revenue by the plan of its lines, money taken
    /// back, and failed payments. What was paid from the customer's balance was revenue before, so
    /// only the amount paid counts, without its tax.
    pub fn state(&mut self, now: Timestamp) -> Vec<Fact> {
        let Issue::Subscription { invoice, .. } = &self.issue else { return Vec::new() };
        let paid = self.status == InvoiceStatus::Paid;
        let sold = if paid { share_of(self.subtotal, self.amount_paid, self.total) } else { 0 };
        let sums = PaymentSums {
            sold,
            returned: share_of(sold, self.gone, self.amount_paid),
            fees: self.fees,
            declined: self.attempts.saturating_sub(u32::from(paid)),
        };
        let plan = self.lines.iter().filter(|line| line.amount >= 0).find_map(|line| line.plan);
        self.stated.state(invoice.as_str(), Source::of_plan(plan), sums, now)
    }

    fn paid_lines(&self) -> impl Iterator<Item = (Plan, Period, LotId)> {
        // A negative line credits the unused time of the previous plan.
        self.lines.iter().filter(|line| line.amount >= 0).filter_map(|line| {
            let lot = LotId(format!("plan:{}", line.id));
            Some((line.plan?, line.period?, lot))
        })
    }
}
