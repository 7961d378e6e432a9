//! Paid purchases of listings: from the paid session to the entitlement, and back.

use domain::{
    account::Account,
    id::{ListingId, PurchaseId},
    marketplace::{
        community::{
            listing_stats::ListingStats,
            reward::{RewardCancellation, RewardState},
        },
        creator::sale::Split,
        purchase::{Purchase, PurchaseState, entitlement::EntitlementState},
    },
    time::DAY,
};
use futures_util::future::join_all;
use sandbox::stripe::{Card, Closing, Opening, Payment};
use serde_json::{Value, json};
use testing::Actor;

use crate::{
    billing_app::{BillingApp, kind_of, session_of},
    marketplace::Marketplace,
    paid_sale::{self, PaidSale},
};

const PRICE: i64 = 1_200;

async fn paid(market: &Marketplace<'_>, buyer: &Actor, listing: &ListingId) -> Purchase {
    let url = market.checkout(buyer, listing, PRICE, None).await;
    assert!(matches!(market.app.pay(&url, Card::Succeeds), Payment::Complete(_)));
    market.app.deliver_events().await;
    market.purchase_of(buyer, &url).await
}

async fn stats(market: &Marketplace<'_>, listing: &ListingId) -> ListingStats {
    market.app.store.stats(listing).await.unwrap().unwrap()
}

/// Asserts that the sale, the creator's sums and the journal agree.
async fn check_money(market: &Marketplace<'_>, creator: &Actor, kept: i64) {
    let split = Split::of(kept);
    let book = market.app.store.creator_book(&creator.id).await.unwrap();
    assert_eq!(book.money, split);
    let postings = market.postings();
    let sum = |role: &str| -> i64 {
        postings.iter().filter(|(of, _)| of == role).map(|(_, amount)| amount).sum()
    };
    assert_eq!(postings.iter().map(|(_, amount)| amount).sum::<i64>(), 0, "{postings:?}");
    assert_eq!([sum("creator_share"), sum("platform_fee")], [-split.net, -split.fee]);
}

#[tokio::test]
async fn a_paid_listing_belongs_to_its_buyer() {
    let app = BillingApp::new().await;
    let (kim, ann) = (app.new_member("kim"), app.new_member("ann"));
    let market = Marketplace::new(&app);
    let listing = market.on_sale(&kim, PRICE).await;
    let url = market.checkout(&ann, &listing, PRICE, None).await;
    assert!(
        market.entitlement(&ann, &listing).await.is_none(),
        "no entitlement before the payment"
    );
    let own = market.purchase_of(&ann, &url).await.id;
    let own = format!("/api/v1/marketplace/purchases/{own}");
    let buyer = app.client(&ann);
    assert_eq!(buyer.get(&own).await.header("retry-after"), Some("2"), "its payment is awaited");
    app.pay(&url, Card::Succeeds);
    app.deliver_events().await;
    assert_eq!(buyer.get(&own).await.header("retry-after"), None);
    let purchase = market.purchase_of(&ann, &url).await;
    assert_eq!(purchase.state, PurchaseState::Paid);
    let owned = market.entitlement(&ann, &listing).await.unwrap();
    assert_eq!((owned.state, owned.revision), (EntitlementState::Active, 1));
    let sales = market.earnings(&kim).await;
    assert_eq!(sales[0]["gross"]["amount"], PRICE);
    assert_eq!([&sales[0]["fee"]["amount"], &sales[0]["net"]["amount"]], [240, 960]);
    assert_eq!(sales[0]["status"], "held");
    assert_eq!(stats(&market, &listing).await.sales, 1);
    check_money(&market, &kim, PRICE).await;
    app.close().await;
}

