//! Refunds of purchases: who may request them, how much, once; and their effect on payouts.

use domain::{
    audit::{Action, AuditRecord},
    id::ListingId,
    marketplace::{
        Kind,
        creator::journal::LedgerAccount,
        listing::{content::Content, revision::Description},
        purchase::{Purchase, PurchaseState, entitlement::EntitlementState, refund::RefundState},
    },
};
use futures_util::future::join_all;
use sandbox::{
    faults::{AnswerFault, Fault as AtStripe, Order},
    route::Route,
    stripe::{Bank, Closing, Opening},
};
use serde_json::json;
use testing::{Actor, Fault, listings};

use crate::{
    billing_app::BillingApp,
    marketplace::{Marketplace, refund_path},
    paid_sale::{NET, PRICE, PaidSale},
};

impl PaidSale<'_> {
    pub(crate) async fn now(&self) -> Purchase {
        self.market.app.store.purchase(&self.ann.id, &self.purchase.id).await.unwrap()
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
        let payment = self.market.app.stripe().object(purchase.payment.unwrap().as_str());
        let charge = payment.unwrap()["latest_charge"].as_str().unwrap().to_owned();
        let charge = self.market.app.stripe().object(&charge).unwrap();
        assert_eq!(charge["amount_refunded"], refunded);
    }
}

#[tokio::test]
async fn a_purchase_that_was_never_opened_is_refunded_at_once() {
    let app = BillingApp::new().await;
    let sale = PaidSale::sold(&app).await;
    app.advance_days(14);
    let given = sale.market.request_refund(&sale.ann, &sale.purchase, "not for me").await;
    assert_eq!(given.status(), 200, "{}", given.pretty());
    assert_eq!(given.json()["refunds"][0]["status"], "done");
    assert_eq!(given.json()["refunded"]["amount"], PRICE);
    // A repeat returns the same answer, and refunds once.
    let again = sale.market.request_refund(&sale.ann, &sale.purchase, "not for me").await;
    assert_eq!(again.json()["refunds"], given.json()["refunds"]);
    app.deliver_events().await;
    sale.check(PRICE).await;
    assert_eq!(sale.market.download(&sale.ann, &sale.purchase).await.status(), 404);
    let bob = app.new_member("bob");
    let not_theirs = sale.market.request_refund(&bob, &sale.purchase, "mine").await;
    assert_eq!(not_theirs.status(), 404);
    app.close().await;
}

/// A draft of a tailored model.
async fn model(app: &BillingApp, creator: &Actor, cents: u32) -> ListingId {
    let id = ListingId::new(app.now(), app.ambient.entropy.next());
    let content = Content { model_id: Some("acme-v1".to_owned()), ..Content::default() };
    let described = Description { content, ..listings::description("Silver prints", cents) };
    let what = (Kind::ModelFinetune, described);
    listings::draft(&app.store, (&creator.id, id), what, app.now()).await
}

/// The answer to a request for an image with a listing.
async fn generate(app: &BillingApp, by: &Actor, listing: &ListingId) -> String {
    let body = json!({ "listing_id": listing, "prompt": "a brass lamp" });
    let request = app.client(by).post("/api/v1/generations").key(listing.as_str());
    request.json(body).await.brief()
}

#[tokio::test]
async fn a_model_cannot_be_used_after_its_refund() {
    let app = BillingApp::new().await;
    let (market, kim, ann) = (Marketplace::new(&app), app.new_member("kim"), app.new_member("ann"));
    let listing = model(&app, &kim, 10_000).await;
    listings::publish(&app.store, &kim.id, &listing, app.now()).await;
    let purchase = market.sold(&ann, &listing, 10_000).await;
    let copied = model(&app, &ann, 0).await;
    assert_eq!(generate(&app, &ann, &copied).await, "403 model_not_proven");
    let given = market.request_refund(&ann, &purchase, "not for me").await;
    assert_eq!(given.json()["refunds"][0]["status"], "done", "{}", given.pretty());
    app.deliver_events().await;
    assert_eq!(generate(&app, &ann, &listing).await, "403 listing_not_licensed");
    assert_eq!(generate(&app, &ann, &copied).await, "403 model_not_proven");
    assert_eq!(generate(&app, &kim, &listing).await, "202", "its creator can still use it");
    app.close().await;
}

