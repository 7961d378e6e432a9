//! Payments that are returned: money that comes back after a second purchase, and what no bank
//! takes.

use domain::{
    Timestamp,
    audit::Action,
    marketplace::{
        creator::journal::LedgerAccount,
        purchase::{Purchase, PurchaseState, update::PurchaseUpdate},
    },
};
use sandbox::{
    faults::{AnswerFault, Order},
    route::Route,
    stripe::{Card, Closing, Opening},
};
use serde_json::json;
use simulator::findings;
use testing::Actor;

use crate::{
    billing_app::BillingApp,
    marketplace::Marketplace,
    paid_sale::{NET, PRICE, PaidSale},
    refunds::refuse_latest,
};

impl PaidSale<'_> {
    /// Refunds it in full; Ann buys the listing again. Returns the second purchase.
    async fn bought_again(&self) -> Purchase {
        assert_eq!(self.market.refund("key", &self.purchase, None).await.status(), 200);
        self.market.app.deliver_events().await;
        self.market.sold(&self.ann, &self.listing, PRICE).await
    }

    /// Asserts that the first purchase is one that is returned, and Ann has the listing by the
    /// second.
    async fn check_returned(&self, second: &Purchase, refunds: usize) {
        let purchase = self.now().await;
        let returned = PurchaseState::Returned { reason: "already_owned".to_owned() };
        assert_eq!((purchase.state, purchase.due_at), (returned, None));
        assert!(self.market.is_usable(&self.ann, second).await);
        assert_eq!(self.market.creator_balance(&self.kim).await.money.net, NET, "sold once");
        assert_eq!(self.market.app.refunded(), vec![PRICE; refunds]);
        assert_eq!(findings(self.market.app).await, [""; 0]);
    }
}

/// She would have paid twice for one entitlement.
#[tokio::test]
async fn a_refund_that_the_bank_returns_after_a_second_purchase_is_made_again() {
    let app = BillingApp::new().await;
    let sale = PaidSale::sold(&app).await;
    let second = sale.bought_again().await;
    refuse_latest(&app).await;
    sale.check_returned(&second, 2).await;
    assert_eq!(sale.now().await.taken_back, PRICE);
    let nothing_is_owed =
        sale.market.record_paid_back(&Actor::admin(), &sale.purchase, PRICE).await;
    assert_eq!(nothing_is_owed.brief(), "409 refunded_already");
    sale.market.assert_ledger_balances().await;
    let audit_lines = app.audit_lines().await;
    let line = "refunds refund purchase: already_owned";
    assert_eq!(audit_lines.iter().filter(|it| *it == line).count(), 1, "{audit_lines:#?}");
    app.close().await;
}

