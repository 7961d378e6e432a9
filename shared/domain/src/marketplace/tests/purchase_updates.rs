//! A purchase update and its invariants.

use super::*;
use crate::{
    billing::{
        external::{ChargeId, PaymentId},
        payment::{Payment, PaymentState},
    },
    marketplace::{
        creator::{
            balance::CreatorBalance,
            journal::{Balances, Journal, Role},
            sale::{SaleState, Split},
        },
        purchase::{
            entitlement::EntitlementState,
            update::{PaymentFollowUp, PurchaseUpdate},
        },
    },
    money::Money,
};

/// A new purchase and everything that changes with it.
pub(super) fn purchase_update(price: u32) -> PurchaseUpdate {
    let listing = on_sale(price);
    let (purchase, book) = (placed(1, &listing), CreatorBalance::new(user("creator")));
    let update = PurchaseUpdate::new(purchase, (listing, active()), (no_stats(), book));
    PurchaseUpdate { buyer_email: Some("bo@example.test".to_owned()), ..update }
}

pub(super) fn payment(amount: i64, refunded: i64, withdrawn: i64, disputed: bool) -> Payment {
    Payment {
        id: PaymentId::parse("pi_1").unwrap(),
        charge: Some(ChargeId::parse("ch_1").unwrap()),
        customer: None,
        user: None,
        order: None,
        purchase: None,
        fingerprint: Some("card_1".to_owned()),
        state: PaymentState::Succeeded,
        amount: Money::usd_cents(amount),
        refunded,
        withdrawn,
        disputed,
        fees: 0,
    }
}

/// The balance of an account according to the journals.
pub(super) fn posted(journals: &[Journal], role: Role) -> i64 {
    let legs = journals.iter().flat_map(|journal| &journal.legs);
    legs.filter(|leg| leg.role == role).map(|leg| leg.amount).sum()
}

/// The invariants of every purchase, whatever happened to it.
pub(super) fn hold_to_the_law(update: &PurchaseUpdate) {
    for journal in &update.journals {
        assert_eq!(journal.legs.iter().map(|leg| leg.amount).sum::<i64>(), 0, "{journal:?}");
    }
    let mut causes: Vec<String> = update.journals.iter().map(|it| it.cause.to_string()).collect();
    causes.sort_unstable();
    causes.dedup();
    assert_eq!(causes.len(), update.journals.len(), "each has a cause of its own: {causes:?}");

    let kept = update.sale.as_ref().map_or(Split::default(), |sale| sale.kept);
    assert_eq!(kept.gross, kept.fee + kept.net);
    assert!(kept.gross >= 0 && kept.fee >= 0 && kept.net >= 0, "{kept:?}");
    assert_eq!(posted(&update.journals, Role::CreatorShare), -kept.net);
    assert_eq!(posted(&update.journals, Role::PlatformFee), -kept.fee);
    let tax = -posted(&update.journals, Role::Tax);
    assert!(tax >= 0, "{tax}");
    let returns = -posted(&update.journals, Role::Return);
    let outside = -posted(&update.journals, Role::PaidOutside);
    let charged = kept.gross + tax + returns + outside;
    assert_eq!(posted(&update.journals, Role::BuyerCharge), charged);
    assert_eq!(update.book.balances.sum(), 0);
    let mut folded = Balances::default();
    update.journals.iter().for_each(|journal| folded.post(journal));
    assert_eq!(update.book.balances, folded);
    assert_eq!(update.book.money, kept);
    assert_eq!(update.book.sales, update.stats.sales);
    assert_eq!((update.book.ratings, update.book.stars), {
        (u64::from(update.stats.ratings()), update.stats.stars())
    });
}

pub(super) fn settle(
    update: &mut PurchaseUpdate,
    payment: &Payment,
    now: Timestamp,
) -> PaymentFollowUp {
    let next = update.settle(payment, now).unwrap();
    hold_to_the_law(update);
    next
}

pub(super) fn paid(price: u32) -> PurchaseUpdate {
    let mut update = purchase_update(price);
    settle(&mut update, &payment(i64::from(price), 0, 0, false), day(1));
    update
}

/// Whether the buyer may use it, whether the money is the creator's, and how much of it.
pub(super) fn standing(
    update: &PurchaseUpdate,
) -> (Option<EntitlementState>, Option<SaleState>, i64) {
    let owned = update.entitlement.as_ref().map(|owned| owned.state);
    let sale = update.sale.as_ref();
    (owned, sale.map(|sale| sale.state(day(2))), sale.map_or(0, |sale| sale.kept.net))
}
