//! The nightly run: it finds whatever no event reported.

use domain::plan::Plan;
use sandbox::stripe::{Card, Closing, Opening};
use serde_json::json;

use crate::billing_app::{BillingApp, kind_of};

#[tokio::test]
async fn a_day_without_webhooks_is_repaired() {
    let app = BillingApp::new().await;
    let (ann, bob, eve) = (app.new_member("ann"), app.new_member("bob"), app.new_member("eve"));
    app.subscribe(&bob, "enterprise").await;
    let refunded = app.buy(&eve, "pack_50").await;
    app.reconcile().await.unwrap();

    // From here on Stripe's events are lost.
    let url = app.checkout(&ann, json!({"plan": "pro"})).await;
    app.pay(&url, Card::Succeeds);
    let url = app.checkout(&ann, json!({"pack": "pack_200"})).await;
    app.pay(&url, Card::Succeeds);
    let theirs = app.billing(&bob).await.subscription.unwrap().id;
    app.stripe().cancel(theirs.as_str()).unwrap();
    let payment = BillingApp::payment_of(&refunded).to_string();
    let dispute = app.stripe().dispute(&payment, None, Opening::Chargeback).unwrap();
    app.stripe().close_dispute(&dispute, Closing::Lost).unwrap();
    app.events();
    assert_eq!(app.account(&ann.id).await.plan, Plan::Free);

    app.advance_days(1);
    app.reconcile().await.unwrap();
    let account = app.account(&ann.id).await;
    assert_eq!((account.plan, account.credits.totals().available), (Plan::Pro, 700));
    assert_eq!(app.account(&bob.id).await.plan, Plan::Free);
    assert_eq!(app.account(&eve.id).await.credits.totals().available, 10);

    // A second run, and late events: nothing changes.
    let before: Vec<_> = [&ann, &bob, &eve].map(|member| member.id.clone()).into();
    let books = async || {
        let mut books = Vec::new();
        for user in &before {
            books.push(app.account(user).await);
        }
        books
    };
    let repaired = books().await;
    app.reconcile().await.unwrap();
    for event in app.stripe().events() {
        assert_eq!(app.deliver(&event).await, 200);
    }
    assert_eq!(books().await, repaired);
    app.close().await;
}

#[tokio::test]
async fn a_parked_event_is_retried_every_night() {
    let app = BillingApp::new().await;
    let ann = app.new_member("ann");
    let url = app.checkout(&ann, json!({"pack": "pack_50"})).await;
    app.pay(&url, Card::Succeeds);
    let completed = |event: &String| kind_of(event) == "checkout.session.completed";
    let event = app.events().into_iter().find(completed).unwrap();
    // A bug of ours on the day the event arrived.
    let id = domain::billing::external::EventId::parse(&crate::billing_app::id_of(&event)).unwrap();
    let (kind, now) = (kind_of(&event), app.now());
    app.store.park_event(Some(&id), &kind, &event, "a fault", now).await.unwrap();
    app.store.park_event(None, "unknown", "{}", "not an event", now).await.unwrap();
    app.reconcile().await.unwrap();
    assert_eq!(app.credits(&ann).await["available"], 60);
    let left = app.store.parked_events(None, 10).await.unwrap().items;
    assert_eq!(left.len(), 1, "an unusable event stays for manual review: {left:?}");
    app.close().await;
}

/// More than a page of them, and parked before all others.
#[tokio::test]
async fn parked_events_that_cannot_be_read_hide_no_others() {
    let app = BillingApp::new().await;
    let ann = app.new_member("ann");
    for number in 0..120 {
        let id = format!("evt_{number:03}");
        let damaged = json!({
            "pk": { "S": format!("EVENT#{id}") }, "sk": { "S": "EVENT" },
            "gsi1pk": { "S": "EVENTS#PARKED" },
            "gsi1sk": { "S": format!("2026-01-01T00:00:00.000Z#{id}") },
            "id": { "S": id }, "kind": { "N": "1" },
        });
        let put = json!({ "TableName": testing::engine::TABLE, "Item": damaged });
        app.engine.run("PutItem", &put.to_string()).unwrap();
    }
    let url = app.checkout(&ann, json!({"pack": "pack_50"})).await;
    app.pay(&url, Card::Succeeds);
    let completed = |event: &String| kind_of(event) == "checkout.session.completed";
    let event = app.events().into_iter().find(completed).unwrap();
    let id = domain::billing::external::EventId::parse(&crate::billing_app::id_of(&event)).unwrap();
    app.store.park_event(Some(&id), &kind_of(&event), &event, "a fault", app.now()).await.unwrap();
    app.reconcile().await.unwrap();
    assert_eq!(app.credits(&ann).await["available"], 60);
    let left = app.store.parked_events(None, 100).await.unwrap();
    assert_eq!((left.items.len(), left.unreadable.len()), (0, 100), "they stay, for a person");
    app.close().await;
}

#[tokio::test]
async fn an_order_whose_end_had_no_event_is_read() {
    let app = BillingApp::new().await;
    let ann = app.new_member("ann");
    let url = app.checkout(&ann, json!({"pack": "pack_50"})).await;
    app.advance_days(2);
    app.events();
    app.reconcile().await.unwrap();
    assert_eq!(json!(app.order_of(&ann, &url).await)["state"], "expired");
    assert!(app.store.due_orders(app.now(), None, 10).await.unwrap().items.is_empty());
    app.close().await;
}