/// A closed card takes no refund, however often it is made.
#[tokio::test]
async fn what_the_bank_never_takes_is_for_a_person() {
    let app = BillingApp::new().await;
    let sale = PaidSale::sold(&app).await;
    let second = sale.bought_again().await;
    for _ in 0..3 {
        refuse_latest(&app).await;
    }
    for _ in 0..2 {
        sale.check_returned(&second, 3).await;
        let owed = -sale.market.balance(&sale.kim, LedgerAccount::BuyerReturns).await;
        assert_eq!((owed, sale.now().await.taken_back), (PRICE, 0), "nothing is lost");
        let parked = app.store.parked_events(None, 100).await.unwrap().items;
        assert!(!parked.is_empty(), "an event is parked");
        assert!(parked.iter().all(|it| it.why.contains("pay them outside Stripe")), "{parked:?}");
        app.advance_days(2);
        app.reconcile().await.unwrap();
    }
    // As the runbook asks.
    let record_cents =
        async |who: &Actor, cents| sale.market.record_paid_back(who, &sale.purchase, cents).await;
    let record = async |who: &Actor| record_cents(who, PRICE).await;
    assert_eq!(record(&Actor::moderator()).await.status(), 403);
    assert_eq!(record(&sale.kim.as_admin()).await.brief(), "403 own_listing");
    assert_eq!(record(&sale.ann.as_admin()).await.brief(), "403 own_purchase");
    let owned = sale.market.record_paid_back(&Actor::admin(), &second, PRICE).await;
    assert_eq!(owned.brief(), "409 not_returned");
    // While a refund is due, Stripe may still pay it.
    let due = async |due_at: Option<Timestamp>| {
        let read = (&sale.ann.id, &sale.purchase.id);
        let change = |update: &mut PurchaseUpdate| update.purchase.due_at = due_at;
        app.store.change_purchase(read, app.now(), change).await.unwrap();
    };
    due(Some(app.now())).await;
    assert_eq!(record(&Actor::admin()).await.brief(), "409 refund_in_progress");
    due(None).await;
    let other = record_cents(&Actor::admin(), PRICE - 1).await;
    assert_eq!(other.brief(), "409 amount_changed");
    assert_eq!(other.json()["owed"]["amount"], PRICE);
    let recorded = record(&Actor::admin()).await;
    assert_eq!(recorded.status(), 200, "{}", recorded.pretty());
    assert_eq!(recorded.json()["amount"]["amount"], PRICE);
    app.advance_days(1);
    assert_eq!(record(&Actor::admin()).await.json(), recorded.json(), "a repeat does nothing");
    let colleague = Actor::member("colleague").as_admin();
    assert_eq!(record(&colleague).await.brief(), "409 paid_back_already");
    let shapes = app.engine.dump().into_iter().filter(|item| item["shape"]["N"] == "2").count();
    assert_eq!(shapes, 2, "an older build writes neither the purchase nor the balance");
    app.reconcile().await.unwrap();
    assert!(app.store.parked_events(None, 100).await.unwrap().items.is_empty(), "it is over");
    assert_eq!(sale.market.balance(&sale.kim, LedgerAccount::OutsideStripe).await, -PRICE);
    sale.check_returned(&second, 3).await;
    let rows = app.audit_records().await;
    let entries = rows.iter().filter(|it| it.entry.action == Action::RecordPaidBack);
    let staff: Vec<_> = entries.map(|it| it.entry.staff()).collect();
    assert_eq!(staff, [Some(&Actor::admin().id)]);
    sale.market.assert_ledger_balances().await;
    app.close().await;
}

/// Otherwise nothing would return it.
#[tokio::test]
async fn what_comes_back_after_the_buyer_was_paid_outside_is_for_a_person_again() {
    let app = BillingApp::new().await;
    let sale = PaidSale::sold(&app).await;
    assert_eq!(sale.market.refund("part", &sale.purchase, Some(500)).await.status(), 200);
    app.deliver_events().await;
    let part = app.ids_of("refund.created").pop().unwrap();
    assert_eq!(sale.market.refund("rest", &sale.purchase, None).await.status(), 200);
    app.deliver_events().await;
    sale.market.sold(&sale.ann, &sale.listing, PRICE).await;
    for _ in 0..3 {
        refuse_latest(&app).await;
    }
    let colleague = Actor::member("colleague").as_admin();
    let record = async |by: &Actor, cents| {
        let recorded = sale.market.record_paid_back(by, &sale.purchase, cents).await;
        (recorded.brief(), recorded.json())
    };
    let parked = async || app.store.parked_events(None, 100).await.unwrap().items.len();
    let balances = async || {
        let returns = sale.market.balance(&sale.kim, LedgerAccount::BuyerReturns).await;
        (returns, sale.market.balance(&sale.kim, LedgerAccount::OutsideStripe).await)
    };
    let (answer, first) = record(&Actor::admin(), 1_500).await;
    assert_eq!(answer, "200", "{first:#}");
    app.advance_days(1);
    app.reconcile().await.unwrap();
    assert_eq!((parked().await, balances().await), (0, (0, -1_500)));

    app.stripe().fail_refund(&part).unwrap();
    app.deliver_events().await;
    assert!(parked().await > 0, "an event is parked");
    assert_eq!((sale.now().await.due_at, balances().await), (None, (-500, -1_500)));
    let (answer, stale) = record(&colleague, 1_500).await;
    assert_eq!((answer.as_str(), &stale["owed"]["amount"]), ("409 amount_changed", &json!(500)));
    let again = async || assert_eq!(record(&Actor::admin(), 1_500).await.1, first, "a repeat");
    again().await;
    let (answer, rest) = record(&colleague, 500).await;
    assert_eq!((answer.as_str(), &rest["amount"]["amount"]), ("200", &json!(500)));
    again().await;
    app.advance_days(2);
    app.reconcile().await.unwrap();
    assert_eq!((parked().await, balances().await), (0, (0, -PRICE)));
    assert_eq!(
        app.refunded(),
        vec![500, 1_500, 1_500, 1_500],
        "no refund is made of what was paid"
    );
    let rows = app.audit_records().await;
    let entries = rows.iter().filter(|it| it.entry.action == Action::RecordPaidBack);
    assert_eq!(entries.count(), 2);
    sale.market.assert_ledger_balances().await;
    app.close().await;
}

