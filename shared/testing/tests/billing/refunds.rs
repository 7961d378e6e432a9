//! Refunds of purchases: who may request them, how much, once; and their effect on payouts.

use domain::{
    audit::{Action, AuditRecord},
    generation::Provider,
    id::ListingId,
    marketplace::{
        Kind,
        creator::journal::LedgerAccount,
        listing::{content::Content, revision::Description},
        purchase::{Purchase, PurchaseState, entitlement::EntitlementState, refund::RefundState},
    },
};
use futures_util::future::join_all;
use generation::create_generation;
use sandbox::{
    faults::{AnswerFault, Fault as AtStripe, Order},
    route::Route,
    stripe::{Bank, Closing, Opening},
};
use serde_json::json;
use testing::{Actor, Fault, TestRequest, listings};

use crate::{
    market::Market,
    scene::{NET, PRICE, PaidSale},
    stage::Stage,
};

impl PaidSale<'_> {
    async fn now(&self) -> Purchase {
        self.market.store().purchase(&self.ann.id, &self.purchase.id).await.unwrap()
    }

    /// Asserts that this much is refunded, and the rest is where it should be.
    async fn check(&self, refunded: i64) {
        let purchase = self.now().await;
        assert_eq!(purchase.refunded, refunded);
        assert!(purchase.refunds.iter().all(|it| it.state == RefundState::Done), "{purchase:?}");
        assert_eq!(purchase.due_at, None);
        assert_eq!(purchase.state == PurchaseState::Refunded, refunded == PRICE);
        let revoked = self.access().await == EntitlementState::Revoked;
        assert_eq!(revoked, refunded == PRICE);
        self.market.assert_ledger_balances().await;
        let payment = self.market.stage.at_stripe().object(purchase.payment.unwrap().as_str());
        let charge = payment.unwrap()["latest_charge"].as_str().unwrap().to_owned();
        let charge = self.market.stage.at_stripe().object(&charge).unwrap();
        assert_eq!(charge["amount_refunded"], refunded);
    }
}

#[tokio::test]
async fn what_was_never_opened_goes_back_at_once() {
    let stage = Stage::new().await;
    let scene = PaidSale::sold(&stage).await;
    stage.pass(14);
    let given = scene.market.ask_back(&scene.ann, &scene.purchase, "not for me").await;
    assert_eq!(given.status(), 200, "{}", given.pretty());
    assert_eq!(given.json()["refund"]["state"], "done");
    assert_eq!(given.json()["refunded"]["amount"], PRICE);
    // A repeat returns the same answer, and refunds once.
    let again = scene.market.ask_back(&scene.ann, &scene.purchase, "not for me").await;
    assert_eq!(again.json()["refund"], given.json()["refund"]);
    stage.hear().await;
    scene.check(PRICE).await;
    assert_eq!(scene.market.download(&scene.ann, &scene.purchase).await.status(), 404);
    let bob = stage.member("bob");
    let not_theirs = scene.market.ask_back(&bob, &scene.purchase, "mine").await;
    assert_eq!(not_theirs.status(), 404);
    stage.close().await;
}

impl Market<'_> {
    /// A draft of a tailored model.
    async fn model(&self, creator: &Actor, cents: u32) -> ListingId {
        let (store, app) = (self.store(), &self.stage.app);
        let id = ListingId::new(app.now(), app.ambient.entropy.next());
        let content = Content { model_id: Some("acme-v1".to_owned()), ..Content::default() };
        let described = Description { content, ..listings::description("Silver prints", cents) };
        let what = (Kind::ModelFinetune, described);
        listings::draft(store, (&creator.id, id), what, app.now()).await
    }

    async fn generate(&self, by: &Actor, listing: &ListingId) -> String {
        let body = json!({ "listing_id": listing, "prompt": "a brass lamp" });
        let ask = TestRequest::by(by).key(listing.as_str()).json(body);
        let (endpoint, handle) = (&create_generation::ENDPOINT, &create_generation::handle);
        let hands = (self.store().clone(), Provider::Studio);
        self.stage.app.send(endpoint, handle, &hands, &ask).await.brief()
    }
}

#[tokio::test]
async fn a_model_is_gone_with_the_money() {
    let stage = Stage::new().await;
    let (market, kim, ann) = (Market::new(&stage), stage.member("kim"), stage.member("ann"));
    let listing = market.model(&kim, 10_000).await;
    listings::publish(market.store(), &kim.id, &listing, stage.app.now()).await;
    let purchase = market.sold(&ann, &listing, 10_000).await;
    let copied = market.model(&ann, 0).await;
    assert_eq!(market.generate(&ann, &copied).await, "403 model_not_proven");
    let given = market.ask_back(&ann, &purchase, "not for me").await;
    assert_eq!(given.json()["refund"]["state"], "done", "{}", given.pretty());
    stage.hear().await;
    assert_eq!(market.generate(&ann, &listing).await, "403 listing_not_licensed");
    assert_eq!(market.generate(&ann, &copied).await, "403 model_not_proven");
    assert_eq!(market.generate(&kim, &listing).await, "202", "its creator can still use it");
    stage.close().await;
}

