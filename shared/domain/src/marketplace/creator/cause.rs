//! Why a creator's money moved.
//!
//! A cause is a part of the keys of its journal's postings, so its text never changes and no two
//! events of a creator have the same one. Requests to Stripe that move the same money have it as
//! their idempotency key.

use std::{fmt, str::FromStr};

use crate::{
    billing::external::PaymentId,
    id::{PayoutId, PurchaseId},
};

/// The event that moved money of a creator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cause {
    /// A purchase was paid.
    Payment(PaymentId),
    /// Money of a payment went back to the buyer, or returned.
    PaymentChange {
        /// The payment.
        payment: PaymentId,
        /// The number of the change within the purchase: 1, 2, …
        number: u32,
        /// What changed; `None` if refunds and disputes changed at once, or neither did.
        change: Option<PaymentChange>,
    },
    /// Held sales became payable; the first of them names the event, because a sale is released
    /// once.
    Release(PurchaseId),
    /// The sharer of a purchase was rewarded.
    Reward {
        /// The purchase.
        purchase: PurchaseId,
        /// How often its reward was reversed before.
        reversals: u32,
    },
    /// A granted reward was reversed.
    RewardReversal {
        /// The purchase.
        purchase: PurchaseId,
        /// How often its reward was reversed before.
        reversals: u32,
    },
    /// A part of a transfer was reversed, because a sale was taken back after it was paid out.
    TransferReversal {
        /// The purchase.
        purchase: PurchaseId,
        /// The number of the reversal within the sale.
        number: u32,
    },
    /// A payout advanced.
    Payout(PayoutId, PayoutMove),
}

/// How a payment changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PaymentChange {
    /// A part was refunded.
    Refund,
    /// A refund failed.
    RefundFailed,
    /// A dispute withdrew a part.
    Dispute,
    /// A dispute returned a part.
    DisputeReturned,
}

/// How a payout moves money.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PayoutMove {
    /// Sales are added, in the batch of this number.
    Collected(u32),
    /// Debt is offset.
    Planned,
    /// The transfer is made.
    Sent,
    /// The rest of the transfer is reversed.
    Returned,
    /// The offset of debt is undone.
    Unsettled,
    /// Sales are detached, in the batch of this number.
    Detached(u32),
}

/// A text that is no [`Cause`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not the cause of a journal")]
pub struct UnknownCause(String);

impl PaymentChange {
    /// Every change.
    pub const ALL: [PaymentChange; 4] = [
        PaymentChange::Refund,
        PaymentChange::RefundFailed,
        PaymentChange::Dispute,
        PaymentChange::DisputeReturned,
    ];

    const fn as_str(self) -> &'static str {
        match self {
            PaymentChange::Refund => "refund",
            PaymentChange::RefundFailed => "refund_failed",
            PaymentChange::Dispute => "dispute",
            PaymentChange::DisputeReturned => "dispute_returned",
        }
    }

    fn parse(text: &str) -> Option<PaymentChange> {
        PaymentChange::ALL.into_iter().find(|change| change.as_str() == text)
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Cause::Payment(payment) => write!(f, "payment:{payment}"),
            Cause::PaymentChange { payment, number, change } => {
                write!(f, "payment:{payment}:{number}")?;
                change.iter().try_for_each(|change| write!(f, ":{}", change.as_str()))
            }
            Cause::Release(purchase) => write!(f, "release:{purchase}"),
            Cause::Reward { purchase, reversals: 0 } => write!(f, "reward:{purchase}"),
            Cause::Reward { purchase, reversals } => write!(f, "reward:{purchase}:{reversals}"),
            Cause::RewardReversal { purchase, reversals } => {
                let (purchase, reversals) = (purchase.clone(), *reversals);
                write!(f, "{}:reversed", Cause::Reward { purchase, reversals })
            }
            Cause::TransferReversal { purchase, number } => {
                write!(f, "purchase:{purchase}:reversal:{number}")
            }
            Cause::Payout(payout, step) => write!(f, "payout:{payout}:{step}"),
        }
    }
}

impl fmt::Display for PayoutMove {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PayoutMove::Collected(batch) => write!(f, "in:{batch}"),
            PayoutMove::Planned => f.write_str("plan"),
            PayoutMove::Sent => f.write_str("sent"),
            PayoutMove::Returned => f.write_str("returned"),
            PayoutMove::Unsettled => f.write_str("unsettled"),
            PayoutMove::Detached(batch) => write!(f, "out:{batch}"),
        }
    }
}

impl FromStr for Cause {
    type Err = UnknownCause;

    fn from_str(text: &str) -> Result<Cause, UnknownCause> {
        // Only the text that is written is read: no `01` for a number.
        let written = |cause: &Cause| cause.to_string() == text;
        parse(text).filter(written).ok_or_else(|| UnknownCause(text.to_owned()))
    }
}

