//! Idempotency keys: one effect, one answer.

use super::*;
use crate::{
    faults::{AnswerFault, Order},
    request_log::Filter,
    route::Route,
};

async fn keyed(account: &Account, key: &str, form: &[(&str, &str)]) -> (u16, bool, Value) {
    let request = account.request("POST", "customers", form).header("Idempotency-Key", key);
    let answer = request.send().await.unwrap();
    let replayed = answer.headers().contains_key("idempotent-replayed");
    let (status, body) = taken_apart(answer).await;
    (status, replayed, body)
}

#[tokio::test]
async fn the_same_request_has_the_same_answer() {
    let account = Account::open().await;
    let form = [("email", "ada@prolight.test")];
    let (status, replayed, first) = keyed(&account, "k1", &form).await;
    assert_eq!((status, replayed), (200, false));
    let (status, replayed, again) = keyed(&account, "k1", &form).await;
    assert_eq!((status, replayed), (200, true));
    assert_eq!(first, again);

    let (status, _, other) = keyed(&account, "k1", &[("email", "bob@prolight.test")]).await;
    assert_eq!((status, &other["error"]["type"]), (400, &json!("idempotency_error")));
    assert_eq!(account.get("customers").await["data"].as_array().unwrap().len(), 1);

    // A day later the key is free.
    account.control().advance(crate::stripe::Advance::Days(1)).unwrap();
    let (_, replayed, _) = keyed(&account, "k1", &form).await;
    assert!(!replayed);

    let long = "k".repeat(256);
    assert_eq!(keyed(&account, &long, &form).await.0, 400);
}

#[tokio::test]
async fn what_was_not_begun_is_not_kept_and_what_failed_is() {
    let account = Account::open().await;
    let (status, ..) = keyed(&account, "k2", &[("nonsense", "1")]).await;
    assert_eq!(status, 400);
    let (status, replayed, _) = keyed(&account, "k2", &[]).await;
    assert_eq!((status, replayed), (200, false));

    let customer = account.customer().await;
    let method = account.control().set_card(&customer, Card::Declines).unwrap();
    let form = [
        ("amount", "500"),
        ("currency", "usd"),
        ("customer", &customer),
        ("payment_method", &method),
        ("off_session", "true"),
        ("confirm", "true"),
    ];
    for replayed in [false, true] {
        let request = account.request("POST", "payment_intents", &form);
        let answer = request.header("Idempotency-Key", "k3").send().await.unwrap();
        assert_eq!(answer.status(), 402);
        assert_eq!(answer.headers().contains_key("idempotent-replayed"), replayed);
    }
    assert_eq!(account.get("payment_intents").await["data"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_key_in_use_is_a_conflict() {
    let account = Account::open().await;
    account.set(json!({ "answers_after_ms": 300 }));
    let form = [("email", "ada@prolight.test")];
    let (one, two) = tokio::join!(keyed(&account, "k4", &form), async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        keyed(&account, "k4", &form).await
    });
    assert_eq!((one.0, two.0), (200, 409));
    assert_eq!(two.2["error"]["code"], "idempotency_key_in_use");
    assert!(keyed(&account, "k4", &form).await.1);
}

/// A failure is stored like any answer, whether or not work was done, and the answer says not to
/// retry.
#[tokio::test]
async fn a_failure_is_given_again_for_a_day() {
    for (fault, made) in
        [(AnswerFault::ServerError, 0), (AnswerFault::ServerErrorAfterAccepting, 1)]
    {
        let account = Account::open().await;
        let order = Order::next(fault.clone().into()).on_route(Route::StripeCustomers);
        account.visit.sandbox.order(order).unwrap();
        let form = [("email", "ada@prolight.test")];
        for replayed in [false, true, true] {
            let request = account.request("POST", "customers", &form);
            let answer = request.header("Idempotency-Key", "k6").send().await.unwrap();
            assert_eq!(answer.status(), 500, "{fault:?}");
            assert_eq!(answer.headers()["stripe-should-retry"], "false");
            assert_eq!(answer.headers().contains_key("idempotent-replayed"), replayed);
        }
        let customers = async || account.get("customers").await["data"].as_array().unwrap().len();
        assert_eq!(customers().await, made, "{fault:?}");
        account.control().advance(crate::stripe::Advance::Days(1)).unwrap();
        assert_eq!(keyed(&account, "k6", &form).await.0, 200);
        assert_eq!(customers().await, made + 1, "{fault:?}");
    }
}

#[tokio::test]
async fn an_answer_that_got_lost_is_given_again() {
    let account = Account::open().await;
    let broken = Order::next(AnswerFault::BrokenConnection.into());
    account.visit.sandbox.order(broken.on_route(Route::StripeCustomers)).unwrap();
    let form = [("email", "ada@prolight.test")];
    let request = account.request("POST", "customers", &form).header("Idempotency-Key", "k5");
    let lost = match request.send().await {
        Ok(answer) => answer.text().await.map(drop),
        Err(error) => Err(error),
    };
    assert!(lost.is_err());
    let (status, replayed, _) = keyed(&account, "k5", &form).await;
    assert_eq!((status, replayed), (200, true));
    assert_eq!(account.get("customers").await["data"].as_array().unwrap().len(), 1);
    let seen = account.visit.sandbox.received(&Filter::route(Route::StripeCustomers));
    assert_eq!(seen.items[0].headers["idempotency-key"], "k5");
    assert_eq!(seen.items[0].credentials, ["authorization"]);
}

#[tokio::test]
async fn faults_speak_the_providers_language() {
    let account = Account::open().await;
    for (fault, status, kind) in [
        (json!({ "too_many": { "retry_after_s": 2 } }), 429, "invalid_request_error"),
        (json!("server_error"), 500, "api_error"),
        (json!("blocked"), 402, "card_error"),
    ] {
        let marker = "GET /stripe/v1/customers";
        account
            .visit
            .order(json!({ "fault": { "answer": fault }, "on": { "marker": marker } }))
            .await;
        account.customer().await;
        let (got, body) = account.try_get("customers").await;
        assert_eq!((got, body["error"]["type"].as_str()), (status, Some(kind)), "{fault}");
    }
}