/// All events of a payment, twice and in every order, end in one state.
#[tokio::test]
async fn events_twice_late_and_in_any_order_are_one_sale() {
    for turn in 0..6 {
        let app = BillingApp::new().await;
        let (kim, ann) = (app.new_member("kim"), app.new_member("ann"));
        let market = Marketplace::new(&app);
        let listing = market.on_sale(&kim, PRICE).await;
        let url = market.checkout(&ann, &listing, PRICE, None).await;
        app.pay(&url, Card::Succeeds);
        let mut events = app.events();
        let middle = turn % events.len();
        events.rotate_left(middle);
        if turn % 2 == 1 {
            events.reverse();
        }
        for event in events.iter().chain(events.iter().rev()) {
            assert_eq!(app.deliver(event).await, 200, "{}", kind_of(event));
        }
        assert_eq!(market.purchase_of(&ann, &url).await.state, PurchaseState::Paid);
        check_money(&market, &kim, PRICE).await;
        app.close().await;
    }
}

#[tokio::test]
async fn two_tabs_are_one_entitlement_and_the_second_payment_is_refunded() {
    let app = BillingApp::new().await;
    let (kim, ann) = (app.new_member("kim"), app.new_member("ann"));
    let market = Marketplace::new(&app);
    let listing = market.on_sale(&kim, PRICE).await;
    let one = market.checkout(&ann, &listing, PRICE, None).await;
    let two = market.checkout(&ann, &listing, PRICE, None).await;
    assert_ne!(one, two);
    app.pay(&one, Card::Succeeds);
    app.pay(&two, Card::SucceedsToo);
    app.deliver_events().await;
    app.deliver_events().await; // The refund has events, too.
    assert_eq!(market.purchase_of(&ann, &one).await.state, PurchaseState::Paid);
    let second = market.purchase_of(&ann, &two).await;
    assert_eq!(second.state, PurchaseState::Returned { reason: "already_owned".to_owned() });
    assert_eq!((second.taken_back, second.due_at), (PRICE, None), "fully refunded");
    assert_eq!(stats(&market, &listing).await.sales, 1);
    check_money(&market, &kim, PRICE).await;
    let third = market.try_purchase(&ann, "third", &listing, PRICE, None).await;
    assert_eq!(third.brief(), "409 already_owned");
    app.close().await;
}

#[tokio::test]
async fn a_payment_for_a_listing_that_is_not_on_sale_is_refunded() {
    for (reason, meanwhile) in
        [("listing_unlisted", "retire"), ("price_changed", "reprice"), ("seller_suspended", "ban")]
    {
        let app = BillingApp::new().await;
        let (kim, ann) = (app.new_member("kim"), app.new_member("ann"));
        let market = Marketplace::new(&app);
        let listing = market.on_sale(&kim, PRICE).await;
        let url = market.checkout(&ann, &listing, PRICE, None).await;
        market.meanwhile(meanwhile, &kim, &listing).await;
        app.pay(&url, Card::Succeeds);
        app.deliver_events().await;
        app.deliver_events().await;
        let purchase = market.purchase_of(&ann, &url).await;
        assert_eq!(purchase.state, PurchaseState::Returned { reason: reason.to_owned() });
        assert_eq!(purchase.taken_back, PRICE, "{reason}");
        assert!(market.entitlement(&ann, &listing).await.is_none());
        let again = market.try_purchase(&ann, "again", &listing, PRICE, None).await;
        assert_eq!(again.brief(), format!("409 {reason}"));
        check_money(&market, &kim, 0).await;
        let audit_lines = app.audit_lines().await;
        let line = format!("refunds refund purchase: {reason}");
        assert_eq!(audit_lines.iter().filter(|it| **it == line).count(), 1, "{audit_lines:#?}");
        app.close().await;
    }
}

