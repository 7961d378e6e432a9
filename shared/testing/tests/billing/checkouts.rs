//! Checkout sessions: opening and paying.

use domain::plan::Plan;
use futures_util::future::join_all;
use sandbox::{
    faults::{AnswerFault, Fault, Order},
    route::Route,
    stripe::{Card, Payment},
};
use serde_json::{Value, json};
use testing::{Actor, TestRequest};

use crate::stage::{Stage, session_of};

#[tokio::test]
async fn a_pack_is_paid_for_and_its_credits_are_there() {
    let stage = Stage::new().await;
    let ann = stage.member("ann");
    let order = stage.buy(&ann, "pack_50").await;
    assert_eq!(order.paid.unwrap().amount, 500);
    assert_eq!(stage.credits(&ann).await["available"], 60);
    let receipts = stage.invoices(&ann).await;
    assert_eq!((receipts.len(), &receipts[0]["total"]["amount"]), (1, &json!(500)));
    stage.close().await;
}

#[tokio::test]
async fn a_plan_is_subscribed_to_and_its_credits_are_there() {
    let stage = Stage::new().await;
    let ann = stage.member("ann");
    stage.subscribe(&ann, "pro").await;
    let credits = stage.credits(&ann).await;
    assert_eq!((&credits["plan"], &credits["available"]), (&json!("pro"), &json!(500)));
    stage.spend(&ann, 7).await;
    let usage = stage.usage(&ann).await;
    let told = [&usage["used"], &usage["limit"], &usage["remaining"], &usage["by_day"][0]["used"]];
    assert_eq!(told, [7, 500, 493, 7]);
    assert_eq!(stage.invoices(&ann).await[0]["total"]["amount"], 2900);
    stage.close().await;
}

#[tokio::test]
async fn what_can_be_asked_for() {
    let stage = Stage::new().await;
    let ann = stage.member("ann");
    let check = async |body: Value, expected: &str| {
        let key = body.to_string().replace(' ', "");
        let answer = stage.try_checkout(&ann, &key, body.clone()).await;
        assert_eq!(answer.brief(), expected, "{body}");
    };
    check(json!({}), "422 invalid_request, (whole) one_of").await;
    check(json!({"plan": "pro", "pack": "pack_50"}), "422 invalid_request, (whole) one_of").await;
    check(json!({"plan": "free"}), "422 plan_not_sold").await;
    let unknown = stage.try_checkout(&ann, "unknown", json!({"pack": "pack_7"})).await;
    assert_eq!(unknown.status(), 422, "{}", unknown.pretty());
    // We set the return URL.
    let elsewhere = json!({"pack": "pack_50", "success_url": "https://evil.example"});
    assert_eq!(stage.try_checkout(&ann, "elsewhere", elsewhere).await.status(), 422);
    let hands = (stage.app.store.clone(), stage.stripe.clone(), stage.frontend().clone());
    let ask = TestRequest::by(&ann).json(json!({"pack": "pack_50"}));
    let (endpoint, handle) = (&billing::open_checkout::ENDPOINT, &billing::open_checkout::handle);
    let keyless = stage.app.send(endpoint, handle, &hands, &ask).await;
    assert_eq!(keyless.brief(), "400 idempotency_key_required");
    assert_eq!(stage.asked(Route::StripeCheckout, "POST"), 0, "no request reached Stripe");
    stage.close().await;
}

#[tokio::test]
async fn pages_lead_back_to_the_frontend_and_nowhere_else() {
    let stage = Stage::new().await;
    let ann = stage.member("ann");
    for body in [json!({"plan": "pro"}), json!({"pack": "pack_50"})] {
        let url = stage.checkout(&ann, body).await;
        let session = stage.at_stripe().object(session_of(&url)).unwrap();
        let success = "https://app.prolight.test/billing/success?session_id={CHECKOUT_SESSION_ID}";
        assert_eq!(session["success_url"], success);
        assert_eq!(session["cancel_url"], "https://app.prolight.test/billing/cancelled");
        assert_eq!(session["client_reference_id"], json!(ann.id));
        assert_eq!(session["metadata"]["user_id"], json!(ann.id));
    }
    let portal = stage.portal(&ann).await;
    assert!(portal.json()["portal_url"].as_str().unwrap().contains("/stripe/portal/"));
    stage.close().await;
}

