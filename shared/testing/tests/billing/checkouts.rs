//! Checkout sessions: opening and paying.

use std::time::Duration;

use domain::plan::Plan;
use futures_util::future::join_all;
use sandbox::{
    faults::{AnswerFault, Fault, Order},
    route::Route,
    stripe::{Card, Payment},
};
use serde_json::{Value, json};
use testing::Actor;

use crate::billing_app::{BillingApp, good, session_of};

#[tokio::test]
async fn a_pack_is_paid_for_and_its_credits_are_there() {
    let app = BillingApp::new().await;
    let ann = app.new_member("ann");
    let order = app.buy(&ann, "pack_50").await;
    assert_eq!(order.paid.unwrap().amount, 500);
    assert_eq!(app.credits(&ann).await["available"], 60);
    let receipts = app.invoices(&ann).await;
    assert_eq!((receipts.len(), &receipts[0]["total"]["amount"]), (1, &json!(500)));
    app.close().await;
}

/// The process and its connections stay; the key is read again after five minutes, and before the
/// next call once Stripe has refused it.
#[tokio::test]
async fn a_rotated_key_reaches_a_running_process() {
    let app = BillingApp::new().await;
    let ann = app.new_member("ann");
    let rotate = |key: &str| app.aws.put_secret("STRIPE_SECRET_ARN", &json!({ "api_key": key }));
    let check_out =
        async |key: &str| app.try_checkout(&ann, key, json!({ "pack": "pack_50" })).await.status();
    assert_eq!(check_out("one").await, 201);
    rotate("rk_revoked");
    assert_eq!(check_out("two").await, 201, "the one in memory");
    app.advance(Duration::from_secs(5 * 60));
    assert_eq!(check_out("three").await, 500, "the one that Stripe refuses");
    rotate("rk_test_rotated");
    app.advance(Duration::from_secs(60));
    assert_eq!(check_out("four").await, 201, "the next one");
    app.close().await;
}

/// What the page asks to which Stripe returns.
#[tokio::test]
async fn a_checkout_says_what_came_of_it() {
    let app = BillingApp::new().await;
    let (ann, bob) = (app.new_member("ann"), app.new_member("bob"));
    let state = async |path: &str| {
        let seen = app.client(&ann).get(path).await;
        let (body, again) = (seen.json(), seen.header("retry-after").is_some());
        (body["status"].clone(), body["granted"]["credits"].clone(), again)
    };
    for (asked, credits) in [(json!({"pack": "pack_50"}), 50), (json!({"plan": "pro"}), 500)] {
        let opened = app.try_checkout(&ann, &asked.to_string(), asked.clone()).await;
        let again = app.try_checkout(&ann, &asked.to_string(), asked.clone()).await;
        assert_eq!((opened.status(), &opened.body), (201, &again.body));
        // A pack's order is found again; a plan's page is asked for again, and is the same.
        let replayed = again.header("idempotency-replayed").is_some();
        assert_eq!(replayed, asked["pack"].is_string(), "{asked}");
        let (body, location) = (opened.json(), opened.header("location").unwrap());
        let path = location.split_once("/test").unwrap().1;
        assert_eq!(path, format!("/api/v1/billing/checkouts/{}", body["id"].as_str().unwrap()));
        assert_eq!(state(path).await, (json!("open"), Value::Null, true), "{asked}");
        let seen = app.client(&ann).get(path).await.json();
        assert_eq!(seen["checkout_url"], body["checkout_url"]);
        app.pay(body["checkout_url"].as_str().unwrap(), Card::Succeeds);
        app.deliver_events().await;
        assert_eq!(state(path).await, (json!("granted"), json!(credits), false), "{asked}");
        let seen = app.client(&ann).get(path).await.json();
        assert_eq!(seen["checkout_url"], Value::Null);
        assert_eq!(seen["order_id"].is_string(), asked["pack"].is_string(), "{asked}");
        let other = app.client(&bob).get(path).await;
        assert_eq!(other.brief(), "404 checkout_not_found", "it is somebody else's");
    }
    let unpaid = app.try_checkout(&bob, "k", json!({"pack": "pack_200"})).await;
    app.advance_days(1);
    let path = unpaid.header("location").unwrap().split_once("/test").unwrap().1;
    assert_eq!(app.client(&bob).get(path).await.json()["status"], "expired");
    app.close().await;
}

