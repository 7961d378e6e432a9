//! Setting an account up, and the portal.

use sandbox::stripe::Advance;
use serde_json::{Value, json};
use stripe_client_core::{RequestBuilder, StripeMethod};

use super::*;
use crate::stripe::setup::{Done, Row, Wanted, set_up};

const HOOK: &str = "https://api.prolight.test/webhooks/stripe";
const CONNECT_HOOK: &str = "https://api.prolight.test/webhooks/stripe-connect";

async fn run(visit: &Visit) -> Vec<Row> {
    let wanted = Wanted {
        webhook_url: Some(HOOK.into()),
        connect_webhook_url: Some(CONNECT_HOOK.into()),
        return_url: Some("https://prolight.test/billing".into()),
        run: rand::random(),
    };
    set_up(&visit.stripe, &wanted).await.unwrap()
}

async fn post(visit: &Visit, path: &str, form: Value) -> Value {
    let request = RequestBuilder::new(StripeMethod::Post, path).form(&form);
    let key = format!("{path}{form}");
    visit.stripe.transport.json("x", &request, Some(&key)).await.unwrap()
}

async fn empty() -> Visit {
    Visit::to(Catalogue::Empty, Tax::None, Settings::default()).await
}

fn all(rows: &[Row], done: Done) -> bool {
    rows.iter().all(|row| row.done == done)
}

#[tokio::test]
async fn an_empty_account_is_set_up_once() {
    let visit = empty().await;
    let customer = visit.customer().await;
    let open = || async {
        let checkout = checkout(1, Plan::Pro);
        visit.stripe.open_plan_checkout(&member(), &customer, &checkout, &urls()).await
    };
    assert!(matches!(open().await, Err(StripeError::Unreached { .. })));

    let first = run(&visit).await;
    assert_eq!(first.len(), 15, "{first:#?}");
    // The payout schedule exists in every account.
    let created = |row: &Row| (row.done == Done::Created) == (row.what != "payouts by hand");
    assert!(first.iter().all(created), "{first:#?}");
    assert_eq!(first.iter().filter(|row| row.secret.is_some()).count(), 3);
    let second = run(&visit).await;
    assert!(all(&second, Done::Found), "{second:#?}");
    let ids = |rows: &[Row]| rows.iter().map(|row| row.id.clone()).collect::<Vec<_>>();
    assert_eq!(ids(&first), ids(&second));
    open().await.unwrap();
}

/// A new account pays out its balance every midnight, which leaves nothing for creators.
#[tokio::test]
async fn the_balance_stays_once_the_account_is_set_up() {
    let visit = empty().await;
    let customer = visit.customer().await;
    let earn = async |nth| {
        let amount = json!({
            "amount": 1_000, "currency": "usd", "customer": customer, "confirm": true,
            "payment_method": visit.control().set_card(customer.as_str(), Card::Succeeds).unwrap(),
            "off_session": true, "description": nth,
        });
        post(&visit, "/payment_intents", amount).await;
        visit.control().advance(Advance::Days(1)).unwrap();
        visit.control().balance().available
    };
    assert_eq!(earn("one").await, 0);
    let rows = run(&visit).await;
    let row = rows.iter().find(|row| row.what == "payouts by hand").unwrap();
    assert_eq!(row.done, Done::Changed);
    assert_eq!(earn("two").await, 1_000 - 59);
}

#[tokio::test]
async fn what_is_there_is_taken_over() {
    let visit = Visit::begin().await;
    run(&visit).await;
    let second = run(&visit).await;
    assert!(all(&second, Done::Found), "{second:#?}");
}