/// A refusal that is final leaves nothing due: a person has it. One that passes is due again.
#[tokio::test]
async fn what_stripe_refuses_for_good_is_for_a_person_and_not_due() {
    for (status, code, is_final) in [
        (400, "parameter_invalid_integer", true),
        (404, "resource_missing", true),
        (400, "balance_insufficient", false),
        (401, "api_key_expired", false),
    ] {
        let app = BillingApp::new().await;
        let sale = PaidSale::sold(&app).await;
        let second = sale.bought_again().await;
        let refused = AnswerFault::Refused { status, code: code.to_owned() };
        let order = Order::next(refused.into()).on_route(Route::StripeRefunds).on_marker("POST");
        app.sandbox.order(order.times(100)).unwrap();
        refuse_latest(&app).await;
        for _ in 0..2 {
            assert_eq!(sale.now().await.due_at.is_none(), is_final, "{code}");
            let parked = app.store.parked_events(None, 100).await.unwrap().items;
            assert!(!parked.is_empty(), "{code}: an event is parked");
            let is_owed = |why: &str| why.contains("pay them outside Stripe");
            assert!(parked.iter().all(|it| is_owed(&it.why) == is_final), "{code}: {parked:?}");
            app.advance_days(1);
            app.reconcile().await.unwrap();
        }
        app.sandbox.clear_faults();
        app.advance_days(1);
        app.reconcile().await.unwrap();
        app.deliver_events().await;
        assert!(app.store.parked_events(None, 100).await.unwrap().items.is_empty(), "{code}");
        sale.check_returned(&second, 2).await;
        app.close().await;
    }
}

/// The buyer has their money and never had access: the evidence says that.
#[tokio::test]
async fn evidence_about_a_returned_payment_claims_no_access() {
    let app = BillingApp::new().await;
    let (kim, ann) = (app.new_member("kim"), app.new_member("ann"));
    let market = Marketplace::new(&app);
    let listing = market.on_sale(&kim, PRICE).await;
    let url = market.checkout(&ann, &listing, PRICE, None).await;
    market.meanwhile("retire", &kim, &listing).await;
    app.pay(&url, Card::Succeeds);
    app.deliver_events().await;
    app.deliver_events().await;
    let payment = market.purchase_of(&ann, &url).await.payment.unwrap();
    let dispute = app.stripe().dispute(payment.as_str(), None, Opening::Chargeback).unwrap();
    app.deliver_events().await;
    let evidence = app.stripe().object(&dispute).unwrap()["evidence"].clone();
    let log = evidence["access_activity_log"].as_str().unwrap();
    assert!(log.ends_with("paid, no access by this payment, money returned"), "{log}");
    assert!(evidence["service_date"].is_null(), "nothing was delivered: {evidence:#}");
    app.close().await;
}

/// Stripe refunds nothing of a charge that was disputed, so what the dispute has left is parked.
#[tokio::test]
async fn what_a_lost_dispute_left_is_for_a_person() {
    let app = BillingApp::new().await;
    let sale = PaidSale::sold(&app).await;
    assert_eq!(sale.market.refund("key", &sale.purchase, Some(1_200)).await.status(), 200);
    app.deliver_events().await;
    let payment = sale.purchase.payment.clone().unwrap();
    let dispute = app.stripe().dispute(payment.as_str(), Some(800), Opening::Chargeback).unwrap();
    app.deliver_events().await;
    app.stripe().close_dispute(&dispute, Closing::Lost).unwrap();
    app.deliver_events().await;
    let second = sale.market.sold(&sale.ann, &sale.listing, PRICE).await;
    refuse_latest(&app).await;
    let returned = PurchaseState::Returned { reason: "already_owned".to_owned() };
    assert_eq!((sale.now().await.state, sale.now().await.taken_back), (returned, 800));
    assert!(sale.market.is_usable(&sale.ann, &second).await);
    let owed = -sale.market.balance(&sale.kim, LedgerAccount::BuyerReturns).await;
    assert_eq!(owed, 1_200);
    assert!(!app.store.parked_events(None, 100).await.unwrap().items.is_empty());
    assert_eq!(findings(&app).await, [""; 0]);
    app.close().await;
}