#[tokio::test]
async fn a_plan_is_subscribed_to_and_its_credits_are_there() {
    let app = BillingApp::new().await;
    let ann = app.new_member("ann");
    app.subscribe(&ann, "pro").await;
    let credits = app.credits(&ann).await;
    assert_eq!((&credits["plan"], &credits["available"]), (&json!("pro"), &json!(500)));
    app.spend(&ann, 7).await;
    let usage = app.usage(&ann).await;
    let shown = [&usage["used"], &usage["limit"], &usage["remaining"], &usage["by_day"][0]["used"]];
    assert_eq!(shown, [7, 500, 493, 7]);
    assert_eq!(app.invoices(&ann).await[0]["total"]["amount"], 2900);
    app.close().await;
}

#[tokio::test]
async fn a_checkout_is_for_one_plan_or_pack_on_sale() {
    let app = BillingApp::new().await;
    let ann = app.new_member("ann");
    let check = async |body: Value, expected: &str| {
        let key = body.to_string().replace(' ', "");
        let answer = app.try_checkout(&ann, &key, body.clone()).await;
        assert_eq!(answer.brief(), expected, "{body}");
    };
    check(json!({}), "422 invalid_request, (whole) one_of").await;
    check(json!({"plan": "pro", "pack": "pack_50"}), "422 invalid_request, (whole) one_of").await;
    check(json!({"plan": "free"}), "422 plan_not_sold").await;
    let unknown = app.try_checkout(&ann, "unknown", json!({"pack": "pack_7"})).await;
    assert_eq!(unknown.status(), 422, "{}", unknown.pretty());
    // We set the return URL.
    let elsewhere = json!({"pack": "pack_50", "success_url": "https://evil.example"});
    assert_eq!(app.try_checkout(&ann, "elsewhere", elsewhere).await.status(), 422);
    let body = json!({"pack": "pack_50"});
    let keyless = app.client(&ann).post("/api/v1/billing/checkout").json(body).await;
    assert_eq!(keyless.brief(), "400 idempotency_key_required");
    assert_eq!(app.asked(Route::StripeCheckout, "POST"), 0, "no request reached Stripe");
    app.close().await;
}

#[tokio::test]
async fn pages_return_to_the_frontend_and_nowhere_else() {
    let app = BillingApp::new().await;
    let ann = app.new_member("ann");
    for body in [json!({"plan": "pro"}), json!({"pack": "pack_50"})] {
        let opened = good(app.try_checkout(&ann, &body.to_string(), body).await);
        let (url, id) = (opened["checkout_url"].as_str().unwrap(), opened["id"].as_str().unwrap());
        let session = app.stripe().object(session_of(url)).unwrap();
        let page =
            |name: &str| format!("https://app.prolight.test/billing/{name}?checkout_id={id}");
        let success = format!("{}&session_id={{CHECKOUT_SESSION_ID}}", page("success"));
        assert_eq!(session["success_url"], success);
        assert_eq!(session["cancel_url"], page("cancelled"));
        assert_eq!(session["client_reference_id"], json!(ann.id));
        assert_eq!(session["metadata"]["user_id"], json!(ann.id));
    }
    let portal = app.portal(&ann).await;
    assert!(portal.json()["portal_url"].as_str().unwrap().contains("/stripe/portal/"));
    app.close().await;
}

#[tokio::test]
async fn the_same_key_is_the_same_page_and_another_request_is_refused() {
    let app = BillingApp::new().await;
    let ann = app.new_member("ann");
    for (kind, other) in [("pack_50", "pack_200"), ("pack_1000", "pack_50")] {
        let open = |pack: &str| app.try_checkout(&ann, kind, json!({ "pack": pack }));
        let (first, again) = (open(kind).await, open(kind).await);
        assert_eq!(first.json()["checkout_url"], again.json()["checkout_url"]);
        assert_eq!(open(other).await.brief(), "422 idempotency_key_reused");
    }
    let open = |plan: &str| app.try_checkout(&ann, "plan", json!({ "plan": plan }));
    let (first, again) = (open("pro").await, open("pro").await);
    assert_eq!(first.json()["checkout_url"], again.json()["checkout_url"]);
    assert_eq!(open("enterprise").await.brief(), "422 idempotency_key_reused");
    app.close().await;
}