#[tokio::test]
async fn the_same_key_is_the_same_page_and_another_request_is_refused() {
    let stage = Stage::new().await;
    let ann = stage.member("ann");
    for (kind, other) in [("pack_50", "pack_200"), ("pack_1000", "pack_50")] {
        let ask = |pack: &str| stage.try_checkout(&ann, kind, json!({ "pack": pack }));
        let (first, again) = (ask(kind).await, ask(kind).await);
        assert_eq!(first.json()["checkout_url"], again.json()["checkout_url"]);
        assert_eq!(ask(other).await.brief(), "422 idempotency_key_reused");
    }
    let ask = |plan: &str| stage.try_checkout(&ann, "plan", json!({ "plan": plan }));
    let (first, again) = (ask("pro").await, ask("pro").await);
    assert_eq!(first.json()["checkout_url"], again.json()["checkout_url"]);
    assert_eq!(ask("enterprise").await.brief(), "422 idempotency_key_reused");
    stage.close().await;
}

#[tokio::test]
async fn a_member_has_one_customer_however_many_ask_at_once() {
    let stage = Stage::new().await;
    let ann = stage.member("ann");
    let pages = join_all((0..10).map(async |nth| {
        stage.try_checkout(&ann, &format!("tab-{nth}"), json!({"pack": "pack_50"})).await
    }));
    for page in pages.await {
        let session = page.json()["checkout_url"].as_str().unwrap().to_owned();
        let session = stage.at_stripe().object(session_of(&session)).unwrap();
        let known = stage.billing(&ann).await.customer.unwrap();
        assert_eq!(session["customer"], json!(known));
    }
    let made = stage.at_stripe().event_types();
    assert_eq!(made.iter().filter(|kind| *kind == "customer.created").count(), 1);
    stage.close().await;
}

#[tokio::test]
async fn one_page_of_a_plan_is_open_however_many_ask_at_once() {
    let stage = Stage::new().await;
    let ann = stage.member("ann");
    let pages = join_all((0..10).map(async |nth| {
        stage.try_checkout(&ann, &format!("tab-{nth}"), json!({"plan": "pro"})).await
    }));
    let pages: Vec<Value> =
        pages.await.iter().map(|page| page.json()["checkout_url"].clone()).collect();
    assert!(pages.iter().all(|page| page.is_string() && *page == pages[0]), "{pages:?}");
    // A checkout for another plan expires it first.
    let other = stage.checkout(&ann, json!({"plan": "enterprise"})).await;
    let closed = stage.at_stripe().object(session_of(pages[0].as_str().unwrap())).unwrap();
    assert_eq!(closed["status"], "expired");
    assert!(matches!(stage.pay(&other, Card::Succeeds), Payment::Complete(_)));
    // The session is paid, but no event arrived: a retrieve finds out.
    let late = stage.try_checkout(&ann, "late", json!({"plan": "pro"})).await;
    assert_eq!(late.brief(), "409 already_subscribed");
    assert_eq!(stage.account(&ann).await.plan, Plan::Enterprise);
    stage.hear().await;
    assert_eq!(stage.account(&ann).await.plan, Plan::Enterprise);
    assert!(stage.billing(&ann).await.checkout.is_none());
    stage.close().await;
}

#[tokio::test]
async fn a_page_that_ran_out_makes_room_for_another() {
    let stage = Stage::new().await;
    let ann = stage.member("ann");
    let first = stage.checkout(&ann, json!({"plan": "pro"})).await;
    let pack = stage.checkout(&ann, json!({"pack": "pack_50"})).await;
    stage.pass(2);
    stage.hear().await;
    let order = stage.order_of(&ann, &pack).await;
    assert_eq!(json!(order)["state"], "expired");
    let second = stage.checkout(&ann, json!({"plan": "pro"})).await;
    assert_ne!(first, second);
    stage.close().await;
}

#[tokio::test]
async fn the_same_pack_paid_in_two_tabs_is_two_packs() {
    let stage = Stage::new().await;
    let ann = stage.member("ann");
    let one = stage.checkout(&ann, json!({"pack": "pack_50"})).await;
    let two = stage.checkout(&ann, json!({"pack": "pack_50"})).await;
    assert_ne!(one, two);
    stage.pay(&one, Card::Succeeds);
    stage.pay(&two, Card::SucceedsToo);
    stage.hear().await;
    assert_eq!(stage.credits(&ann).await["available"], 110);
    stage.close().await;
}