/// A bank decides on money that is owed to the buyer: it is not contested, and nothing is parked
/// meanwhile.
#[tokio::test]
async fn what_is_returned_waits_for_a_dispute_and_does_not_contest_it() {
    let app = BillingApp::new().await;
    let sale = PaidSale::sold(&app).await;
    let second = sale.bought_again().await;
    let refund = app.ids_of("refund.created").pop().unwrap();
    app.stripe().fail_refund(&refund).unwrap();
    let payment = sale.purchase.payment.clone().unwrap();
    let dispute = app.stripe().dispute(payment.as_str(), Some(500), Opening::Chargeback).unwrap();
    app.deliver_events().await;
    let at_stripe = app.stripe().object(&dispute).unwrap();
    assert_eq!(at_stripe["evidence_details"]["submission_count"], 0, "{at_stripe:#}");
    sale.check_returned(&second, 1).await;
    assert!(app.store.parked_events(None, 100).await.unwrap().items.is_empty());
    let meanwhile = sale.market.record_paid_back(&Actor::admin(), &sale.purchase, 1_500).await;
    assert_eq!(meanwhile.brief(), "409 in_dispute");
    app.stripe().close_dispute(&dispute, Closing::Lost).unwrap();
    app.deliver_events().await;
    assert!(!app.store.parked_events(None, 100).await.unwrap().items.is_empty());
    app.close().await;
}

/// Stripe refuses because of a dispute that was won, and another one is open: when it ends, Stripe
/// is asked again.
#[tokio::test]
async fn what_is_returned_is_parked_by_no_refusal_while_a_bank_decides() {
    let app = BillingApp::new().await;
    let sale = PaidSale::sold(&app).await;
    sale.bought_again().await;
    let refund = app.ids_of("refund.created").pop().unwrap();
    app.stripe().fail_refund(&refund).unwrap();
    let payment = sale.purchase.payment.clone().unwrap();
    let open = |cents, opening| app.stripe().dispute(payment.as_str(), cents, opening).unwrap();
    let won = open(Some(500), Opening::Chargeback);
    app.stripe().close_dispute(&won, Closing::Won).unwrap();
    let inquiry = open(None, Opening::Warning);
    app.deliver_events().await;
    app.advance_days(1);
    app.reconcile().await.unwrap();
    let parked = async || app.store.parked_events(None, 100).await.unwrap().items.len();
    assert_eq!((parked().await, sale.now().await.due_at.is_some()), (0, true));
    app.stripe().close_dispute(&inquiry, Closing::WarningClosed).unwrap();
    app.deliver_events().await;
    assert!(parked().await > 0);
    assert_eq!(sale.now().await.due_at, None, "a person has it now");
    app.close().await;
}

/// After both purchases were refunded, the one whose refund fails has the entitlement. What was
/// done with the second one is no evidence for the first.
#[tokio::test]
async fn a_refund_that_fails_after_two_purchases_brings_the_listing_back() {
    let app = BillingApp::new().await;
    let sale = PaidSale::sold(&app).await;
    let second = sale.bought_again().await;
    assert_eq!(sale.market.download(&sale.ann, &second).await.status(), 200);
    app.advance_days(1);
    let first = app.ids_of("refund.created").pop().unwrap();
    assert_eq!(sale.market.refund("other", &second, None).await.status(), 200);
    app.deliver_events().await;
    app.stripe().fail_refund(&first).unwrap();
    app.deliver_events().await;
    assert_eq!(sale.now().await.state, PurchaseState::Paid);
    assert!(sale.market.is_usable(&sale.ann, &sale.purchase).await);
    assert_eq!(findings(&app).await, [""; 0]);
    sale.market.assert_ledger_balances().await;
    let payment = sale.purchase.payment.clone().unwrap();
    let dispute = app.stripe().dispute(payment.as_str(), None, Opening::Chargeback).unwrap();
    app.deliver_events().await;
    let log = app.stripe().object(&dispute).unwrap()["evidence"]["access_activity_log"].clone();
    let log = log.as_str().unwrap();
    assert!(log.contains("access granted") && !log.contains("downloaded"), "{log}");
    app.close().await;
}