#[tokio::test]
async fn a_member_has_one_customer_however_many_ask_at_once() {
    let app = BillingApp::new().await;
    let ann = app.new_member("ann");
    let pages = join_all((0..10).map(async |nth| {
        app.try_checkout(&ann, &format!("tab-{nth}"), json!({"pack": "pack_50"})).await
    }));
    for page in pages.await {
        let session = page.json()["checkout_url"].as_str().unwrap().to_owned();
        let session = app.stripe().object(session_of(&session)).unwrap();
        let known = app.billing(&ann).await.customer.unwrap();
        assert_eq!(session["customer"], json!(known));
    }
    let made = app.stripe().event_types();
    assert_eq!(made.iter().filter(|kind| *kind == "customer.created").count(), 1);
    app.close().await;
}

#[tokio::test]
async fn one_page_of_a_plan_is_open_however_many_ask_at_once() {
    let app = BillingApp::new().await;
    let ann = app.new_member("ann");
    let pages = join_all((0..10).map(async |nth| {
        app.try_checkout(&ann, &format!("tab-{nth}"), json!({"plan": "pro"})).await
    }));
    let pages: Vec<Value> =
        pages.await.iter().map(|page| page.json()["checkout_url"].clone()).collect();
    assert!(pages.iter().all(|page| page.is_string() && *page == pages[0]), "{pages:?}");
    // A checkout for another plan expires it first.
    let other = app.checkout(&ann, json!({"plan": "enterprise"})).await;
    let closed = app.stripe().object(session_of(pages[0].as_str().unwrap())).unwrap();
    assert_eq!(closed["status"], "expired");
    assert!(matches!(app.pay(&other, Card::Succeeds), Payment::Complete(_)));
    // The session is paid, but no event arrived: a retrieve finds out.
    let late = app.try_checkout(&ann, "late", json!({"plan": "pro"})).await;
    assert_eq!(late.brief(), "409 already_subscribed");
    assert_eq!(app.account(&ann.id).await.plan, Plan::Enterprise);
    app.deliver_events().await;
    assert_eq!(app.account(&ann.id).await.plan, Plan::Enterprise);
    assert!(app.billing(&ann).await.checkout.is_none());
    app.close().await;
}

#[tokio::test]
async fn after_a_page_has_expired_another_is_opened() {
    let app = BillingApp::new().await;
    let ann = app.new_member("ann");
    let first = app.checkout(&ann, json!({"plan": "pro"})).await;
    let pack = app.checkout(&ann, json!({"pack": "pack_50"})).await;
    app.advance_days(2);
    app.deliver_events().await;
    let order = app.order_of(&ann, &pack).await;
    assert_eq!(json!(order)["state"], "expired");
    let second = app.checkout(&ann, json!({"plan": "pro"})).await;
    assert_ne!(first, second);
    app.close().await;
}

#[tokio::test]
async fn the_same_pack_paid_in_two_tabs_is_two_packs() {
    let app = BillingApp::new().await;
    let ann = app.new_member("ann");
    let one = app.checkout(&ann, json!({"pack": "pack_50"})).await;
    let two = app.checkout(&ann, json!({"pack": "pack_50"})).await;
    assert_ne!(one, two);
    app.pay(&one, Card::Succeeds);
    app.pay(&two, Card::SucceedsToo);
    app.deliver_events().await;
    assert_eq!(app.credits(&ann).await["available"], 110);
    app.close().await;
}