#[tokio::test]
async fn staff_decide_on_a_purchase_that_was_opened_or_is_old() {
    for (code, days, download) in
        [("downloaded_already", 1, true), ("refund_window_over", 15, false)]
    {
        let app = BillingApp::new().await;
        let sale = PaidSale::sold(&app).await;
        if download {
            assert_eq!(sale.market.download(&sale.ann, &sale.purchase).await.status(), 200);
        }
        app.advance_days(days);
        let asked = sale.market.request_refund(&sale.ann, &sale.purchase, "too dark").await;
        assert_eq!(asked.status(), 202, "{}", asked.pretty());
        let own = format!("/api/v1/marketplace/purchases/{}", sale.purchase.id);
        assert!(asked.header("location").is_some_and(|url| url.ends_with(&own)));
        let request = &asked.json()["refund_request"];
        assert_eq!([&request["status"], &request["because"]], ["pending", code]);
        let again = sale.market.request_refund(&sale.ann, &sale.purchase, "really").await;
        assert_eq!((again.status(), again.json()), (202, asked.json()), "it is one request");
        let waiting = requests(&app).await;
        assert_eq!(waiting.len(), 1);
        assert_eq!([&waiting[0]["because"], &waiting[0]["reason"]], [code, "too dark"]);
        assert_eq!(sale.access().await, EntitlementState::Active);
        sale.check(0).await;
        // A refund by staff grants the request.
        assert_eq!(sale.market.refund("key", &sale.purchase, None).await.status(), 200);
        app.deliver_events().await;
        sale.check(PRICE).await;
        assert!(requests(&app).await.is_empty());
        let shown = app.client(&sale.ann).get(own).await.json();
        let request = &shown["refund_request"];
        assert_eq!([&request["status"], &request["decision_reason"]], ["granted", "as agreed"]);
        assert_eq!(shown["refunded"]["amount"], PRICE);
        assert_eq!(shown["refunds"][0]["status"], "done");
        app.close().await;
    }
}

/// The refund requests that wait for staff.
async fn requests(app: &BillingApp) -> Vec<serde_json::Value> {
    let admin = app.client(&Actor::admin());
    let listed = admin.get("/api/v1/admin/purchases/refund-requests").await.json();
    listed["items"].as_array().unwrap().clone()
}

/// The buyer reads why, cannot ask for the same again, and staff may still change their mind.
#[tokio::test]
async fn staff_decline_a_request_with_a_reason() {
    let app = BillingApp::new().await;
    let sale = PaidSale::sold(&app).await;
    let (market, purchase) = (&sale.market, &sale.purchase);
    let decline = async |who: &Actor, reason: &str| {
        let path = format!("{}/decline", refund_path(purchase));
        app.client(who).post(path).json(json!({ "reason": reason })).await
    };
    let admin = Actor::admin();
    assert_eq!(decline(&admin, "Used.").await.brief(), "409 no_refund_request");
    assert_eq!(market.download(&sale.ann, purchase).await.status(), 200);
    assert_eq!(market.request_refund(&sale.ann, purchase, "too dark").await.status(), 202);
    assert_eq!(decline(&Actor::moderator(), "Used.").await.status(), 403);
    assert_eq!(decline(&sale.kim.as_admin(), "Used.").await.brief(), "403 own_listing");
    assert_eq!(decline(&sale.ann.as_admin(), "Used.").await.brief(), "403 own_purchase");
    assert_eq!(decline(&admin, "").await.status(), 422);
    let declined = decline(&admin, "Used.").await;
    assert_eq!(declined.status(), 200, "{}", declined.pretty());
    app.advance_days(1);
    assert_eq!(decline(&admin, "Used.").await.json(), declined.json(), "a repeat does nothing");
    assert_eq!(decline(&admin, "Other.").await.brief(), "409 no_refund_request");
    assert!(requests(&app).await.is_empty());

    let own = format!("/api/v1/marketplace/purchases/{}", purchase.id);
    let shown = async || app.client(&sale.ann).get(&own).await.json()["refund_request"].clone();
    let request = shown().await;
    assert_eq!([&request["status"], &request["decision_reason"]], ["declined", "Used."]);
    assert_eq!(request["decided_at"], declined.json()["decided_at"]);
    let again = market.request_refund(&sale.ann, purchase, "please").await;
    assert_eq!(again.brief(), "409 refund_declined");
    assert_eq!(sale.access().await, EntitlementState::Active);
    let rows = app.audit_records().await;
    let entries: Vec<_> =
        rows.iter().filter(|it| it.entry.action == Action::DeclineRefund).collect();
    assert_eq!(entries.len(), 1);
    assert_eq!(entries[0].entry.staff(), Some(&admin.id));
    assert_eq!(entries[0].entry.reason.as_deref(), Some("Used."));

    assert_eq!(market.refund("later", purchase, Some(100)).await.status(), 200);
    app.deliver_events().await;
    assert_eq!(shown().await["status"], "granted");
    sale.check(100).await;
    app.close().await;
}