#[tokio::test]
async fn a_changed_price_follows_the_old_one_and_old_subscriptions_stay_known() {
    let visit = empty().await;
    let key = Plan::Pro.terms().lookup_key.unwrap();
    post(&visit, "/products", json!({"id": key, "name": "An old name"})).await;
    let old = json!({
        "product": key, "currency": "usd", "unit_amount": 1900, "lookup_key": key,
        "recurring": {"interval": "month"},
    });
    let old = post(&visit, "/prices", old).await;
    let customer = visit.customer().await;
    let session = visit.subscribed(&customer, Plan::Pro, Card::Succeeds).await;

    let rows = run(&visit).await;
    let pro: Vec<&Row> = rows.iter().filter(|row| row.what.ends_with(key)).collect();
    assert!(pro.iter().all(|row| row.done == Done::Changed), "{pro:#?}");
    assert_ne!(pro[1].id, old["id"]);
    let old = visit.control().object(old["id"].as_str().unwrap()).unwrap();
    assert_eq!((&old["active"], &old["lookup_key"]), (&json!(false), &json!(null)));
    let second = run(&visit).await;
    assert!(all(&second, Done::Found), "{second:#?}");

    let now = visit.stripe.subscription(&session.subscription.unwrap()).await.unwrap();
    assert_eq!(now.subscription.unwrap().plan, Plan::Pro);
    let invoice = visit.stripe.invoice(&now.latest_invoice.unwrap()).await.unwrap();
    assert_eq!((invoice.lines[0].plan, invoice.total), (Some(Plan::Pro), 1900));
}

#[tokio::test]
async fn an_endpoint_is_mended_and_one_elsewhere_is_left_alone() {
    let visit = Visit::begin().await;
    let other = json!({"url": "https://other.test/hook", "enabled_events": ["*"]});
    let other = post(&visit, "/webhook_endpoints", other).await;
    let made = run(&visit).await;
    let nth = |what: &str| made.iter().position(|row| row.what.starts_with(what)).unwrap();
    let places = [nth("webhook endpoint"), nth("connect webhook"), nth("event destination")];
    for place in places {
        assert_eq!(made[place].done, Done::Created);
        assert_ne!(made[place].id, other["id"]);
    }
    for place in &places[..2] {
        let path = format!("/webhook_endpoints/{}", made[*place].id);
        post(&visit, &path, json!({"enabled_events": ["invoice.paid"]})).await;
    }
    let path = format!("/core/event_destinations/{}", made[places[2]].id);
    let body = json!({"enabled_events": ["v2.core.account.created"]});
    let _: Value = visit.stripe.transport.act_v2("x", &path, &body, "k").await.unwrap();
    let mended = run(&visit).await;
    assert!(places.iter().all(|place| mended[*place].done == Done::Changed), "{mended:#?}");
    assert!(all(&run(&visit).await, Done::Found));
}

/// Our destination is on the last page, and is found there.
#[tokio::test]
async fn a_destination_on_a_later_page_is_not_made_again() {
    let visit = Visit::begin().await;
    assert!(all(&run(&visit).await[..1], Done::Found), "prices were there");
    for number in 0..12 {
        let body = json!({
            "name": "another", "type": "webhook_endpoint", "event_payload": "thin",
            "enabled_events": ["v2.core.account.closed"],
            "webhook_endpoint": {"url": format!("https://other.test/{number}")},
        });
        let (path, key) = ("/core/event_destinations", format!("other-{number}"));
        let _: Value = visit.stripe.transport.act_v2("x", path, &body, &key).await.unwrap();
    }
    assert!(all(&run(&visit).await, Done::Found));
    let received = visit.sandbox.received(&sandbox::request_log::Filter::default()).items;
    let pages = received.iter().filter(|it| it.query.contains("page=")).count();
    assert_eq!(pages, 2, "13 destinations, five on a page");
}

#[tokio::test]
async fn the_portal_is_opened_with_our_configuration_once_there_is_one() {
    let visit = Visit::begin().await;
    let customer = visit.customer().await;
    let open = async || visit.stripe.open_portal(&customer, "https://prolight.test/billing").await;
    let first = open().await.unwrap();
    assert_ne!(open().await.unwrap(), first);
    let configuration = run(&visit).await.pop().unwrap().id;
    open().await.unwrap();
    let received = visit.sandbox.received(&sandbox::request_log::Filter::default()).items;
    let opened = received.iter().filter(|it| it.path.ends_with("/billing_portal/sessions"));
    let bodies: Vec<&str> = opened.map(|it| it.body.as_str()).collect();
    assert!(!bodies[0].contains("configuration="), "{bodies:?}");
    assert!(bodies.last().unwrap().contains(&configuration), "{bodies:?}");
}
