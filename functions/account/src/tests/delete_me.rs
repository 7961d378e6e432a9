//! Account deletion.

use std::time::Duration;

use domain::erasure::{CLOSED_AFTER_ERASURE, Erasure, ErasureSubject};
use expect_test::expect;
use serde_json::{Value, json};
use testing::{Actor, TestApp, TestRequest};

use super::{delete, get, update};

async fn due(app: &TestApp) -> Vec<Erasure> {
    app.store.due_erasures(app.now(), 10).await.unwrap()
}

/// The steps of `background-erase-data` for a member, without files and Stripe.
async fn erase(app: &TestApp, kim: &Actor) {
    assert_eq!(app.store.close_down(&kim.id, app.now()).await.unwrap(), 0);
    app.store.erase_member(&kim.id, app.now()).await.unwrap();
}

#[tokio::test]
async fn a_deleted_account_changes_nothing_and_its_erasure_is_due_at_once() {
    let (app, kim) = (TestApp::new(), Actor::member("kim"));
    let name = json!({"display_name": "Kim"});
    assert_eq!(update(&app, &TestRequest::by(&kim).json(name.clone())).await.status(), 200);
    let answer = delete(&app, &TestRequest::by(&kim)).await;
    assert_eq!(answer.status(), 200, "{}", answer.pretty());
    assert_eq!(answer.json()["deletion"], json!({"requested_at": app.now()}));
    let refused = update(&app, &TestRequest::by(&kim).json(name)).await;
    expect!["403 account_deleted"].assert_eq(&refused.brief());
    let subject = ErasureSubject::Member { user_id: kim.id.clone() };
    assert_eq!(due(&app).await, [Erasure::request(subject, app.now())]);
    app.assert_credits_balance(&kim.id).await;
}

#[tokio::test]
async fn asked_for_twice_it_is_the_same_deletion() {
    let (app, kim) = (TestApp::new(), Actor::member("kim"));
    let first = delete(&app, &TestRequest::by(&kim)).await.json();
    app.ambient.clock.advance(Duration::from_secs(90));
    assert_eq!(delete(&app, &TestRequest::by(&kim)).await.json(), first);
    assert_eq!(due(&app).await.len(), 1);
    assert_eq!(delete(&app, &TestRequest::anonymous()).await.status(), 401);
}

#[tokio::test]
async fn a_suspended_member_can_be_deleted_and_stays_suspended() {
    let (app, kim) = (TestApp::new(), Actor::member("kim"));
    app.suspend(&kim.id, "spam", None).await;
    assert_eq!(delete(&app, &TestRequest::by(&kim)).await.status(), 200);
    erase(&app, &kim).await;
    app.ambient.clock.advance(CLOSED_AFTER_ERASURE);
    let me = get(&app, &TestRequest::by(&kim)).await.json();
    assert_eq!(me["deletion"], Value::Null);
    assert_eq!(me["standing"]["state"], "suspended");
}

/// The balance is retained, so that deleting and rejoining grants no month twice.
#[tokio::test]
async fn who_comes_back_a_day_later_begins_with_the_balance_that_was_left() {
    let app = TestApp::new();
    let kim = app.member("kim", domain::plan::Plan::Free, 3).await;
    update(&app, &TestRequest::by(&kim).json(json!({"display_name": "Kim", "bio": "I light."})))
        .await;
    delete(&app, &TestRequest::by(&kim)).await;
    erase(&app, &kim).await;
    erase(&app, &kim).await;
    let personal = |me: &Value| format!("{} {} {}", me["email"], me["display_name"], me["bio"]);

    app.ambient.clock.advance(CLOSED_AFTER_ERASURE - Duration::from_secs(1));
    let closed = get(&app, &TestRequest::by(&kim)).await.json();
    assert_eq!(personal(&closed), "null null null", "a page still open creates no account");
    assert!(closed["deletion"]["erased_at"].is_string());

    app.ambient.clock.advance(Duration::from_secs(1));
    get(&app, &TestRequest::by(&kim)).await;
    let me = get(&app, &TestRequest::by(&kim)).await.json();
    assert_eq!(me["deletion"], Value::Null);
    assert_eq!(personal(&me), r#""kim@prolight.test" null null"#);
    assert_eq!(me["credits"]["available"], 3);
    assert_eq!(update(&app, &TestRequest::by(&kim).json(json!({"bio": "x"}))).await.status(), 200);
    app.assert_credits_balance(&kim.id).await;
}