#[tokio::test]
async fn the_same_key_is_one_refund() {
    let app = BillingApp::new().await;
    let sale = PaidSale::sold(&app).await;
    let (market, purchase) = (&sale.market, &sale.purchase);
    let body = json!({ "reason": "as agreed" });
    let staff = app.client(&Actor::admin());
    let keyless = staff.post(refund_path(purchase)).json(body.clone()).await;
    assert_eq!(keyless.brief(), "400 idempotency_key_required");
    for who in [Actor::moderator(), sale.ann.clone()] {
        let request = app.client(&who).post(refund_path(purchase)).key("mine");
        assert_eq!(request.json(body.clone()).await.status(), 403);
    }
    let first = market.refund("one", purchase, Some(300)).await;
    let again = market.refund("one", purchase, Some(300)).await;
    assert_eq!([first.status(), again.status()], [200, 200], "{}", again.pretty());
    assert_eq!(first.json()["refund"], again.json()["refund"]);
    sale.check(300).await;
    let other = market.refund("one", purchase, Some(301)).await;
    assert_eq!(other.brief(), "422 idempotency_key_reused");
    let at_once = join_all((0..5).map(|_| market.refund("two", purchase, Some(400)))).await;
    assert!(at_once.iter().any(|answer| answer.status() == 200));
    assert_eq!(market.refund("two", purchase, Some(400)).await.status(), 200);
    app.deliver_events().await;
    sale.check(700).await;
    let rows = app.audit_records().await;
    let refunds: Vec<_> = rows.iter().filter(|it| it.entry.action == Action::Refund).collect();
    assert_eq!(refunds.len(), 2, "{rows:#?}");
    for AuditRecord { entry, .. } in refunds {
        assert_eq!(entry.staff(), Some(&Actor::admin().id));
        assert_eq!(entry.reason.as_deref(), Some("as agreed"));
        let origin = entry.origin.as_ref().expect("an origin");
        assert!(!origin.request_id.is_empty() && origin.ip.is_some(), "{origin:?}");
    }
    app.close().await;
}

