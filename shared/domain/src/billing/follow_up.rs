//! What is still to be done at Stripe because of something that is already written here.
//!
//! A follow-up is noted in the transaction that finds the need for it, and carried out afterwards:
//! at once by the same caller, or by the nightly run. A process that dies in between loses nothing.
//! Each task can be repeated with the same result, so a follow-up may be carried out more than once.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::external::{StripeInvoiceId, SubscriptionId};
use crate::{account::Account, id::UserId, time::Timestamp};

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(tag = "task", rename_all = "snake_case")]
pub enum FollowUpTask {
    /// A member has two subscriptions: this one is cancelled and what was paid for it refunded.
    CancelDuplicate {
        /// The younger of the two.
        subscription: SubscriptionId,
    },
    /// A subscription is over: its open invoices are voided, because Stripe leaves them payable.
    VoidInvoices {
        /// The one that is over.
        subscription: SubscriptionId,
    },
    /// An invoice was paid after its subscription was over: the payment is refunded.
    RefundInvoice {
        /// The one that was paid.
        invoice: StripeInvoiceId,
    },
    /// A member is banned without an end: their subscription is set to end with its period.
    StopRenewal,
    /// A member's address changed: their customer at Stripe gets it.
    UpdateCustomer,
}

/// One task for one member. There is at most one for the same thing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FollowUp {
    /// OwnerRef subscription, invoice or customer it is about.
    pub user_id: UserId,
    /// What is to be done.
    #[serde(flatten)]
    pub task: FollowUpTask,
    /// When it was noted last.
    pub noted_at: Timestamp,
    /// When it was done, if it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub done_at: Option<Timestamp>,
}

impl FollowUp {
    /// A task that is noted now.
    pub fn new(user_id: UserId, task: FollowUpTask, noted_at: Timestamp) -> FollowUp {
        FollowUp { user_id, task, noted_at, done_at: None }
    }

    /// What a change of an account makes necessary at Stripe.
    pub fn of_change(before: &Account, after: &Account, now: Timestamp) -> Vec<FollowUp> {
        let mut tasks = Vec::new();
        if after.standing.is_for_good() && !before.standing.is_for_good() {
            tasks.push(FollowUpTask::StopRenewal);
        }
        // A new account has no customer yet, who is made with the address of then.
        if before.version > 0 && after.email.is_some() && after.email != before.email {
            tasks.push(FollowUpTask::UpdateCustomer);
        }
        let noted = |task| FollowUp::new(after.user_id.clone(), task, now);
        tasks.into_iter().map(noted).collect()
    }
}

impl fmt::Display for FollowUpTask {
    /// A name that is unique for a member: `cancel_duplicate#sub_1`.
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
