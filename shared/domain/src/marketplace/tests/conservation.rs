//! Whatever Stripe reports of a payment, in any order and any number of times: the money adds up,
//! and the buyer is entitled if and only if it is paid.

use proptest::prelude::*;

use super::{
    purchase_updates::{hold_to_the_law, payment, posted, purchase_update},
    *,
};
use crate::{
    billing::payment::{Payment, PaymentState},
    marketplace::{
        creator::{journal::Role, sale::Split},
        listing::DelistedBy,
        purchase::{
            PurchaseState,
            entitlement::EntitlementState,
            update::{PaymentFollowUp, PurchaseUpdate},
        },
    },
};

/// Stripe's reports, in thousandths of the amount paid.
#[derive(Debug, Clone)]
enum Happening {
    Pending,
    Failed,
    Expire,
    Succeeded {
        refunded: i64,
        withdrawn: i64,
        disputed: bool,
    },
    /// The listing is taken off sale.
    Retire,
}

fn happening() -> impl Strategy<Value = Happening> {
    let part = || prop_oneof![3 => Just(0_i64), 2 => Just(1_000), 3 => 0..=1_000_i64];
    let withdrawn = prop_oneof![4 => part(), 1 => 1_000..2_000_i64];
    prop_oneof![
        1 => Just(Happening::Pending),
        1 => Just(Happening::Failed),
        1 => Just(Happening::Expire),
        1 => Just(Happening::Retire),
        8 => (part(), withdrawn, any::<bool>()).prop_map(|(refunded, withdrawn, disputed)| {
            Happening::Succeeded { refunded, withdrawn, disputed }
        }),
    ]
}

/// A payment of `amount` after an event.
fn said(amount: i64, happening: &Happening) -> Option<Payment> {
    let whole = payment(amount, 0, 0, false);
    let state = match happening {
        Happening::Expire | Happening::Retire => return None,
        Happening::Pending => PaymentState::Pending,
        Happening::Failed => PaymentState::Failed { code: "card_declined".to_owned() },
        Happening::Succeeded { refunded, withdrawn, disputed } => {
            let of = |part: i64| amount * part / 1_000;
            return Some(payment(amount, of(*refunded), of(*withdrawn), *disputed));
        }
    };
    Some(Payment { state, ..whole })
}

/// The state of a purchase in a comparable form.
fn all_of(update: &PurchaseUpdate) -> String {
    let PurchaseUpdate { purchase, entitlement, sale, stats, book, journals, .. } = update;
    format!("{:?}", (purchase, entitlement, sale, stats, book, journals))
}

/// The buyer's entitlement once Stripe has reported `payment` for a fulfilled purchase.
fn expected(payment: &Payment) -> EntitlementState {
    let paid = payment.amount.amount;
    if payment.refunded >= paid {
        EntitlementState::Revoked
    } else if payment.disputed {
        EntitlementState::Suspended
    } else if payment.refunded + payment.withdrawn >= paid {
        EntitlementState::Revoked
    } else {
        EntitlementState::Active
    }
}

fn check(update: &PurchaseUpdate, last: &Payment) {
    hold_to_the_law(update);
    let amount = last.amount.amount;
    let gone = (last.refunded + last.withdrawn).min(amount);
    assert_eq!(update.purchase.taken_back, gone);
    if let PurchaseState::Returned { .. } = update.purchase.state {
        assert!(update.sale.is_none() && update.entitlement.is_none());
        assert_eq!(posted(&update.journals, Role::Return), gone - amount);
        return;
    }
    let owned = update.entitlement.as_ref().unwrap();
    assert_eq!(owned.state, expected(last));
    let is_lost = owned.state == EntitlementState::Revoked;
    assert_eq!(update.purchase.state == PurchaseState::Refunded, is_lost);
    assert_eq!(update.purchase.state == PurchaseState::Paid, !is_lost);
    assert_eq!((update.stats.sales, update.book.sales), if is_lost { (0, 0) } else { (1, 1) });
    let sale = update.sale.as_ref().unwrap();
    assert_eq!(sale.frozen, last.disputed);
    assert_eq!(posted(&update.journals, Role::BuyerCharge), amount - gone);
    assert_eq!(sale.kept, Split::of(sale.kept.gross));
    if gone == 0 {
        assert_eq!(sale.kept, sale.sold);
    }
    if gone == amount {
        assert_eq!(sale.kept, Split::default());
    }
}

proptest! {
    #[test]
    fn the_money_of_a_purchase_adds_up(
        price in 500_u32..=1_500,
        tax in prop_oneof![Just(0_i64), 0..400_i64],
        happenings in prop::collection::vec(happening(), 1..24),
    ) {
        let amount = i64::from(price) + tax;
        let mut update = purchase_update(price);
        let mut last = None;
        for (happening, days) in happenings.iter().zip(1..) {
            let Some(payment) = said(amount, happening) else {
                match happening {
                    Happening::Retire => {
                        update.listing.delist(DelistedBy::Creator, None, day(days)).unwrap();
                    }
                    Happening::Expire
                    | Happening::Pending
                    | Happening::Failed
                    | Happening::Succeeded { .. } => update.expire(),
                }
                continue;
            };
            let next = update.settle(&payment, day(days)).unwrap();
            if payment.state == PaymentState::Succeeded {
                last = Some(payment.clone());
                let back = matches!(update.purchase.state, PurchaseState::Returned { .. })
                    && payment.refunded + payment.withdrawn < amount
                    && !(payment.disputed && payment.withdrawn > 0);
                prop_assert_eq!(next != PaymentFollowUp::Nothing, back);
            }
            // Processing it again changes nothing.
            let before = all_of(&update);
            update.settle(&payment, day(days)).unwrap();
            prop_assert_eq!(all_of(&update), before);
            match &last {
                Some(last) => check(&update, last),
                None => prop_assert!(update.entitlement.is_none() && update.journals.is_empty()),
            }
        }
    }

    #[test]
    fn a_price_is_shared_without_rest(gross in 0..=1_000_000_i64, gone in 0..=1_000_000_i64) {
        let (whole, left) = (Split::of(gross), Split::of((gross - gone).max(0)));
        prop_assert_eq!(whole.fee + whole.net, gross);
        prop_assert!(whole.fee * 5 <= gross && whole.fee >= 0);
        let moved = left.since(whole);
        prop_assert_eq!(moved.fee + moved.net, moved.gross);
    }
}