/// An admin who bought or sells something cannot refund it, not even in part; another admin
/// decides.
#[tokio::test]
async fn staff_refund_nothing_to_themselves() {
    let app = BillingApp::new().await;
    let sale = PaidSale::sold(&app).await;
    let (market, purchase) = (&sale.market, &sale.purchase);
    let refund = async |who: &Actor, key: &str, body: serde_json::Value| {
        let staff = app.client(&who.as_admin());
        staff.post(refund_path(purchase)).key(key).json(body).await
    };
    let all = || json!({ "reason": "it is mine" });
    let part = json!({ "reason": "mine", "amount": { "amount": PRICE - 1, "currency": "usd" } });
    for (who, code) in [(&sale.ann, "own_purchase"), (&sale.kim, "own_listing")] {
        for (key, body) in [("all", all()), ("part", part.clone())] {
            let refused = refund(who, key, body).await;
            assert_eq!(refused.brief(), format!("403 {code}"));
        }
    }
    let bob = app.new_member("bob");
    app.suspend(&bob.id, "lost their laptop", None).await;
    let suspended = refund(&bob, "all", all()).await;
    assert_eq!(suspended.brief(), "403 account_suspended");
    sale.check(0).await;
    assert_eq!(market.refund("other", purchase, None).await.status(), 200);
    app.deliver_events().await;
    sale.check(PRICE).await;
    app.close().await;
}

/// The balance at Stripe is empty, or the key is being replaced: the nightly run asks again.
#[tokio::test]
async fn a_refund_that_stripe_refuses_for_now_is_recorded_and_made_later() {
    for (status, code) in [(400, "balance_insufficient"), (401, "api_key_expired")] {
        let app = BillingApp::new().await;
        let sale = PaidSale::sold(&app).await;
        let refused = AnswerFault::Refused { status, code: code.to_owned() };
        let order = Order::next(refused.into()).on_route(Route::StripeRefunds).on_marker("POST");
        app.sandbox.order(order.times(100)).unwrap();
        for _ in 0..2 {
            let asked = sale.market.refund("key", &sale.purchase, None).await;
            assert_eq!(asked.status(), 200, "{code}: {}", asked.pretty());
            assert_eq!(asked.json()["refund"]["status"], "asked", "{code}");
        }
        assert_eq!(sale.now().await.refunded, 0);
        app.sandbox.clear_faults();
        app.advance_days(1);
        app.reconcile().await.unwrap();
        app.deliver_events().await;
        sale.check(PRICE).await;
        app.close().await;
    }
}

#[tokio::test]
async fn parts_never_add_up_to_more_than_was_paid() {
    let app = BillingApp::new().await;
    let sale = PaidSale::sold(&app).await;
    let refund =
        async |key: &str, cents| sale.market.refund(key, &sale.purchase, Some(cents)).await;
    assert_eq!(refund("one", 800).await.status(), 200);
    assert_eq!(refund("two", 800).await.status(), 200);
    let refused = refund("three", 800).await;
    assert_eq!(refused.brief(), "422 refund_too_large");
    assert_eq!(refused.json()["refundable"]["amount"], 400);
    assert_eq!(refund("four", 0).await.status(), 422);
    sale.check(1_600).await;
    // A refund in the dashboard, known only through its events.
    let payment = sale.purchase.payment.clone().unwrap();
    app.stripe().refund(payment.as_str(), Some(100)).unwrap();
    let refused = refund("five", 400).await;
    assert_ne!(refused.json()["refund"]["status"], "done", "{}", refused.pretty());
    app.deliver_events().await;
    assert_eq!(refund("six", 300).await.status(), 200);
    assert_eq!(refund("seven", 1).await.brief(), "409 refunded_already");
    app.deliver_events().await;
    let purchase = sale.now().await;
    assert_eq!((purchase.refunded, purchase.state), (PRICE, PurchaseState::Refunded));
    sale.market.assert_ledger_balances().await;
    app.close().await;
}

