//! The nightly run: it finds whatever no event reported.

use domain::plan::Plan;
use sandbox::stripe::{Card, Closing, Opening};
use serde_json::json;

use crate::stage::{Stage, kind_of};

#[tokio::test]
async fn a_day_without_webhooks_is_repaired() {
    let stage = Stage::new().await;
    let (ann, bob, eve) = (stage.member("ann"), stage.member("bob"), stage.member("eve"));
    stage.subscribe(&bob, "enterprise").await;
    let refunded = stage.buy(&eve, "pack_50").await;
    stage.reconcile().await.unwrap();

    // From here on Stripe's events are lost.
    let url = stage.checkout(&ann, json!({"plan": "pro"})).await;
    stage.pay(&url, Card::Succeeds);
    let url = stage.checkout(&ann, json!({"pack": "pack_200"})).await;
    stage.pay(&url, Card::Succeeds);
    let theirs = stage.billing(&bob).await.subscription.unwrap().id;
    stage.at_stripe().cancel(theirs.as_str()).unwrap();
    let payment = Stage::payment_of(&refunded).to_string();
    let dispute = stage.at_stripe().dispute(&payment, None, Opening::Chargeback).unwrap();
    stage.at_stripe().close_dispute(&dispute, Closing::Lost).unwrap();
    stage.events();
    assert_eq!(stage.account(&ann).await.plan, Plan::Free);

    stage.pass(1);
    stage.reconcile().await.unwrap();
    let account = stage.account(&ann).await;
    assert_eq!((account.plan, account.credits.totals().available), (Plan::Pro, 700));
    assert_eq!(stage.account(&bob).await.plan, Plan::Free);
    assert_eq!(stage.account(&eve).await.credits.totals().available, 10);

    // A second run, and late events: nothing changes.
    let before: Vec<_> = [&ann, &bob, &eve].map(|member| member.id.clone()).into();
    let books = async || {
        let mut books = Vec::new();
        for user in &before {
            books.push(stage.app.account(user).await);
        }
        books
    };
    let repaired = books().await;
    stage.reconcile().await.unwrap();
    for event in stage.at_stripe().events() {
        assert_eq!(stage.deliver(&event).await, 200);
    }
    assert_eq!(books().await, repaired);
    stage.close().await;
}

#[tokio::test]
async fn what_was_parked_is_tried_again_every_night() {
    let stage = Stage::new().await;
    let ann = stage.member("ann");
    let url = stage.checkout(&ann, json!({"pack": "pack_50"})).await;
    stage.pay(&url, Card::Succeeds);
    let completed = |event: &String| kind_of(event) == "checkout.session.completed";
    let event = stage.events().into_iter().find(completed).unwrap();
    // A bug of ours on the day the event arrived.
    let id = domain::billing::external::EventId::parse(&crate::stage::id_of(&event)).unwrap();
    let (kind, now) = (kind_of(&event), stage.app.now());
    stage.app.store.park_event(Some(&id), &kind, &event, "a fault", now).await.unwrap();
    stage.app.store.park_event(None, "unknown", "{}", "not an event", now).await.unwrap();
    stage.reconcile().await.unwrap();
    assert_eq!(stage.credits(&ann).await["available"], 60);
    let left = stage.app.store.parked_events(None, 10).await.unwrap().items;
    assert_eq!(left.len(), 1, "an unusable event stays for manual review: {left:?}");
    stage.close().await;
}

#[tokio::test]
async fn an_order_whose_end_nobody_told_is_looked_at() {
    let stage = Stage::new().await;
    let ann = stage.member("ann");
    let url = stage.checkout(&ann, json!({"pack": "pack_50"})).await;
    stage.pass(2);
    stage.events();
    stage.reconcile().await.unwrap();
    assert_eq!(json!(stage.order_of(&ann, &url).await)["state"], "expired");
    assert!(stage.app.store.due_orders(stage.app.now(), None, 10).await.unwrap().items.is_empty());
    stage.close().await;
}
