//! The receipt of a purchase, beside the invoices of plans and the receipts of packs.
//!
//! It is derived from the purchase whenever it is read, so that it states every refund, and
//! purchases from before there were receipts have one too.

use super::Purchase;
use crate::{
    billing::{
        invoice::{Invoice, Issue},
        receipt::PaidSale,
    },
    id::InvoiceId,
};

impl Purchase {
    /// The id of its receipt; `None` if nothing was paid.
    pub fn invoice_id(&self) -> Option<InvoiceId> {
        self.paid.filter(|paid| paid.amount > 0).map(|_| InvoiceId::of_purchase(&self.id))
    }

    /// Our receipt for what was paid, to `bill_to`; `None` if nothing was paid. We are the seller, not
    /// the creator.
    pub fn invoice(&self, bill_to: Option<&str>) -> Option<Invoice> {
        let (id, paid, paid_at) = (self.invoice_id()?, self.paid?, self.paid_at?);
        let sale = PaidSale {
            user_id: self.buyer_id.clone(),
            issue: Issue::Purchase { purchase: self.id.clone() },
            sold_id: self.id.to_string(),
            description: format!("{} (version {})", self.title, self.revision),
            price: self.price.amount,
            paid,
            refunded: self.money_back(),
            payment: self.payment.clone(),
            lot: None,
            taken_back: 0,
            created_at: self.created_at,
            paid_at,
        };
        Some(Invoice::of_sale(sale, id, bill_to))
    }
}