#[tokio::test]
async fn what_was_opened_or_is_old_is_for_staff_to_decide() {
    for (code, days, download) in
        [("downloaded_already", 1, true), ("refund_window_over", 15, false)]
    {
        let stage = Stage::new().await;
        let scene = PaidSale::sold(&stage).await;
        if download {
            assert_eq!(scene.market.download(&scene.ann, &scene.purchase).await.status(), 200);
        }
        stage.pass(days);
        let refused = scene.market.ask_back(&scene.ann, &scene.purchase, "too dark").await;
        assert_eq!(refused.brief(), format!("409 {code}"));
        assert_eq!(refused.json()["requested"], true);
        let wishes = scene.market.store().refund_requests(100).await.unwrap();
        let wish = wishes[0].refund_request.clone().unwrap();
        assert_eq!((wish.because.as_str(), wish.reason.as_deref()), (code, Some("too dark")));
        assert_eq!(scene.access().await, EntitlementState::Active);
        scene.check(0).await;
        // A refund by staff closes the request.
        assert_eq!(scene.market.give_back("key", &scene.purchase, None).await.status(), 200);
        stage.hear().await;
        scene.check(PRICE).await;
        assert!(scene.market.store().refund_requests(100).await.unwrap().is_empty());
        stage.close().await;
    }
}

#[tokio::test]
async fn the_same_key_is_one_refund() {
    let stage = Stage::new().await;
    let scene = PaidSale::sold(&stage).await;
    let (market, purchase) = (&scene.market, &scene.purchase);
    let body = json!({ "reason": "as agreed" });
    let ask = TestRequest::by(&Actor::admin()).path("id", &purchase.id).json(body.clone());
    let keyless = market.give_back_as(&ask).await;
    assert_eq!(keyless.brief(), "400 idempotency_key_required");
    for who in [Actor::moderator(), scene.ann.clone()] {
        let ask = TestRequest::by(&who).key("mine").path("id", &purchase.id).json(body.clone());
        assert_eq!(market.give_back_as(&ask).await.status(), 403);
    }
    let first = market.give_back("one", purchase, Some(300)).await;
    let again = market.give_back("one", purchase, Some(300)).await;
    assert_eq!([first.status(), again.status()], [200, 200], "{}", again.pretty());
    assert_eq!(first.json()["refund"], again.json()["refund"]);
    scene.check(300).await;
    let other = market.give_back("one", purchase, Some(301)).await;
    assert_eq!(other.brief(), "422 idempotency_key_reused");
    let at_once = join_all((0..5).map(|_| market.give_back("two", purchase, Some(400)))).await;
    assert!(at_once.iter().any(|answer| answer.status() == 200));
    assert_eq!(market.give_back("two", purchase, Some(400)).await.status(), 200);
    stage.hear().await;
    scene.check(700).await;
    let rows = stage.audited().await;
    let refunds: Vec<_> = rows.iter().filter(|it| it.deed.action == Action::Refund).collect();
    assert_eq!(refunds.len(), 2, "{rows:#?}");
    for AuditRecord { deed, .. } in refunds {
        assert_eq!(deed.staff(), Some(&Actor::admin().id));
        assert_eq!(deed.reason.as_deref(), Some("as agreed"));
        let origin = deed.origin.as_ref().expect("an origin");
        assert!(!origin.request_id.is_empty() && origin.ip.is_some(), "{origin:?}");
    }
    stage.close().await;
}

/// An admin who bought or sells something cannot refund it, not even in part; another admin
/// decides.
#[tokio::test]
async fn staff_give_nothing_back_to_themselves() {
    let stage = Stage::new().await;
    let scene = PaidSale::sold(&stage).await;
    let (market, purchase) = (&scene.market, &scene.purchase);
    let ask = |who: &Actor, key: &str, body: serde_json::Value| {
        TestRequest::by(&who.as_admin()).key(key).path("id", &purchase.id).json(body)
    };
    let all = || json!({ "reason": "it is mine" });
    let part = json!({ "reason": "mine", "amount": { "amount": PRICE - 1, "currency": "usd" } });
    for (who, code) in [(&scene.ann, "own_purchase"), (&scene.kim, "own_listing")] {
        for (key, body) in [("all", all()), ("part", part.clone())] {
            let refused = market.give_back_as(&ask(who, key, body)).await;
            assert_eq!(refused.brief(), format!("403 {code}"));
        }
    }
    let bob = stage.member("bob");
    stage.app.suspend(&bob.id, "lost their laptop", None).await;
    let suspended = market.give_back_as(&ask(&bob, "all", all())).await;
    assert_eq!(suspended.brief(), "403 account_suspended");
    scene.check(0).await;
    assert_eq!(market.give_back("other", purchase, None).await.status(), 200);
    stage.hear().await;
    scene.check(PRICE).await;
    stage.close().await;
}