/// While Stripe has not said whether it made a refund, there is no other; and there is an end to
/// parts.
#[tokio::test]
async fn a_refund_waits_for_the_one_before_it() {
    let app = BillingApp::new().await;
    let sale = PaidSale::sold(&app).await;
    let (market, purchase) = (&sale.market, &sale.purchase);
    let unreached = Order::next(AtStripe::Answer(AnswerFault::BrokenConnection));
    app.sandbox.order(unreached.on_route(Route::StripeRefunds).on_marker("POST").times(3)).unwrap();
    assert_eq!(market.refund("first", purchase, Some(1)).await.status(), 503);
    assert_eq!(market.refund("second", purchase, Some(1)).await.brief(), "409 refund_in_progress");
    let buyers = market.request_refund(&sale.ann, purchase, "no").await;
    assert_eq!(buyers.brief(), "409 refund_in_progress");
    for nth in 0..20 {
        let key = if nth == 0 { "first".to_owned() } else { format!("part-{nth}") };
        assert_eq!(market.refund(&key, purchase, Some(1)).await.status(), 200, "{nth}");
    }
    assert_eq!(market.refund("more", purchase, Some(1)).await.brief(), "409 too_many_refunds");
    let buyers = market.request_refund(&sale.ann, purchase, "no").await;
    assert_eq!(buyers.brief(), "409 too_many_refunds");
    app.deliver_events().await;
    sale.check(20).await;
    app.close().await;
}

#[tokio::test]
async fn what_staff_refunded_cannot_be_asked_for() {
    let app = BillingApp::new().await;
    let sale = PaidSale::sold(&app).await;
    assert_eq!(sale.market.refund("all", &sale.purchase, None).await.status(), 200);
    app.deliver_events().await;
    let asked = sale.market.request_refund(&sale.ann, &sale.purchase, "no").await;
    assert_eq!(asked.brief(), "409 refunded_already");
    app.close().await;
}

#[tokio::test]
async fn nothing_is_refunded_while_a_bank_decides() {
    for opening in [Opening::Chargeback, Opening::Warning] {
        let app = BillingApp::new().await;
        let sale = PaidSale::sold(&app).await;
        let payment = sale.purchase.payment.clone().unwrap();
        let dispute = app.stripe().dispute(payment.as_str(), None, opening).unwrap();
        app.deliver_events().await;
        let staff = sale.market.refund("key", &sale.purchase, None).await;
        let buyer = sale.market.request_refund(&sale.ann, &sale.purchase, "both").await;
        assert_eq!([staff.brief(), buyer.brief()], ["409 in_dispute", "409 in_dispute"]);
        let closing = match opening {
            Opening::Chargeback => Closing::Won,
            Opening::Warning => Closing::WarningClosed,
        };
        app.stripe().close_dispute(&dispute, closing).unwrap();
        app.deliver_events().await;
        let given = sale.market.refund("key", &sale.purchase, None).await;
        app.deliver_events().await;
        match opening {
            Opening::Warning => sale.check(PRICE).await,
            // Stripe refuses refunds of a charge that was ever disputed, even if the dispute was
            // won.
            Opening::Chargeback => {
                let refund = &given.json()["refund"];
                assert_eq!(
                    [&refund["status"], &refund["failure_code"]],
                    ["failed", "charge_disputed"]
                );
                assert_eq!(sale.access().await, EntitlementState::Active);
                assert_eq!(sale.market.creator_balance(&sale.kim).await.money.net, NET);
                sale.market.assert_ledger_balances().await;
            }
        }
        app.close().await;
    }
}

/// The three orders end the same for the creator.
#[tokio::test]
async fn a_refund_before_between_and_after_a_payout_ends_the_same() {
    for cents in [700, PRICE] {
        for order in ["before", "between", "after", "banked"] {
            let app = BillingApp::new().await;
            let sale = PaidSale::sold(&app).await;
            sale.market.fund().await;
            let account = sale.market.complete_onboarding(&sale.kim, Bank::Works).await;
            app.advance_days(7);
            if order == "between" {
                // Stripe refuses every attempt when the transfer is requested.
                let away = AnswerFault::TooMany { retry_after_s: None };
                let fault = Order::next(AtStripe::Answer(away));
                let fault = fault.on_route(Route::StripeTransfers).times(3);
                app.sandbox.order(fault).unwrap();
                sale.market.pay_creators().await.unwrap();
            }
            if matches!(order, "after" | "banked") {
                sale.market.pay_creators().await.unwrap();
            }
            if order == "banked" {
                app.stripe().pay_bank(&account).unwrap();
                app.deliver_events().await;
            }
            let given = sale.market.refund("key", &sale.purchase, Some(cents)).await;
            assert_eq!(given.status(), 200, "{order}: {}", given.pretty());
            app.deliver_events().await;
            sale.market.pay_creators().await.unwrap();
            // An overpayment noticed too late is reversed by the next run.
            sale.market.pay_creators().await.unwrap();
            let kept = (PRICE - cents) * 4 / 5;
            let book = sale.market.creator_balance(&sale.kim).await;
            let transferred = book.balances.of(LedgerAccount::Transferred);
            let debt = book.balances.of(LedgerAccount::CreatorDebt);
            let banked = order == "banked";
            assert_eq!(debt, if banked { NET - kept } else { 0 }, "{order} {cents}");
            assert_eq!(transferred, if banked { NET } else { kept }, "{order} {cents}");
            assert_eq!(book.money.net, kept);
            sale.check(cents).await;
            app.close().await;
        }
    }
}