#[tokio::test]
async fn a_declined_card_changes_nothing() {
    let app = BillingApp::new().await;
    let ann = app.new_member("ann");
    let url = app.checkout(&ann, json!({ "pack": "pack_200" })).await;
    app.pay(&url, Card::Declines);
    app.deliver_events().await;
    assert_eq!(app.credits(&ann).await["available"], 10);
    app.pay(&url, Card::Succeeds);
    app.deliver_events().await;
    assert_eq!(app.credits(&ann).await["available"], 210);
    app.close().await;
}

#[tokio::test]
async fn after_a_failure_of_stripe_the_same_key_opens_one_page() {
    for fault in [
        AnswerFault::ServerError,
        AnswerFault::ServerErrorAfterAccepting,
        AnswerFault::BrokenConnection,
        AnswerFault::MalformedJson,
        AnswerFault::TooMany { retry_after_s: None },
    ] {
        let app = BillingApp::new().await;
        let ann = app.new_member("ann");
        let order = Order::next(Fault::Answer(fault.clone()));
        app.sandbox.order(order.on_marker("POST /stripe/v1/checkout").times(3)).unwrap();
        let mut answer = app.try_checkout(&ann, "key", json!({"pack": "pack_50"})).await;
        for _ in 0..3 {
            if answer.status() == 201 {
                break;
            }
            assert_eq!(answer.status(), 503, "{fault:?}: {}", answer.pretty());
            answer = app.try_checkout(&ann, "key", json!({"pack": "pack_50"})).await;
        }
        let url = answer.json()["checkout_url"].as_str().unwrap().to_owned();
        app.pay(&url, Card::Succeeds);
        app.deliver_events().await;
        assert_eq!(app.credits(&ann).await["available"], 60, "{fault:?}");
        let keys = app.asked(Route::StripeCheckout, "");
        assert!(keys >= 2, "{fault:?}: the request was retried");
        app.close().await;
    }
}

#[tokio::test]
async fn a_suspended_member_buys_nothing_but_can_cancel() {
    let app = BillingApp::new().await;
    let ann = app.new_member("ann");
    app.subscribe(&ann, "pro").await;
    app.suspend(&ann.id, "chargeback fraud", None).await;
    let refused = app.try_checkout(&ann, "key", json!({"pack": "pack_50"})).await;
    assert_eq!(refused.brief(), "403 account_suspended");
    let settings = json!({"enabled": true, "pack": "pack_50", "below": 5, "monthly_max": 1});
    assert_eq!(app.top_up(&ann, settings).await.brief(), "403 account_suspended");
    assert_eq!(app.portal(&ann).await.status(), 200);
    assert_eq!(app.cancel(&ann, true).await.status(), 200);
    app.close().await;
}

/// A suspended member receives what they paid for, and cannot use it until the suspension ends.
#[tokio::test]
async fn a_member_suspended_while_a_page_is_open_gets_what_they_pay_for() {
    for (order, expected) in [(json!({"pack": "pack_50"}), 60), (json!({"plan": "pro"}), 500)] {
        let app = BillingApp::new().await;
        let ann = app.new_member("ann");
        let url = app.checkout(&ann, order).await;
        app.suspend(&ann.id, "chargeback fraud", None).await;
        app.pay(&url, Card::Succeeds);
        app.deliver_events().await;
        assert_eq!(app.credits(&ann).await["available"], expected);
        let more = app.try_checkout(&ann, "more", json!({"pack": "pack_50"})).await;
        assert_eq!(more.brief(), "403 account_suspended");
        app.close().await;
    }
}

#[tokio::test]
async fn checkouts_are_limited() {
    let app = BillingApp::new().await;
    let ann = app.new_member("ann");
    for nth in 0..30 {
        let answer = app.try_checkout(&ann, &format!("{nth}"), json!({"plan": "pro"})).await;
        assert_eq!(answer.status(), 201);
    }
    let refused = app.try_checkout(&ann, "more", json!({"plan": "pro"})).await;
    assert_eq!(refused.brief(), "429 rate_limited");
    let other = Actor::member("other");
    let answer = app.try_checkout(&other, "key", json!({"plan": "pro"})).await;
    assert_eq!(answer.status(), 201, "the limit is per member");
    app.close().await;
}