#[tokio::test]
async fn parts_never_add_up_to_more_than_was_paid() {
    let stage = Stage::new().await;
    let scene = PaidSale::sold(&stage).await;
    let give =
        async |key: &str, cents| scene.market.give_back(key, &scene.purchase, Some(cents)).await;
    assert_eq!(give("one", 800).await.status(), 200);
    assert_eq!(give("two", 800).await.status(), 200);
    let refused = give("three", 800).await;
    assert_eq!(refused.brief(), "422 refund_too_large");
    assert_eq!(refused.json()["refundable"]["amount"], 400);
    assert_eq!(give("four", 0).await.status(), 422);
    scene.check(1_600).await;
    // A refund in the dashboard, known only through its events.
    let payment = scene.purchase.payment.clone().unwrap();
    stage.at_stripe().refund(payment.as_str(), Some(100)).unwrap();
    let refused = give("five", 400).await;
    assert_ne!(refused.json()["refund"]["state"], "done", "{}", refused.pretty());
    stage.hear().await;
    assert_eq!(give("six", 300).await.status(), 200);
    assert_eq!(give("seven", 1).await.brief(), "409 refunded_already");
    stage.hear().await;
    let purchase = scene.now().await;
    assert_eq!((purchase.refunded, purchase.state), (PRICE, PurchaseState::Refunded));
    scene.market.assert_ledger_balances().await;
    stage.close().await;
}

#[tokio::test]
async fn nothing_is_given_back_while_a_bank_decides() {
    for opening in [Opening::Chargeback, Opening::Warning] {
        let stage = Stage::new().await;
        let scene = PaidSale::sold(&stage).await;
        let payment = scene.purchase.payment.clone().unwrap();
        let dispute = stage.at_stripe().dispute(payment.as_str(), None, opening).unwrap();
        stage.hear().await;
        let staff = scene.market.give_back("key", &scene.purchase, None).await;
        let buyer = scene.market.ask_back(&scene.ann, &scene.purchase, "both").await;
        assert_eq!([staff.brief(), buyer.brief()], ["409 in_dispute", "409 in_dispute"]);
        let closing = match opening {
            Opening::Chargeback => Closing::Won,
            Opening::Warning => Closing::WarningClosed,
        };
        stage.at_stripe().close_dispute(&dispute, closing).unwrap();
        stage.hear().await;
        let given = scene.market.give_back("key", &scene.purchase, None).await;
        stage.hear().await;
        match opening {
            Opening::Warning => scene.check(PRICE).await,
            // Stripe refuses refunds of a charge that was ever disputed, even if the dispute was
            // won.
            Opening::Chargeback => {
                let refund = &given.json()["refund"];
                assert_eq!([&refund["state"], &refund["code"]], ["failed", "charge_disputed"]);
                assert_eq!(scene.access().await, EntitlementState::Active);
                assert_eq!(scene.market.book(&scene.kim).await.money.net, NET);
                scene.market.assert_ledger_balances().await;
            }
        }
        stage.close().await;
    }
}

/// The three orders end the same for the creator.
#[tokio::test]
async fn a_refund_before_between_and_after_a_payout_ends_the_same() {
    for cents in [700, PRICE] {
        for order in ["before", "between", "after", "banked"] {
            let stage = Stage::new().await;
            let scene = PaidSale::sold(&stage).await;
            scene.market.fund().await;
            let account = scene.market.ready(&scene.kim, Bank::Works).await;
            stage.pass(7);
            if order == "between" {
                // Stripe refuses every attempt when the transfer is requested.
                let away = AnswerFault::TooMany { retry_after_s: None };
                let fault = Order::next(AtStripe::Answer(away));
                let fault = fault.on_route(Route::StripeTransfers).times(3);
                stage.sandbox.order(fault).unwrap();
                scene.market.pay_creators().await.unwrap();
            }
            if matches!(order, "after" | "banked") {
                scene.market.pay_creators().await.unwrap();
            }
            if order == "banked" {
                stage.at_stripe().pay_bank(&account).unwrap();
                stage.hear().await;
            }
            let given = scene.market.give_back("key", &scene.purchase, Some(cents)).await;
            assert_eq!(given.status(), 200, "{order}: {}", given.pretty());
            stage.hear().await;
            scene.market.pay_creators().await.unwrap();
            // An overpayment noticed too late is reversed by the next run.
            scene.market.pay_creators().await.unwrap();
            let kept = (PRICE - cents) * 4 / 5;
            let book = scene.market.book(&scene.kim).await;
            let transferred = book.balances.of(LedgerAccount::Transferred);
            let debt = book.balances.of(LedgerAccount::CreatorDebt);
            let banked = order == "banked";
            assert_eq!(debt, if banked { NET - kept } else { 0 }, "{order} {cents}");
            assert_eq!(transferred, if banked { NET } else { kept }, "{order} {cents}");
            assert_eq!(book.money.net, kept);
            scene.check(cents).await;
            stage.close().await;
        }
    }
}

