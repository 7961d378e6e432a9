//! The receipt of a purchase, beside the invoices of plans and the receipts of packs.
//!
//! It is derived from the purchase whenever it is read, so that it states every refund, and
//! purchases from before there were receipts have one too.

use super::Purchase;
use crate::{
    billing::invoice::{Invoice, InvoiceLine, InvoiceStatus, Issue},
    id::InvoiceId,
    metrics::Reported,
};

impl Purchase {
    /// The id of its receipt; `None` if nothing was paid.
    pub fn invoice_id(&self) -> Option<InvoiceId> {
        self.paid.filter(|paid| paid.amount > 0).map(|_| InvoiceId::of_purchase(&self.id))
    }

    /// Our receipt for what was paid, to `bill_to`; `None` if nothing was paid. Whoever created the
    /// listing, we sell it.
    pub fn invoice(&self, bill_to: Option<&str>) -> Option<Invoice> {
        let (id, paid, paid_at) = (self.invoice_id()?, self.paid?, self.paid_at?);
        let price = self.price.amount.min(paid.amount);
        let tail = self.id.as_str().len().saturating_sub(10);
        Some(Invoice {
            id,
            user_id: self.buyer_id.clone(),
            issue: Issue::Purchase { purchase: self.id.clone() },
            number: Some(format!("PL-{}", &self.id.as_str()[tail..])),
            status: InvoiceStatus::Paid,
            currency: paid.currency,
            subtotal: price,
            tax: paid.amount - price,
            total: paid.amount,
            amount_paid: paid.amount,
            amount_due: 0,
            amount_refunded: self.money_back(),
            bill_to: bill_to.map(str::to_owned),
            period: None,
            lines: vec![InvoiceLine {
                id: self.id.to_string(),
                description: format!("{} (version {})", self.title, self.revision),
                quantity: 1,
                amount: price,
                period: None,
                plan: None,
            }],
            hosted_url: None,
            pdf_url: None,
            payment: self.payment.clone(),
            attempts: 1,
            next_attempt_at: None,
            created_at: self.created_at,
            paid_at: Some(paid_at),
            granted: Vec::new(),
            taken_back: 0,
            unlimited_ended: false,
            gone: 0,
            fees: 0,
            stated: Reported::default(),
        })
    }
}