/// The process dies before or after each table request; a retry, or the nightly run, completes the
/// refund once.
#[tokio::test]
async fn a_refund_survives_a_crash_at_every_step() {
    let mut most = u32::MAX;
    for fault in [Fault::HangBefore, Fault::HangAfter, Fault::Conflict, Fault::LoseAnswer] {
        let meets = if fault == Fault::Conflict { "TransactWriteItems" } else { "*" };
        for nth in 1.. {
            if nth > most {
                break;
            }
            let app = BillingApp::new().await;
            let sale = PaidSale::sold(&app).await;
            app.engine.take_usage();
            if most < u32::MAX {
                app.engine.order(meets, nth, fault);
            }
            let work = sale.market.refund("key", &sale.purchase, Some(500));
            app.engine.until_hung(work).await;
            if most == u32::MAX {
                most = app.engine.take_usage().round_trips();
            }
            if nth % 2 == 0 {
                app.events();
                app.reconcile().await.unwrap();
            }
            let again = sale.market.refund("key", &sale.purchase, Some(500)).await;
            assert_eq!(again.status(), 200, "{fault:?} {nth}: {}", again.pretty());
            app.deliver_events().await;
            sale.check(500).await;
            app.close().await;
        }
    }
}

/// Stripe did it and the response is lost, or it did not; then a retry or the nightly run follows.
/// Stripe replays a failure for a day: if it made no refund, the next key makes one.
#[tokio::test]
async fn a_refund_whose_answer_is_lost_is_made_once() {
    for (fault, times) in [
        (AnswerFault::ServerErrorAfterAccepting, 1),
        (AnswerFault::BrokenConnection, 3),
        (AnswerFault::ServerError, 1),
    ] {
        for at_night in [false, true] {
            let app = BillingApp::new().await;
            let sale = PaidSale::sold(&app).await;
            let order = Order::next(AtStripe::Answer(fault.clone()));
            let order = order.on_route(Route::StripeRefunds).on_marker("POST").times(times);
            app.sandbox.order(order).unwrap();
            let lost = sale.market.request_refund(&sale.ann, &sale.purchase, "no").await;
            assert_eq!(lost.status(), 503, "{fault:?}: {}", lost.pretty());
            assert_eq!(sale.access().await, EntitlementState::Suspended, "{fault:?}");
            if at_night {
                app.advance_days(1);
                app.reconcile().await.unwrap();
            } else {
                let given = sale.market.request_refund(&sale.ann, &sale.purchase, "no").await;
                assert_eq!(given.status(), 200, "{}", given.pretty());
            }
            app.deliver_events().await;
            sale.check(PRICE).await;
            app.close().await;
        }
    }
}

