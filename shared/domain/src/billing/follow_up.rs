//! Tasks at Stripe that follow from what is already stored here.
//!
//! A follow-up is recorded in the transaction that creates the need for it and carried out
//! afterwards, at once by the same caller or by the nightly run. So nothing is lost if a process
//! dies in between. Each task is idempotent, so a follow-up may be carried out more than once.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::external::{StripeInvoiceId, SubscriptionId};
use crate::{id::UserId, time::Timestamp};

/// The task to carry out.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(tag = "task", rename_all = "snake_case")]
pub enum FollowUpTask {
    /// A member has two subscriptions: cancel this one and refund its payments.
    CancelDuplicate {
        /// The younger of the two.
        subscription: SubscriptionId,
    },
    /// A subscription ended: void its open invoices, because Stripe leaves them payable.
    VoidInvoices {
        /// The ended subscription.
        subscription: SubscriptionId,
    },
    /// An invoice was paid after its subscription ended: refund the payment.
    RefundInvoice {
        /// The invoice.
        invoice: StripeInvoiceId,
    },
    /// A member is permanently banned: set their subscription to cancel at the end of its period.
    StopRenewal,
    /// A member's e-mail address changed: update their customer at Stripe.
    UpdateCustomer,
}

/// One task for one member. Each task is unique per subject.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FollowUp {
    /// The member whose subscription, invoice or customer it concerns.
    pub user_id: UserId,
    /// The task.
    #[serde(flatten)]
    pub task: FollowUpTask,
    /// When it was last recorded.
    pub noted_at: Timestamp,
    /// When it was carried out, if it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub done_at: Option<Timestamp>,
}

impl FollowUp {
    /// A new task.
    pub fn new(user_id: UserId, task: FollowUpTask, noted_at: Timestamp) -> FollowUp {
        FollowUp { user_id, task, noted_at, done_at: None }
    }
}

impl fmt::Display for FollowUpTask {
    /// The task's key, unique per member: `cancel_duplicate#sub_1`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            FollowUpTask::CancelDuplicate { subscription } => {
                write!(f, "cancel_duplicate#{subscription}")
            }
            FollowUpTask::VoidInvoices { subscription } => {
                write!(f, "void_invoices#{subscription}")
            }
            FollowUpTask::RefundInvoice { invoice } => write!(f, "refund_invoice#{invoice}"),
            FollowUpTask::StopRenewal => f.write_str("stop_renewal"),
            FollowUpTask::UpdateCustomer => f.write_str("update_customer"),
        }
    }
}
