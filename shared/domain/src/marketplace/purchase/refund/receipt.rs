//! Refunds as their buyer and staff see them.

use serde::Serialize;

use super::{IdempotencyMark, Refund, RefundState, RefundStatus};
use crate::{
    id::PurchaseId,
    marketplace::purchase::{Purchase, PurchaseStatus},
    money::Money,
    time::Timestamp,
};

/// The result of a refund that staff decided on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct RefundReceipt {
    purchase_id: PurchaseId,
    /// The state of the purchase.
    status: PurchaseStatus,
    refund: RefundView,
    /// The total refunded, with tax.
    refunded: Money,
    /// What can still be refunded.
    refundable: Money,
}

/// One refund of a purchase.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct RefundView {
    /// Its number within the purchase: 1, 2, …
    number: u32,
    /// With tax.
    amount: Money,
    status: RefundStatus,
    /// Stripe's code for why it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    failure_code: Option<String>,
    /// The reason, in the words of who decided on it.
    reason: Option<String>,
    created_at: Timestamp,
}

impl Purchase {
    /// The receipt of the refund with this mark, or of the latest one.
    pub fn receipt(&self, request: Option<&IdempotencyMark>) -> Option<RefundReceipt> {
        let money = |amount| Money { amount, ..self.price };
        let marked = |it: &&Refund| request.is_some() && it.request.as_ref() == request;
        let order = self.refunds.iter().find(marked).or(self.refunds.last())?;
        Some(RefundReceipt {
            purchase_id: self.id.clone(),
            status: self.status(),
            refund: self.refund_view(order),
            refunded: money(self.money_back()),
            refundable: money(self.refundable()),
        })
    }

    /// Its refunds, oldest first.
    pub fn refund_views(&self) -> Vec<RefundView> {
        self.refunds.iter().map(|it| self.refund_view(it)).collect()
    }

    fn refund_view(&self, order: &Refund) -> RefundView {
        let failure_code = match &order.state {
            RefundState::Failed { code } => Some(code.clone()),
            RefundState::Asked | RefundState::Done => None,
        };
        RefundView {
            number: order.number,
            amount: Money { amount: order.amount, ..self.price },
            status: RefundStatus::from(&order.state),
            failure_code,
            reason: order.reason.clone(),
            created_at: order.at,
        }
    }
}
