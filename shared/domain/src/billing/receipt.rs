//! Receipts: our invoices of what is sold once, a pack or a listing, and paid when they are issued.

use super::{
    external::PaymentId,
    invoice::{Invoice, InvoiceLine, InvoiceStatus, Issue},
    order::PackOrder,
};
use crate::{
    credits::LotId,
    id::{InvoiceId, UserId},
    metrics::Reported,
    money::Money,
    time::Timestamp,
};

/// What a receipt states. Amounts are in minor units of the currency of `paid`.
#[derive(Debug)]
pub struct PaidSale {
    /// The buyer.
    pub user_id: UserId,
    /// The document.
    pub issue: Issue,
    /// Our id of what was sold; the end of it is the number of the receipt.
    pub sold_id: String,
    /// The description for the buyer.
    pub description: String,
    /// The price before tax.
    pub price: i64,
    /// What was paid, tax included.
    pub paid: Money,
    /// What was refunded.
    pub refunded: i64,
    /// Its payment.
    pub payment: Option<PaymentId>,
    /// The lot it granted, if it grants one.
    pub lot: Option<LotId>,
    /// Credits revoked because the payment was taken back.
    pub taken_back: u32,
    /// When it was ordered.
    pub created_at: Timestamp,
    /// When it was paid.
    pub paid_at: Timestamp,
}

impl Invoice {
    /// The receipt of a sale, to `bill_to`.
    pub fn of_sale(sale: PaidSale, id: InvoiceId, bill_to: Option<&str>) -> Invoice {
        let price = sale.price.min(sale.paid.amount);
        let tail = sale.sold_id.len().saturating_sub(10);
        Invoice {
            id,
            user_id: sale.user_id,
            issue: sale.issue,
            number: Some(format!("PL-{}", &sale.sold_id[tail..])),
            status: InvoiceStatus::Paid,
            currency: sale.paid.currency,
            subtotal: price,
            tax: sale.paid.amount - price,
            total: sale.paid.amount,
            amount_paid: sale.paid.amount,
            amount_due: 0,
            amount_refunded: sale.refunded,
            bill_to: bill_to.map(str::to_owned),
            period: None,
            lines: vec![InvoiceLine {
                id: sale.sold_id,
                description: sale.description,
                quantity: 1,
                amount: price,
                period: None,
                plan: None,
            }],
            hosted_url: None,
            pdf_url: None,
            payment: sale.payment,
            attempts: 1,
            next_attempt_at: None,
            created_at: sale.created_at,
            paid_at: Some(sale.paid_at),
            granted: sale.lot.into_iter().collect(),
            taken_back: sale.taken_back,
            unlimited_ended: false,
            gone: 0,
            fees: 0,
            stated: Reported::default(),
        }
    }

    /// The receipt of a pack order; `None` if it is not paid.
    pub fn receipt(order: &PackOrder, id: InvoiceId, bill_to: Option<&str>) -> Option<Invoice> {
        let (paid, paid_at) = (order.paid?, order.paid_at?);
        let pack = order.sold();
        let sale = PaidSale {
            user_id: order.user_id.clone(),
            issue: Issue::Pack { order: order.id.clone() },
            sold_id: order.id.to_string(),
            description: format!("Pack of {}", pack.name),
            price: i64::from(pack.price_cents),
            paid,
            refunded: order.refunded,
            payment: order.payment.clone(),
            lot: order.lot.clone(),
            taken_back: order.taken_back,
            created_at: order.created_at,
            paid_at,
        };
        Some(Invoice::of_sale(sale, id, bill_to))
    }
}
