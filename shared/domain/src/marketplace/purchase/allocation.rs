//! How the money of a purchase is allocated, according to its payment.
//!
//! An allocation is a state, not a movement: whichever events were processed, and in which order,
//! the difference between the stored and the current allocation is what has to be posted.

use serde::{Deserialize, Serialize};

use crate::{
    billing::payment::{Payment, share_of},
    marketplace::creator::{
        journal::{LedgerAccount, Posting, Role},
        sale::Split,
    },
};

/// The allocation of a payment, in minor units.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct PaymentAllocation {
    /// The platform's fee.
    pub fee: i64,
    /// The creator's share.
    pub net: i64,
    /// The tax.
    pub tax: i64,
    /// To be refunded, because the listing could not be bought.
    pub returns: i64,
    /// Paid to the buyer outside Stripe in its place.
    pub outside: i64,
    /// Stripe's fees for the charge and for disputes.
    pub processor: i64,
    /// Withdrawn by disputes beyond the payment, and may still be returned.
    pub claimed: i64,
    /// The part of that which is lost.
    pub lost: i64,
}

impl PaymentAllocation {
    /// The allocation of a sale at `price`. The price's part of what was taken back is rounded
    /// down, and so is the platform's fee.
    pub fn of_sale(price: i64, payment: &Payment) -> PaymentAllocation {
        let (paid, gone) = (payment.amount.amount, payment.returned());
        let kept = price - share_of(price, gone, paid);
        let Split { fee, net, .. } = Split::of(kept);
        PaymentAllocation { fee, net, tax: paid - gone - kept, ..PaymentAllocation::aside(payment) }
    }

    /// The allocation of a payment for a listing that could no longer be bought, of which `outside`
    /// was paid to the buyer outside Stripe.
    pub fn of_return(payment: &Payment, outside: i64) -> PaymentAllocation {
        let returns = payment.amount.amount - payment.returned() - outside;
        PaymentAllocation { returns, outside, ..PaymentAllocation::aside(payment) }
    }

    fn aside(payment: &Payment) -> PaymentAllocation {
        let taken = payment.refunded.max(0).saturating_add(payment.withdrawn.max(0));
        let excess = taken - payment.returned();
        let (claimed, lost) = if payment.disputed { (excess, 0) } else { (0, excess) };
        PaymentAllocation { processor: payment.fees, claimed, lost, ..PaymentAllocation::default() }
    }

    /// The split of the price.
    pub const fn split(&self) -> Split {
        Split { gross: self.fee + self.net, fee: self.fee, net: self.net }
    }

    /// The postings from `before` to this allocation; the creator's share is posted to `account`.
    pub fn postings_since(
        &self,
        before: &PaymentAllocation,
        account: LedgerAccount,
    ) -> [Posting; 11] {
        use LedgerAccount as A;
        let moved = |of: fn(&PaymentAllocation) -> i64| of(self) - of(before);
        [
            Posting::new(
                Role::BuyerCharge,
                A::BuyerCash,
                moved(|it| it.fee + it.net + it.tax + it.returns + it.outside),
            ),
            Posting::new(Role::PlatformFee, A::PlatformRevenue, -moved(|it| it.fee)),
            Posting::new(Role::CreatorShare, account, -moved(|it| it.net)),
            Posting::new(Role::Tax, A::TaxPayable, -moved(|it| it.tax)),
            Posting::new(Role::Return, A::BuyerReturns, -moved(|it| it.returns)),
            Posting::new(Role::PaidOutside, A::OutsideStripe, -moved(|it| it.outside)),
            Posting::new(Role::ProcessorFee, A::ProcessorFees, moved(|it| it.processor)),
            Posting::new(Role::ProcessorCash, A::BuyerCash, -moved(|it| it.processor)),
            Posting::new(Role::DisputeExcess, A::DisputesReceivable, moved(|it| it.claimed)),
            Posting::new(Role::DisputeLoss, A::DisputeLosses, moved(|it| it.lost)),
            Posting::new(Role::DisputeCash, A::BuyerCash, -moved(|it| it.claimed + it.lost)),
        ]
    }
}