/// A suspended buyer owns what they paid for, and can use it if the ban is lifted.
#[tokio::test]
async fn a_buyer_suspended_while_a_page_is_open_owns_what_they_pay_for() {
    let app = BillingApp::new().await;
    let (kim, ann) = (app.new_member("kim"), app.new_member("ann"));
    let market = Marketplace::new(&app);
    let listing = market.on_sale(&kim, PRICE).await;
    let url = market.checkout(&ann, &listing, PRICE, None).await;
    let until = app.now().plus(DAY * 3);
    app.suspend(&ann.id, "fraud", Some(until)).await;
    app.pay(&url, Card::Succeeds);
    app.deliver_events().await;
    let purchase = market.purchase_of(&ann, &url).await;
    assert_eq!(purchase.state, PurchaseState::Paid);
    check_money(&market, &kim, PRICE).await;
    let more = market.try_purchase(&ann, "more", &listing, PRICE, None).await;
    assert_eq!(more.brief(), "403 account_suspended");
    app.advance_days(4);
    assert_eq!(market.download(&ann, &purchase).await.status(), 200);
    app.close().await;
}

#[tokio::test]
async fn the_same_key_is_the_same_page() {
    let app = BillingApp::new().await;
    let (kim, ann) = (app.new_member("kim"), app.new_member("ann"));
    let market = Marketplace::new(&app);
    let listing = market.on_sale(&kim, PRICE).await;
    let order =
        async |key: &str| market.try_purchase(&ann, key, &listing, PRICE, None).await.json();
    let (first, again) = (order("one").await, order("one").await);
    assert_eq!(first["checkout_url"], again["checkout_url"]);
    assert_eq!(first["id"], again["id"]);
    let at_once = join_all((0..5).map(|_| order("five"))).await;
    assert!(at_once.iter().all(|it| it["checkout_url"] == at_once[0]["checkout_url"]));
    let own = market.try_purchase(&kim, "own", &listing, PRICE, None).await;
    assert_eq!(own.brief(), "409 cannot_buy_own_listing");
    let cheap = market.try_purchase(&ann, "cheap", &listing, 1, None).await;
    assert_eq!(cheap.brief(), "409 price_changed");
    assert_eq!(cheap.json()["price"]["amount"], PRICE);
    app.close().await;
}

#[tokio::test]
async fn a_page_that_expires_ends_its_purchase() {
    let app = BillingApp::new().await;
    let (kim, ann) = (app.new_member("kim"), app.new_member("ann"));
    let market = Marketplace::new(&app);
    let listing = market.on_sale(&kim, PRICE).await;
    let url = market.checkout(&ann, &listing, PRICE, None).await;
    app.advance_days(1);
    assert_eq!(market.purchase_of(&ann, &url).await.state, PurchaseState::Pending);
    // No event arrives: the nightly run retrieves the payment.
    app.events();
    app.ambient.clock.advance(DAY);
    app.reconcile().await.unwrap();
    let ended = market.purchase_of(&ann, &url).await;
    assert_eq!((ended.state, ended.due_at), (PurchaseState::Expired, None));
    app.close().await;
}

#[tokio::test]
async fn refunds_add_up_and_the_last_one_ends_the_entitlement() {
    let app = BillingApp::new().await;
    let (kim, ann) = (app.new_member("kim"), app.new_member("ann"));
    let market = Marketplace::new(&app);
    let listing = market.on_sale(&kim, PRICE).await;
    let purchase = paid(&market, &ann, &listing).await;
    market.review(&ann, &listing, 5).await;
    let payment = purchase.payment.clone().unwrap();
    for (refund, kept) in [(500, 700), (199, 501)] {
        app.stripe().refund(payment.as_str(), Some(refund)).unwrap();
        app.deliver_events().await;
        check_money(&market, &kim, kept).await;
        let owned = market.entitlement(&ann, &listing).await.unwrap();
        assert_eq!(owned.state, EntitlementState::Active);
    }
    assert_eq!(stats(&market, &listing).await.ratings(), 1);
    app.stripe().refund(payment.as_str(), None).unwrap();
    app.deliver_events().await;
    check_money(&market, &kim, 0).await;
    let owned = market.entitlement(&ann, &listing).await.unwrap();
    assert_eq!(owned.state, EntitlementState::Revoked);
    let sums = stats(&market, &listing).await;
    assert_eq!((sums.sales, sums.ratings()), (0, 0), "its review no longer counts");
    assert_eq!(market.earnings(&kim).await[0]["status"], "refunded");
    // It can be bought again, and the review is the same.
    let url = market.checkout(&ann, &listing, PRICE, None).await;
    app.pay(&url, Card::Succeeds);
    app.deliver_events().await;
    assert!(market.entitlement(&ann, &listing).await.unwrap().is_active());
    check_money(&market, &kim, PRICE).await;
    app.close().await;
}

