//! Who may buy what, and at what price.

use super::*;
use crate::{
    DomainError,
    marketplace::{
        community::share::Referral,
        listing::DelistedBy,
        purchase::{PurchaseState, entitlement::EntitlementState},
    },
    money::{Currency, Money},
};

/// A valid offer, before a row of the table changes it.
struct Case {
    listing: Listing,
    seller: Seller,
    owned: Option<EntitlementState>,
    buyer: &'static str,
    price: Money,
}

fn check(change: impl FnOnce(&mut Case), expected: &str) {
    let listing = on_sale(500);
    let price = Money::usd_cents(500);
    let mut case = Case { listing, seller: active(), owned: None, buyer: "buyer", price };
    change(&mut case);
    let owned = case.owned.map(|state| Entitlement { state, ..entitled(&on_sale(500)) });
    let offer = Offer { listing: &case.listing, seller: &case.seller, owned: owned.as_ref() };
    let buyer = user(case.buyer);
    assert_eq!(code(offer.check(&buyer, case.price, NOW)), expected);
    let placed = Purchase::place(purchase_id(2), buyer, offer, case.price, None, NOW);
    assert_eq!(code(placed), expected, "an order is placed if it may be");
}

fn take_off(case: &mut Case) {
    case.listing.delist(DelistedBy::Creator, None, NOW).unwrap();
}

#[test]
fn what_may_be_bought() {
    check(|_| {}, "ok");

    // The owner.
    check(|it| it.buyer = "creator", "cannot_buy_own_listing");
    check(|it| it.owned = Some(EntitlementState::Active), "already_owned");
    check(|it| it.owned = Some(EntitlementState::Suspended), "already_owned");
    check(|it| it.owned = Some(EntitlementState::Revoked), "ok");

    // Whether it is on sale.
    check(take_off, "listing_unlisted");
    check(|it| it.listing.delist(DelistedBy::Staff, None, NOW).unwrap(), "listing_unlisted");
    check(|it| it.listing = begun(Kind::LightingPreset, 500).0, "listing_unlisted");

    // The seller.
    check(|it| it.seller = suspended(None).into(), "seller_suspended");
    check(|it| it.seller = suspended(Some(day(1))).into(), "seller_suspended");
    check(|it| it.seller = suspended(Some(NOW)).into(), "ok");
    check(|it| it.seller = suspended(Some(NOW.minus(DAY))).into(), "ok");
    let struck = |until: Timestamp| Seller { selling_suspended_until: Some(until), ..active() };
    check(|it| it.seller = struck(day(1)), "seller_suspended");
    check(|it| it.seller = struck(NOW), "ok");

    // The price.
    check(|it| it.price = Money::usd_cents(499), "price_changed");
    check(|it| it.price = Money::usd_cents(501), "price_changed");
    check(|it| it.price = Money::usd_cents(0), "price_changed");
    check(|it| it.price.currency = Currency::parse("eur").unwrap(), "price_changed");
    check(|it| (it.listing, it.price) = (on_sale(0), Money::usd_cents(0)), "ok");

    // The order of the checks.
    check(
        |it| {
            it.owned = Some(EntitlementState::Active);
            take_off(it);
        },
        "already_owned",
    );
    check(
        |it| {
            it.seller = suspended(None).into();
            take_off(it);
        },
        "listing_unlisted",
    );
}

#[test]
fn a_refusal_says_what_there_is_instead() {
    let listing = on_sale(500);
    let owned = entitled(&listing);
    let told = |owned: Option<&Entitlement>| {
        let offer = Offer { listing: &listing, seller: &active(), owned };
        offer.check(&user("buyer"), Money::usd_cents(100), NOW).unwrap_err().extensions()
    };
    assert_eq!(told(Some(&owned)), [("purchase_id", json!(purchase_id(1)))]);
    assert_eq!(told(None), [("price", json!({"amount": 500, "currency": "usd"}))]);
}

#[test]
fn an_order_pins_what_the_buyer_saw() {
    let listing = on_sale(500);
    let order = placed(1, &listing);
    assert_eq!((order.revision, order.price), (1, Money::usd_cents(500)));
    assert_eq!((&order.title[..], &order.creator_id), ("Rembrandt at dusk", &user("creator")));
    assert_eq!((&order.state, order.due_at), (&PurchaseState::Pending, Some(day(1))));
    assert!(order.is_open() && !order.is_free());
    assert!(order.page_closes_at() < day(1), "the page closes before we ask");
    assert!(placed(1, &on_sale(0)).is_free());
}

#[test]
fn a_buyer_cannot_be_their_own_referrer() {
    let check = |sharer: &str, kept: bool| {
        let listing = on_sale(500);
        let offer = Offer { listing: &listing, seller: &active(), owned: None };
        let referral = Referral {
            code: "abc".to_owned(),
            sharer_id: user(sharer),
            sharer_email: None,
            clicked_at: NOW,
        };
        let price = Money::usd_cents(500);
        let order =
            Purchase::place(purchase_id(1), user("buyer"), offer, price, Some(referral), NOW);
        assert_eq!(order.unwrap().referral.is_some(), kept, "{sharer}");
    };
    check("sharer", true);
    check("buyer", false);
}

#[test]
fn a_page_is_shown_while_it_can_be_paid_on() {
    let check = |state: PurchaseState, at: Timestamp, expected: Option<&str>| {
        let url = Some("https://pay.test/1".to_owned());
        let purchase = Purchase { state, url, ..placed(1, &on_sale(500)) };
        assert_eq!(purchase.payable_at(at), expected);
    };
    let (url, closes_at) = (Some("https://pay.test/1"), placed(1, &on_sale(500)).page_closes_at());
    check(PurchaseState::Pending, NOW, url);
    check(PurchaseState::Pending, closes_at, None);
    check(PurchaseState::Processing, NOW, None);
    check(PurchaseState::Paid, NOW, None);
    check(PurchaseState::Expired, NOW, None);
    assert_eq!(placed(1, &on_sale(500)).payable_at(NOW), None, "the page is not known yet");
}
