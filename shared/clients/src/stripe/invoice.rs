//! Invoices in their current state, and our ids of them.

use domain::{
    Timestamp,
    billing::{
        external::{CustomerId, PaymentId, StripeInvoiceId, SubscriptionId},
        invoice::{Invoice, InvoiceLine, InvoiceStatus, Issue, LINES_MAX},
        order::PackOrder,
    },
    id::{InvoiceId, UserId},
    metrics::Reported,
    money::Currency,
    time::Period,
};
use serde::Serialize;
use sha2::{Digest, Sha256};
use stripe_billing::{
    invoice::{ListInvoice, RetrieveInvoice, VoidInvoiceInvoice},
    invoice_payment::{
        ListInvoicePayment, ListInvoicePaymentPayment, ListInvoicePaymentPaymentType,
    },
};
use stripe_client_core::{RequestBuilder, StripeMethod, StripeRequest};
use stripe_shared::{
    BillingBillResourceInvoicingParentsInvoiceSubscriptionParent as SubscriptionParent,
    Invoice as Answer, InvoiceLineItem, InvoiceStatus as AnswerStatus,
};
use stripe_types::List;

use super::{PAGE_SIZE, Stripe, StripeError, catalogue::Prices, read, transport::fresh_key};

/// An invoice in its current state. Amounts are in minor units of `currency`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvoiceNow {
    /// Stripe's id.
    pub id: StripeInvoiceId,
    /// The paying customer.
    pub customer: CustomerId,
    /// The member, from the metadata of the subscription.
    pub user: Option<UserId>,
    /// The subscription it is for, if any.
    pub subscription: Option<SubscriptionId>,
    /// Its number for people.
    pub number: Option<String>,
    /// Its status.
    pub status: InvoiceStatus,
    /// The currency of every amount here.
    pub currency: Currency,
    /// Before tax, after discounts.
    pub subtotal: i64,
    /// Tax included in `total`.
    pub tax: i64,
    /// The amount charged.
    pub total: i64,
    /// The amount paid.
    pub amount_paid: i64,
    /// The amount still due; zero for a voided invoice.
    pub amount_due: i64,
    /// The addressee.
    pub bill_to: Option<String>,
    /// At most [`LINES_MAX`], in their order.
    pub lines: Vec<InvoiceLine>,
    /// The URL of Stripe's page.
    pub hosted_url: Option<String>,
    /// The URL of Stripe's PDF.
    pub pdf_url: Option<String>,
    /// The payment that was made, or is to be made.
    pub payment: Option<PaymentId>,
    /// Number of payment attempts.
    pub attempts: u32,
    /// When Stripe retries.
    pub next_attempt_at: Option<Timestamp>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was paid.
    pub paid_at: Option<Timestamp>,
}

impl InvoiceNow {
    /// The invoice as we store it, before [`Invoice::after`] adds our own data.
    pub fn of(self, user: UserId) -> Invoice {
        let plans = self.lines.iter().filter(|line| line.plan.is_some() && line.amount >= 0);
        let period = plans.filter_map(|line| line.period).max_by_key(|period| period.ends_at);
        Invoice {
            id: invoice_id(self.created_at, &self.id),
            user_id: user,
            issue: Issue::Subscription { invoice: self.id, subscription: self.subscription },
            number: self.number,
            status: self.status,
            currency: self.currency,
            subtotal: self.subtotal,
            tax: self.tax,
            total: self.total,
            amount_paid: self.amount_paid,
            amount_due: self.amount_due,
            amount_refunded: 0,
            bill_to: self.bill_to,
            period,
            lines: self.lines,
            hosted_url: self.hosted_url,
            pdf_url: self.pdf_url,
            payment: self.payment,
            attempts: self.attempts,
            next_attempt_at: self.next_attempt_at,
            created_at: self.created_at,
            paid_at: self.paid_at,
            granted: Vec::new(),
            taken_back: 0,
            unlimited_ended: false,
            gone: 0,
            fees: 0,
            stated: Reported::default(),
        }
    }
}

/// An invoice and its payment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PaidBy {
    /// Stripe's id of the invoice.
    pub invoice: StripeInvoiceId,
    /// The payment; an invoice that was paid from the customer's balance has none.
    pub payment: Option<PaymentId>,
}

/// Our id of a Stripe invoice: deterministic, and sorted by creation time.
pub fn invoice_id(created: Timestamp, invoice: &StripeInvoiceId) -> InvoiceId {
    id_of(created, invoice.as_str())
}