fn parse(text: &str) -> Option<Cause> {
    let number = |text: &str| text.parse::<u32>().ok();
    let purchase = |text: &str| PurchaseId::parse(text).ok();
    let change = |id: &str, at: &str, change| {
        Some(Cause::PaymentChange {
            payment: PaymentId::parse(id).ok()?,
            number: number(at)?,
            change,
        })
    };
    let reward = |id: &str, reversals| Some(Cause::Reward { purchase: purchase(id)?, reversals });
    let reversed =
        |id: &str, reversals| Some(Cause::RewardReversal { purchase: purchase(id)?, reversals });
    let payout = |id: &str, step| Some(Cause::Payout(PayoutId::parse(id).ok()?, step));
    match text.split(':').collect::<Vec<_>>().as_slice() {
        ["payment", id] => Some(Cause::Payment(PaymentId::parse(id).ok()?)),
        ["payment", id, at] => change(id, at, None),
        ["payment", id, at, what] => change(id, at, Some(PaymentChange::parse(what)?)),
        ["release", id] => Some(Cause::Release(purchase(id)?)),
        ["reward", id] => reward(id, 0),
        ["reward", id, "reversed"] => reversed(id, 0),
        ["reward", id, times] => reward(id, number(times)?),
        ["reward", id, times, "reversed"] => reversed(id, number(times)?),
        ["purchase", id, "reversal", at] => {
            Some(Cause::TransferReversal { purchase: purchase(id)?, number: number(at)? })
        }
        ["payout", id, "in", batch] => payout(id, PayoutMove::Collected(number(batch)?)),
        ["payout", id, "plan"] => payout(id, PayoutMove::Planned),
        ["payout", id, "sent"] => payout(id, PayoutMove::Sent),
        ["payout", id, "returned"] => payout(id, PayoutMove::Returned),
        ["payout", id, "unsettled"] => payout(id, PayoutMove::Unsettled),
        ["payout", id, "out", batch] => payout(id, PayoutMove::Detached(number(batch)?)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Timestamp;

    #[test]
    fn every_cause_is_read_from_the_text_that_is_stored() {
        let payment = || PaymentId::parse("pi_1").unwrap();
        let purchase = || PurchaseId::new(Timestamp::from_secs(0), 1);
        let payout = |step| Cause::Payout(PayoutId::new(Timestamp::from_secs(0), 1), step);
        let changed = |change| Cause::PaymentChange { payment: payment(), number: 2, change };
        let (bought, paid_out) =
            ("pur_00000000000000000000000001", "pay_00000000000000000000000001");
        for (cause, text) in [
            (Cause::Payment(payment()), "payment:pi_1".to_owned()),
            (changed(None), "payment:pi_1:2".to_owned()),
            (changed(Some(PaymentChange::Refund)), "payment:pi_1:2:refund".to_owned()),
            (changed(Some(PaymentChange::RefundFailed)), "payment:pi_1:2:refund_failed".to_owned()),
            (changed(Some(PaymentChange::Dispute)), "payment:pi_1:2:dispute".to_owned()),
            (
                changed(Some(PaymentChange::DisputeReturned)),
                "payment:pi_1:2:dispute_returned".to_owned(),
            ),
            (Cause::Release(purchase()), format!("release:{bought}")),
            (Cause::Reward { purchase: purchase(), reversals: 0 }, format!("reward:{bought}")),
            (Cause::Reward { purchase: purchase(), reversals: 3 }, format!("reward:{bought}:3")),
            (
                Cause::RewardReversal { purchase: purchase(), reversals: 0 },
                format!("reward:{bought}:reversed"),
            ),
            (
                Cause::RewardReversal { purchase: purchase(), reversals: 3 },
                format!("reward:{bought}:3:reversed"),
            ),
            (
                Cause::TransferReversal { purchase: purchase(), number: 1 },
                format!("purchase:{bought}:reversal:1"),
            ),
            (payout(PayoutMove::Collected(1)), format!("payout:{paid_out}:in:1")),
            (payout(PayoutMove::Planned), format!("payout:{paid_out}:plan")),
            (payout(PayoutMove::Sent), format!("payout:{paid_out}:sent")),
            (payout(PayoutMove::Returned), format!("payout:{paid_out}:returned")),
            (payout(PayoutMove::Unsettled), format!("payout:{paid_out}:unsettled")),
            (payout(PayoutMove::Detached(2)), format!("payout:{paid_out}:out:2")),
        ] {
            assert_eq!(cause.to_string(), text);
            assert_eq!(text.parse(), Ok(cause));
        }
    }

    #[test]
    fn another_text_is_refused_by_its_name() {
        for text in ["", "payment:", "payment:pi_1:02", "payment:pi_1:1:gift", "payout:pay_1:sent"]
        {
            let refused = text.parse::<Cause>().unwrap_err();
            assert_eq!(refused.to_string(), format!("{text:?} is not the cause of a journal"));
        }
    }
}