#[tokio::test]
async fn a_dispute_suspends_and_its_end_decides() {
    for (closing, state, kept) in [
        (Closing::Won, EntitlementState::Active, PRICE),
        (Closing::Lost, EntitlementState::Revoked, 0),
    ] {
        let app = BillingApp::new().await;
        let (kim, ann) = (app.new_member("kim"), app.new_member("ann"));
        let market = Marketplace::new(&app);
        let listing = market.on_sale(&kim, PRICE).await;
        let purchase = paid(&market, &ann, &listing).await;
        let payment = purchase.payment.clone().unwrap();
        let dispute = app.stripe().dispute(payment.as_str(), None, Opening::Chargeback).unwrap();
        app.deliver_events().await;
        let owned = market.entitlement(&ann, &listing).await.unwrap();
        assert!(!owned.is_active(), "{:?}", owned.state);
        app.stripe().close_dispute(&dispute, closing).unwrap();
        app.deliver_events().await;
        let owned = market.entitlement(&ann, &listing).await.unwrap();
        assert_eq!(owned.state, state);
        check_money(&market, &kim, kept).await;
        app.close().await;
    }
}

#[tokio::test]
async fn a_sharer_is_rewarded_after_the_refund_window_and_not_for_a_refunded_sale() {
    for refunded in [false, true] {
        let app = BillingApp::new().await;
        let (kim, ann, sue) = (app.new_member("kim"), app.new_member("ann"), app.new_member("sue"));
        let market = Marketplace::new(&app);
        let listing = market.on_sale(&kim, PRICE).await;
        let token = market.shared_by(&sue, &listing).await;
        let url = market.checkout(&ann, &listing, PRICE, Some(&token)).await;
        app.pay(&url, Card::Succeeds);
        app.deliver_events().await;
        let purchase = market.purchase_of(&ann, &url).await;
        let before = credits(&app.account(&sue.id).await);
        app.advance_days(14);
        market.grant_rewards().await;
        assert_eq!(credits(&app.account(&sue.id).await), before, "not before it is due");
        if refunded {
            let payment = purchase.payment.clone().unwrap();
            app.stripe().refund(payment.as_str(), None).unwrap();
            app.deliver_events().await;
        }
        app.advance_days(2);
        market.grant_rewards().await;
        market.grant_rewards().await;
        let expected = if refunded { before } else { before + 5 };
        assert_eq!(credits(&app.account(&sue.id).await), expected);
        if !refunded {
            let payment = purchase.payment.clone().unwrap();
            app.stripe().refund(payment.as_str(), None).unwrap();
            app.deliver_events().await;
            assert_eq!(credits(&app.account(&sue.id).await), before, "reversed with the sale");
        }
        app.close().await;
    }
}

#[tokio::test]
async fn a_member_is_not_rewarded_for_their_own_purchase() {
    let app = BillingApp::new().await;
    let (kim, sue) = (app.new_member("kim"), app.new_member("sue"));
    let market = Marketplace::new(&app);
    let listing = market.on_sale(&kim, PRICE).await;
    let token = market.shared_by(&sue, &listing).await;
    // Self-referral.
    let url = market.checkout(&sue, &listing, PRICE, Some(&token)).await;
    assert!(market.purchase_of(&sue, &url).await.referral.is_none());
    app.pay(&url, Card::Succeeds);
    app.deliver_events().await;
    // Another account of the same person, with the same card.
    let other = app.new_member("other");
    let url = market.checkout(&other, &listing, PRICE, Some(&token)).await;
    app.pay(&url, Card::Succeeds);
    app.deliver_events().await;
    let id = market.purchase_of(&other, &url).await.id;
    app.advance_days(15);
    market.grant_rewards().await;
    let reward = market.reward(&sue, &id).await;
    assert_eq!(reward.state, RewardState::Cancelled { reason: RewardCancellation::OwnCard });
    // The creator's own link earns no extra reward.
    let own = market.shared_by(&kim, &listing).await;
    let third = app.new_member("third");
    let url = market.checkout(&third, &listing, PRICE, Some(&own)).await;
    app.pay(&url, Card::SucceedsToo);
    app.deliver_events().await;
    check_money(&market, &kim, 3 * PRICE).await;
    assert!(market.no_reward(&kim, &market.purchase_of(&third, &url).await.id).await);
    app.close().await;
}