/// The id of the receipt of an order: deterministic, and sorted by order time.
pub fn receipt_id(order: &PackOrder) -> InvoiceId {
    id_of(order.created_at, order.id.as_str())
}

fn id_of(created: Timestamp, name: &str) -> InvoiceId {
    let digest = Sha256::digest(name.as_bytes());
    let first = digest.iter().take(16).fold(0_u128, |sum, byte| sum << 8 | u128::from(*byte));
    InvoiceId::new(created, first)
}

impl Stripe {
    /// An invoice in its current state.
    ///
    /// # Errors
    /// See [`StripeError`].
    pub async fn invoice(&self, id: &StripeInvoiceId) -> Result<InvoiceNow, StripeError> {
        let request = RetrieveInvoice::new(id.as_str()).expand(vec!["payments".to_owned()]);
        let mut found = self.transport.ask("retrieve an invoice", request.customize()).await?;
        if found.lines.has_more {
            found.lines = self.lines(id).await?;
        }
        let prices = self.catalogue.prices(&self.transport).await?;
        reading(id, found, &prices)
    }

    /// The invoices of a subscription in this state, newest first: at most a page.
    ///
    /// # Errors
    /// See [`StripeError`].
    pub async fn invoices_of(
        &self,
        subscription: &SubscriptionId,
        status: InvoiceStatus,
    ) -> Result<Vec<PaidBy>, StripeError> {
        let request = ListInvoice::new()
            .subscription(subscription.as_str())
            .status(answer_status(status))
            .limit(PAGE_SIZE)
            .expand(["data.payments".to_owned()]);
        let found = self.transport.ask("list a subscription's invoices", request.customize());
        let read = |invoice: &Answer| {
            let id = invoice.id.as_ref().map(|id| id.as_str()).unwrap_or_default();
            let id = read::id(StripeInvoiceId::parse(id))?;
            Ok(PaidBy { invoice: id, payment: payment_of(invoice)? })
        };
        found.await?.data.iter().map(read).collect()
    }

    /// Voids an invoice, so that it can no longer be paid. One that is not open is unchanged.
    ///
    /// # Errors
    /// See [`StripeError`]; refused while a payment of it is in progress.
    pub async fn void_invoice(&self, id: &StripeInvoiceId) -> Result<(), StripeError> {
        let request = VoidInvoiceInvoice::new(id.as_str());
        // A repeat is safe, and a reused key would only replay an old refusal.
        let key = fresh_key("void");
        match self.transport.act("void an invoice", request.customize(), &key).await {
            Ok(_) => Ok(()),
            Err(refused @ StripeError::Refused { .. }) => match self.invoice(id).await?.status {
                InvoiceStatus::Open => Err(refused),
                InvoiceStatus::Draft
                | InvoiceStatus::Paid
                | InvoiceStatus::Void
                | InvoiceStatus::Uncollectible => Ok(()),
            },
            Err(error) => Err(error),
        }
    }

    /// The invoice of a payment; `None` when it pays no invoice.
    ///
    /// # Errors
    /// See [`StripeError`].
    pub async fn invoice_of_payment(
        &self,
        payment: &PaymentId,
    ) -> Result<Option<StripeInvoiceId>, StripeError> {
        let mut wanted =
            ListInvoicePaymentPayment::new(ListInvoicePaymentPaymentType::PaymentIntent);
        wanted.payment_intent = Some(payment.to_string());
        let request = ListInvoicePayment::new().payment(wanted).limit(1);
        let found = self.transport.ask("list invoice payments", request.customize()).await?;
        let invoice = found.data.first().and_then(|payment| payment.invoice.id().as_ref());
        invoice.map(|id| read::id(StripeInvoiceId::parse(id))).transpose()
    }

    /// All lines, up to our limit, of an invoice that includes only some of them.
    async fn lines(&self, id: &StripeInvoiceId) -> Result<List<InvoiceLineItem>, StripeError> {
        #[derive(Serialize)]
        struct Wanted {
            limit: usize,
        }
        let request = RequestBuilder::new(StripeMethod::Get, format!("/invoices/{id}/lines"))
            .query(&Wanted { limit: LINES_MAX });
        self.transport.ask("list an invoice's lines", request.customize()).await
    }
}