/// The bank rejects a refund: the money is ours again, and the buyer keeps the purchase.
#[tokio::test]
async fn a_refund_that_the_bank_returns_is_undone() {
    let app = BillingApp::new().await;
    let sale = PaidSale::sold(&app).await;
    assert_eq!(sale.market.refund("key", &sale.purchase, None).await.status(), 200);
    app.deliver_events().await;
    sale.check(PRICE).await;
    refuse_latest(&app).await;
    let purchase = sale.now().await;
    assert_eq!((purchase.state, purchase.refunded), (PurchaseState::Paid, 0));
    let failed = RefundState::Failed { code: "lost_or_stolen_card".to_owned() };
    assert_eq!(purchase.refunds[0].state, failed);
    assert_eq!(sale.access().await, EntitlementState::Active);
    let book = sale.market.creator_balance(&sale.kim).await;
    assert_eq!(book.money.net, NET);
    sale.market.assert_ledger_balances().await;
    app.close().await;
}

/// Stripe forgets a key after a day, so there may be two refunds under one: the one that did not
/// fail counts.
#[tokio::test]
async fn a_second_refund_under_a_key_that_fails_does_not_undo_the_first() {
    let app = BillingApp::new().await;
    let sale = PaidSale::sold(&app).await;
    assert_eq!(sale.market.refund("key", &sale.purchase, Some(500)).await.status(), 200);
    app.deliver_events().await;
    let (payment, key) = (sale.purchase.payment.clone().unwrap(), sale.purchase.refund_key(1));
    let form =
        [("payment_intent", payment.as_str()), ("amount", "500"), ("metadata[key]", key.as_str())];
    let second = app.post_to_stripe("refunds", &form).await;
    app.stripe().fail_refund(second["id"].as_str().unwrap()).unwrap();
    app.deliver_events().await;
    sale.check(500).await;
    app.close().await;
}

/// The repeat is another refund, not the answer to the one that failed.
#[tokio::test]
async fn a_buyer_asks_again_for_what_the_bank_returned() {
    let app = BillingApp::new().await;
    let sale = PaidSale::sold(&app).await;
    let ask = async || sale.market.request_refund(&sale.ann, &sale.purchase, "not for me").await;
    assert_eq!(ask().await.status(), 200);
    app.deliver_events().await;
    refuse_latest(&app).await;
    let given = ask().await;
    assert_eq!(given.status(), 200, "{}", given.pretty());
    let states: Vec<_> = given.json()["refunds"].as_array().unwrap().clone();
    let states: Vec<_> = states.iter().map(|it| it["status"].as_str().unwrap()).collect();
    assert_eq!(states, ["failed", "done"]);
    app.deliver_events().await;
    assert_eq!(app.refunded(), [PRICE, PRICE]);
    assert_eq!(sale.access().await, EntitlementState::Revoked);
    sale.market.assert_ledger_balances().await;
    app.close().await;
}

/// The total refunded of the payment never reaches what the second one was to make it.
#[tokio::test]
async fn a_refund_ends_though_the_one_before_it_failed_unheard() {
    let app = BillingApp::new().await;
    let sale = PaidSale::sold(&app).await;
    assert_eq!(sale.market.refund("one", &sale.purchase, Some(800)).await.status(), 200);
    app.deliver_events().await;
    let first = app.ids_of("refund.created").pop().unwrap();
    app.stripe().fail_refund(&first).unwrap();
    let second = sale.market.refund("two", &sale.purchase, Some(100)).await;
    assert_eq!(second.status(), 200, "{}", second.pretty());
    for _ in 0..8 {
        app.advance_days(2);
        app.reconcile().await.unwrap();
    }
    assert_eq!(app.refunded(), [800, 100]);
    let purchase = sale.now().await;
    let failed = RefundState::Failed { code: "lost_or_stolen_card".to_owned() };
    let ended: Vec<_> = purchase.refunds.into_iter().map(|it| it.state).collect();
    assert_eq!((ended, purchase.refunded), (vec![failed, RefundState::Done], 100));
    sale.market.assert_ledger_balances().await;
    app.close().await;
}

/// The bank rejects the latest refund.
pub(crate) async fn refuse_latest(app: &BillingApp) {
    let latest = app.ids_of("refund.created").pop().unwrap();
    app.stripe().fail_refund(&latest).unwrap();
    app.deliver_events().await;
}
