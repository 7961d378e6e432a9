//! A payment as Stripe reports it: the amount paid, and how much of it was refunded or disputed.

use serde::{Deserialize, Serialize};

use super::external::{ChargeId, CustomerId, PaymentId};
use crate::{
    id::{OrderId, PurchaseId, UserId},
    money::Money,
};

/// The state of a payment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum PaymentState {
    /// Undecided: a bank debit is processing, or a card requires authentication.
    Pending,
    /// It was paid.
    Succeeded,
    /// This attempt failed for good.
    Failed {
        /// Stripe's code, such as `card_declined` or `authentication_required`.
        code: String,
    },
}

/// A payment in its current state, refunds and disputes included.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Payment {
    /// Stripe's PaymentIntent.
    pub id: PaymentId,
    /// Its latest charge.
    pub charge: Option<ChargeId>,
    /// The Stripe customer who was charged.
    pub customer: Option<CustomerId>,
    /// The member who was charged, from our metadata.
    pub user: Option<UserId>,
    /// The pack order, from our metadata; absent in a subscription's payment.
    pub order: Option<OrderId>,
    /// The listing purchase, from our metadata.
    pub purchase: Option<PurchaseId>,
    /// The card's fingerprint, if a card was charged.
    pub fingerprint: Option<String>,
    /// Its state.
    pub state: PaymentState,
    /// The amount paid, with tax.
    pub amount: Money,
    /// The total refunded, in minor units; failed refunds do not count.
    pub refunded: i64,
    /// The amount withdrawn by disputes and not returned, in minor units, without fees. May exceed
    /// the payment.
    pub withdrawn: i64,
    /// Whether a dispute is open.
    pub disputed: bool,
    /// Stripe's fees for the charge and its disputes, in minor units. Stripe keeps the charge's fee
    /// when it is refunded.
    pub fees: i64,
}

impl Payment {
    /// How many of `credits` are no longer paid for: the same share as was taken back of the money,
    /// rounded down, at most all.
    pub fn taken_back(&self, credits: u32) -> u32 {
        let share = share_of(i64::from(credits), self.returned(), self.amount.amount);
        u32::try_from(share).unwrap_or(credits)
    }

    /// The amount taken back by refunds and disputes, in minor units, at most the amount paid.
    pub fn returned(&self) -> i64 {
        let gone = self.refunded.max(0).saturating_add(self.withdrawn.max(0));
        gone.min(self.amount.amount)
    }
}

/// The share of `whole` that `gone` is of `paid`, rounded down; zero if nothing was paid.
pub(crate) fn share_of(whole: i64, gone: i64, paid: i64) -> i64 {
    if paid <= 0 {
        return 0;
    }
    i64::try_from(i128::from(whole) * i128::from(gone) / i128::from(paid)).unwrap_or(whole)
}