fn reading(
    id: &StripeInvoiceId,
    found: Answer,
    prices: &Prices,
) -> Result<InvoiceNow, StripeError> {
    let status = status_of(found.status.as_ref());
    let tax = tax_in(&found);
    let parent = found.parent.as_ref().and_then(|parent| parent.subscription_details.as_ref());
    let customer = found.customer.as_ref().ok_or_else(|| {
        StripeError::unknown(format!("retrieve an invoice: {id} has no customer"))
    })?;
    Ok(InvoiceNow {
        id: id.clone(),
        customer: read::id(CustomerId::parse(customer.id()))?,
        user: parent.and_then(|parent| read::user(parent.metadata.as_ref())),
        subscription: parent.map(subscription_of).transpose()?,
        status,
        currency: read::currency(&found.currency)?,
        subtotal: found.total - tax,
        tax,
        total: found.total,
        amount_paid: found.amount_paid,
        amount_due: match status {
            InvoiceStatus::Void => 0,
            InvoiceStatus::Draft
            | InvoiceStatus::Open
            | InvoiceStatus::Paid
            | InvoiceStatus::Uncollectible => found.amount_remaining,
        },
        payment: payment_of(&found)?,
        lines: found.lines.data.iter().take(LINES_MAX).map(|line| line_of(line, prices)).collect(),
        number: found.number,
        bill_to: found.customer_name.or(found.customer_email),
        hosted_url: found.hosted_invoice_url,
        pdf_url: found.invoice_pdf,
        attempts: u32::try_from(found.attempt_count).unwrap_or(u32::MAX),
        next_attempt_at: found.next_payment_attempt.map(read::time),
        created_at: read::time(found.created),
        paid_at: found.status_transitions.paid_at.map(read::time),
    })
}

fn tax_in(found: &Answer) -> i64 {
    match found.total_excluding_tax {
        Some(before_tax) => found.total - before_tax,
        None => found.total_taxes.iter().flatten().map(|tax| tax.amount).sum(),
    }
}

fn subscription_of(parent: &SubscriptionParent) -> Result<SubscriptionId, StripeError> {
    read::id(SubscriptionId::parse(parent.subscription.id()))
}

/// The payment that was made, else the one that is to be made.
fn payment_of(found: &Answer) -> Result<Option<PaymentId>, StripeError> {
    let payments = found.payments.iter().flat_map(|list| &list.data);
    let mut ranked: Vec<_> = payments
        .filter_map(|it| {
            Some((it.status != "paid", !it.is_default, it.payment.payment_intent.as_ref()?))
        })
        .collect();
    ranked.sort_by_key(|(unpaid, other, _)| (*unpaid, *other));
    let best = ranked.first().map(|(_, _, intent)| PaymentId::parse(intent.id()));
    best.map(read::id).transpose()
}

fn line_of(line: &InvoiceLineItem, prices: &Prices) -> InvoiceLine {
    let details = line.pricing.as_ref().and_then(|pricing| pricing.price_details.as_ref());
    InvoiceLine {
        id: line.id.to_string(),
        description: line.description.clone().unwrap_or_default(),
        quantity: line.quantity.map_or(1, |count| u32::try_from(count).unwrap_or(u32::MAX)),
        amount: line.amount,
        period: Some(Period {
            starts_at: read::time(line.period.start),
            ends_at: read::time(line.period.end),
        })
        .filter(|period| period.starts_at < period.ends_at),
        plan: details.and_then(|details| prices.plan_of(&details.product)),
    }
}

fn answer_status(status: InvoiceStatus) -> AnswerStatus {
    match status {
        InvoiceStatus::Draft => AnswerStatus::Draft,
        InvoiceStatus::Open => AnswerStatus::Open,
        InvoiceStatus::Paid => AnswerStatus::Paid,
        InvoiceStatus::Void => AnswerStatus::Void,
        InvoiceStatus::Uncollectible => AnswerStatus::Uncollectible,
    }
}

/// An unknown status counts as unpaid: it grants nothing.
fn status_of(status: Option<&AnswerStatus>) -> InvoiceStatus {
    match status {
        Some(AnswerStatus::Draft) | None => InvoiceStatus::Draft,
        Some(AnswerStatus::Paid) => InvoiceStatus::Paid,
        Some(AnswerStatus::Uncollectible) => InvoiceStatus::Uncollectible,
        Some(AnswerStatus::Void) => InvoiceStatus::Void,
        Some(AnswerStatus::Open | AnswerStatus::Unknown(_) | _) => InvoiceStatus::Open,
    }
}