fn credits(account: &Account) -> u32 {
    account.credits.totals().available
}

/// The payment's event is lost, with all others: the nightly run finds it.
#[tokio::test]
async fn a_payment_without_an_event_is_found() {
    let app = BillingApp::new().await;
    let (kim, ann) = (app.new_member("kim"), app.new_member("ann"));
    let market = Marketplace::new(&app);
    let listing = market.on_sale(&kim, PRICE).await;
    let url = market.checkout(&ann, &listing, PRICE, None).await;
    app.pay(&url, Card::Succeeds);
    app.reconcile().await.unwrap();
    assert_eq!(market.purchase_of(&ann, &url).await.state, PurchaseState::Paid);
    check_money(&market, &kim, PRICE).await;
    app.close().await;
}

#[tokio::test]
async fn the_page_names_the_purchase_and_returns_to_it() {
    let app = BillingApp::new().await;
    let (kim, ann) = (app.new_member("kim"), app.new_member("ann"));
    let market = Marketplace::new(&app);
    let listing = market.on_sale(&kim, PRICE).await;
    let url = market.checkout(&ann, &listing, PRICE, None).await;
    let session: Value = app.stripe().object(session_of(&url)).unwrap();
    let purchase = PurchaseId::parse(session["metadata"]["purchase_id"].as_str().unwrap()).unwrap();
    let back = format!("https://app.prolight.test/marketplace/purchases/{purchase}");
    assert!(session["success_url"].as_str().unwrap().starts_with(&back), "{session}");
    assert_eq!(session["metadata"]["listing_id"], json!(listing));
    assert_eq!(session["amount_total"], PRICE);
    app.close().await;
}

/// Purchases have receipts, in one list with packs and plans, which state every refund.
#[tokio::test]
async fn a_buyer_has_a_receipt_beside_their_invoices() {
    let app = BillingApp::new().await;
    let sale = PaidSale::sold(&app).await;
    let client = app.client(&sale.ann);
    let listed = async || client.get("/api/v1/billing/invoices").await.json()["items"].clone();
    let receipt = listed().await[0].clone();
    assert_eq!([&receipt["kind"], &receipt["status"]], ["purchase", "paid"]);
    assert_eq!(
        (&receipt["total"]["amount"], &receipt["tax"]["amount"]),
        (&json!(paid_sale::PRICE), &json!(0))
    );
    let own = format!("/api/v1/marketplace/purchases/{}", sale.purchase.id);
    let shown = client.get(&own).await.json();
    assert_eq!(shown["links"]["receipt"], receipt["links"]["pdf"]);
    let pdf = format!("/api/v1/billing/invoices/{}/pdf", receipt["id"].as_str().unwrap());
    assert_eq!(client.get(&pdf).await.status(), 302);
    let other = app.client(&sale.kim).get(&pdf).await;
    assert_eq!(other.brief(), "404 invoice_not_found");
    let refund = sale.market.refund("part", &sale.purchase, Some(300)).await;
    assert_eq!(refund.status(), 200);
    app.deliver_events().await;
    assert_eq!(listed().await[0]["amount_refunded"]["amount"], 300);
    assert_eq!(client.get(&pdf).await.status(), 302);
    let keys = app.records_bucket().keys().await;
    assert_eq!(keys.iter().filter(|key| key.ends_with(".pdf")).count(), 2, "one for each state");
    app.close().await;
}
