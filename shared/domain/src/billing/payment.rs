//! A payment, as Stripe says it is: what was paid, and what of it was taken back.

use serde::{Deserialize, Serialize};

use super::external::{ChargeId, CustomerId, PaymentId};
use crate::{
    id::{OrderId, PurchaseId, UserId},
    money::Money,
};

/// How far a payment has come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum PaymentState {
    /// It may still become either: a bank debit on its way, or a card that wants its owner.
    Pending,
    /// The money is there.
    Succeeded,
    /// It is not, and this attempt is over.
    Failed {
        /// Stripe's code, such as `card_declined` or `authentication_required`.
        code: String,
    },
}

/// A payment as it is now, refunds and disputes included.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Payment {
    /// Stripe's name for it.
    pub id: PaymentId,
    /// Its latest charge.
    pub charge: Option<ChargeId>,
    /// OwnerRef card was charged.
    pub customer: Option<CustomerId>,
    /// Whom we charged, from the metadata we sent.
    pub user: Option<UserId>,
    /// What for, from the metadata we sent; a subscription's payment has none.
    pub order: Option<OrderId>,
    /// Which listing's purchase, likewise.
    pub purchase: Option<PurchaseId>,
    /// The card, as the payment network tells cards apart, where one was charged.
    pub fingerprint: Option<String>,
    /// How far it has come.
    pub state: PaymentState,
    /// What was paid, tax included.
    pub amount: Money,
    /// What was refunded of it in all, in minor units; a refund that failed does not count.
    pub refunded: i64,
    /// What disputes have taken from us and not returned, in minor units, fees aside. May be more
    /// than was paid.
    pub withdrawn: i64,
    /// Whether a dispute is open.
    pub disputed: bool,
    /// What Stripe kept of the charge and of its disputes for its work, in minor units. It keeps
    /// that of the charge when the charge is refunded, too.
    pub fees: i64,
}

impl Payment {
    /// How many of `credits` this payment no longer pays for: as large a part of them as was taken
    /// back of the money, rounded down, and never more than all.
    pub fn taken_back(&self, credits: u32) -> u32 {
        let share = share_of(i64::from(credits), self.gone(), self.amount.amount);
        u32::try_from(share).unwrap_or(credits)
    }

    /// What of it went back, by refunds and by disputes, in minor units: never more than was paid.
    pub fn gone(&self) -> i64 {
        let gone = self.refunded.max(0).saturating_add(self.withdrawn.max(0));
        gone.min(self.amount.amount)
    }
}

/// As large a part of `whole` as `gone` is of `paid`, rounded down; nothing where nothing was paid.
pub(crate) fn share_of(whole: i64, gone: i64, paid: i64) -> i64 {
    if paid <= 0 {
        return 0;
    }
    i64::try_from(i128::from(whole) * i128::from(gone) / i128::from(paid)).unwrap_or(whole)
}