#[tokio::test]
async fn a_declined_card_changes_nothing() {
    let stage = Stage::new().await;
    let ann = stage.member("ann");
    let url = stage.checkout(&ann, json!({ "pack": "pack_200" })).await;
    stage.pay(&url, Card::Declines);
    stage.hear().await;
    assert_eq!(stage.credits(&ann).await["available"], 10);
    stage.pay(&url, Card::Succeeds);
    stage.hear().await;
    assert_eq!(stage.credits(&ann).await["available"], 210);
    stage.close().await;
}

#[tokio::test]
async fn stripe_fails_and_the_same_key_brings_one_page() {
    for fault in [
        AnswerFault::ServerError,
        AnswerFault::ServerErrorAfterAccepting,
        AnswerFault::BrokenConnection,
        AnswerFault::MalformedJson,
        AnswerFault::TooMany { retry_after_s: None },
    ] {
        let stage = Stage::new().await;
        let ann = stage.member("ann");
        let order = Order::next(Fault::Answer(fault.clone()));
        stage.sandbox.order(order.on_marker("POST /stripe/v1/checkout").times(3)).unwrap();
        let mut answer = stage.try_checkout(&ann, "key", json!({"pack": "pack_50"})).await;
        for _ in 0..3 {
            if answer.status() == 200 {
                break;
            }
            assert_eq!(answer.status(), 503, "{fault:?}: {}", answer.pretty());
            answer = stage.try_checkout(&ann, "key", json!({"pack": "pack_50"})).await;
        }
        let url = answer.json()["checkout_url"].as_str().unwrap().to_owned();
        stage.pay(&url, Card::Succeeds);
        stage.hear().await;
        assert_eq!(stage.credits(&ann).await["available"], 60, "{fault:?}");
        let keys = stage.asked(Route::StripeCheckout, "");
        assert!(keys >= 2, "{fault:?}: the request was retried");
        stage.close().await;
    }
}

#[tokio::test]
async fn who_is_suspended_buys_nothing_but_can_stop_paying() {
    let stage = Stage::new().await;
    let ann = stage.member("ann");
    stage.subscribe(&ann, "pro").await;
    stage.app.suspend(&ann.id, "chargeback fraud", None).await;
    let refused = stage.try_checkout(&ann, "key", json!({"pack": "pack_50"})).await;
    assert_eq!(refused.brief(), "403 account_suspended");
    let wish = json!({"enabled": true, "pack": "pack_50", "below": 5, "monthly_max": 1});
    assert_eq!(stage.top_up(&ann, wish).await.brief(), "403 account_suspended");
    assert_eq!(stage.portal(&ann).await.status(), 200);
    assert_eq!(stage.cancel(&ann, true).await.status(), 200);
    stage.close().await;
}

/// A suspended member receives what they paid for, and cannot use it until the suspension ends.
#[tokio::test]
async fn who_is_suspended_while_a_page_is_open_gets_what_they_pay_for() {
    for (wish, expected) in [(json!({"pack": "pack_50"}), 60), (json!({"plan": "pro"}), 500)] {
        let stage = Stage::new().await;
        let ann = stage.member("ann");
        let url = stage.checkout(&ann, wish).await;
        stage.app.suspend(&ann.id, "chargeback fraud", None).await;
        stage.pay(&url, Card::Succeeds);
        stage.hear().await;
        assert_eq!(stage.credits(&ann).await["available"], expected);
        let more = stage.try_checkout(&ann, "more", json!({"pack": "pack_50"})).await;
        assert_eq!(more.brief(), "403 account_suspended");
        stage.close().await;
    }
}

#[tokio::test]
async fn checkouts_are_limited() {
    let stage = Stage::new().await;
    let ann = stage.member("ann");
    for nth in 0..30 {
        let answer = stage.try_checkout(&ann, &format!("{nth}"), json!({"plan": "pro"})).await;
        assert_eq!(answer.status(), 200);
    }
    let refused = stage.try_checkout(&ann, "more", json!({"plan": "pro"})).await;
    assert_eq!(refused.brief(), "429 rate_limited");
    let other = Actor::member("other");
    let answer = stage.try_checkout(&other, "key", json!({"plan": "pro"})).await;
    assert_eq!(answer.status(), 200, "the limit is per member");
    stage.close().await;
}
