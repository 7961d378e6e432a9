//! The result of a refund request, as returned to its sender.

use serde::Serialize;

use super::{IdempotencyMark, Refund, RefundState};
use crate::{
    id::PurchaseId,
    marketplace::purchase::{Purchase, PurchaseState},
    money::Money,
    time::Timestamp,
};

/// The result of a refund request, as returned to its sender.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct RefundReceipt {
    purchase_id: PurchaseId,
    /// The state of the purchase.
    #[serde(flatten)]
    state: PurchaseState,
    refund: Refunded,
    /// The total refunded, with tax.
    refunded: Money,
    /// What can still be refunded.
    refundable: Money,
}

/// One refund in a receipt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
struct Refunded {
    number: u32,
    amount: Money,
    #[serde(flatten)]
    state: RefundState,
    reason: Option<String>,
    at: Timestamp,
}

impl Purchase {
    /// The receipt of the refund with this mark, or of the latest one.
    pub fn receipt(&self, request: Option<&IdempotencyMark>) -> Option<RefundReceipt> {
        let money = |amount| Money { amount, ..self.price };
        let marked = |it: &&Refund| request.is_some() && it.request.as_ref() == request;
        let order = self.refunds.iter().find(marked).or(self.refunds.last())?;
        Some(RefundReceipt {
            purchase_id: self.id.clone(),
            state: self.state.clone(),
            refund: Refunded {
                number: order.number,
                amount: money(order.amount),
                state: order.state.clone(),
                reason: order.reason.clone(),
                at: order.at,
            },
            refunded: money(self.refunded),
            refundable: money(self.refundable()),
        })
    }
}