/// The process dies before or after each table request; a retry, or the nightly run, completes the
/// refund once.
#[tokio::test]
async fn a_refund_survives_death_at_every_step() {
    let mut most = u32::MAX;
    for fault in [Fault::HangBefore, Fault::HangAfter, Fault::Conflict, Fault::LoseAnswer] {
        let meets = if fault == Fault::Conflict { "TransactWriteItems" } else { "*" };
        for nth in 1.. {
            if nth > most {
                break;
            }
            let stage = Stage::new().await;
            let scene = PaidSale::sold(&stage).await;
            stage.app.engine.take_usage();
            if most < u32::MAX {
                stage.app.engine.order(meets, nth, fault);
            }
            let work = scene.market.give_back("key", &scene.purchase, Some(500));
            stage.app.engine.until_hung(work).await;
            if most == u32::MAX {
                most = stage.app.engine.take_usage().round_trips();
            }
            if nth % 2 == 0 {
                stage.events();
                stage.reconcile().await.unwrap();
            }
            let again = scene.market.give_back("key", &scene.purchase, Some(500)).await;
            assert_eq!(again.status(), 200, "{fault:?} {nth}: {}", again.pretty());
            stage.hear().await;
            scene.check(500).await;
            stage.close().await;
        }
    }
}

/// Stripe did it and the response is lost, or it did not; then a retry or the nightly run follows.
/// Until then Stripe returns the stored failure.
#[tokio::test]
async fn a_refund_whose_answer_is_lost_is_made_once() {
    for (fault, times, nights) in [
        (AnswerFault::ServerErrorAfterAccepting, 1, [false, true]),
        (AnswerFault::BrokenConnection, 3, [false, true]),
        (AnswerFault::ServerError, 1, [true, true]),
    ] {
        for at_night in nights {
            let stage = Stage::new().await;
            let scene = PaidSale::sold(&stage).await;
            let order = Order::next(AtStripe::Answer(fault.clone()));
            stage.sandbox.order(order.on_route(Route::StripeRefunds).times(times)).unwrap();
            let lost = scene.market.ask_back(&scene.ann, &scene.purchase, "no").await;
            assert_eq!(lost.status(), 503, "{fault:?}: {}", lost.pretty());
            assert_eq!(scene.access().await, EntitlementState::Suspended, "{fault:?}");
            if at_night {
                stage.pass(1);
                stage.reconcile().await.unwrap();
            } else {
                let given = scene.market.ask_back(&scene.ann, &scene.purchase, "no").await;
                assert_eq!(given.status(), 200, "{}", given.pretty());
            }
            stage.hear().await;
            scene.check(PRICE).await;
            stage.close().await;
        }
    }
}

/// The bank rejects a refund: the money is ours again, and the buyer keeps the purchase.
#[tokio::test]
async fn a_refund_that_comes_back_is_none() {
    let stage = Stage::new().await;
    let scene = PaidSale::sold(&stage).await;
    assert_eq!(scene.market.give_back("key", &scene.purchase, None).await.status(), 200);
    stage.hear().await;
    scene.check(PRICE).await;
    let made = stage.at_stripe().events();
    let made = made.iter().find(|event| crate::stage::kind_of(event) == "refund.created").unwrap();
    let made: serde_json::Value = serde_json::from_str(made).unwrap();
    stage.at_stripe().fail_refund(made["data"]["object"]["id"].as_str().unwrap()).unwrap();
    stage.hear().await;
    let purchase = scene.now().await;
    assert_eq!((purchase.state, purchase.refunded), (PurchaseState::Paid, 0));
    assert_eq!(scene.access().await, EntitlementState::Active);
    let book = scene.market.book(&scene.kim).await;
    assert_eq!(book.money.net, NET);
    scene.market.assert_ledger_balances().await;
    stage.close().await;
}
