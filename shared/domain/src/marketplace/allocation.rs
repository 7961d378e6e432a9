//! Where the money of one purchase is, as its payment says.
//!
//! A position is a state, not a movement: whatever was heard of in between, and in which order, what
//! has to be posted is the difference between the one that is written and the one that is.

use serde::{Deserialize, Serialize};

use super::{
    journal::{LedgerAccount, Posting, Role},
    sale::Split,
};
use crate::billing::payment::{Payment, share_of};

/// What of a payment stays, and with whom, in minor units.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct PaymentAllocation {
    /// Ours.
    pub fee: i64,
    /// The creator's.
    pub net: i64,
    /// The tax office's.
    pub tax: i64,
    /// To go back to the buyer, because nothing could be bought for it.
    pub returns: i64,
    /// What Stripe keeps of the charge, and for disputes.
    pub processor: i64,
    /// What disputes took beyond what was paid, and may still return.
    pub claimed: i64,
    /// And what of that is lost.
    pub lost: i64,
}

impl PaymentAllocation {
    /// Of a sale at `price`. The price's part of what went back is rounded down, our fee likewise.
    pub fn of_sale(price: i64, payment: &Payment) -> PaymentAllocation {
        let (paid, gone) = (payment.amount.amount, payment.gone());
        let kept = price - share_of(price, gone, paid);
        let Split { fee, net, .. } = Split::of(kept);
        PaymentAllocation { fee, net, tax: paid - gone - kept, ..PaymentAllocation::aside(payment) }
    }

    /// Of a payment for what could not be bought any more.
    pub fn of_return(payment: &Payment) -> PaymentAllocation {
        let returns = payment.amount.amount - payment.gone();
        PaymentAllocation { returns, ..PaymentAllocation::aside(payment) }
    }

    fn aside(payment: &Payment) -> PaymentAllocation {
        let taken = payment.refunded.max(0).saturating_add(payment.withdrawn.max(0));
        let excess = taken - payment.gone();
        let (claimed, lost) = if payment.disputed { (excess, 0) } else { (0, excess) };
        PaymentAllocation { processor: payment.fees, claimed, lost, ..PaymentAllocation::default() }
    }

    /// The price's part.
    pub const fn split(&self) -> Split {
        Split { gross: self.fee + self.net, fee: self.fee, net: self.net }
    }

    /// What is posted to come here from `before`; the creator's part of it on `account`.
    pub fn postings_since(
        &self,
        before: &PaymentAllocation,
        account: LedgerAccount,
    ) -> [Posting; 10] {
        use LedgerAccount as A;
        let moved = |of: fn(&PaymentAllocation) -> i64| of(self) - of(before);
        [
            Posting::new(
                Role::BuyerCharge,
                A::BuyerCash,
                moved(|it| it.fee + it.net + it.tax + it.returns),
            ),
            Posting::new(Role::PlatformFee, A::PlatformRevenue, -moved(|it| it.fee)),
            Posting::new(Role::CreatorShare, account, -moved(|it| it.net)),
            Posting::new(Role::Tax, A::TaxPayable, -moved(|it| it.tax)),
            Posting::new(Role::Return, A::BuyerReturns, -moved(|it| it.returns)),
            Posting::new(Role::ProcessorFee, A::ProcessorFees, moved(|it| it.processor)),
            Posting::new(Role::ProcessorCash, A::BuyerCash, -moved(|it| it.processor)),
            Posting::new(Role::DisputeExcess, A::DisputesReceivable, moved(|it| it.claimed)),
            Posting::new(Role::DisputeLoss, A::DisputeLosses, moved(|it| it.lost)),
            Posting::new(Role::DisputeCash, A::BuyerCash, -moved(|it| it.claimed + it.lost)),
        ]
    }
}
