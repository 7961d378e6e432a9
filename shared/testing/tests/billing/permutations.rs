//! Six related events in every order, each twice: one final state.

use domain::{credits::Totals, plan::Plan};
use sandbox::stripe::Card;
use serde_json::json;
use testing::Actor;

use crate::billing_app::{BillingApp, kind_of, session_of};

/// The events, in one of their orders.
const KINDS: [&str; 6] = [
    "checkout.session.completed",
    "customer.subscription.created",
    "customer.subscription.updated",
    "invoice.paid",
    "invoice.finalized",
    "charge.refunded",
];

/// Orders per app: Stripe's state grows with each.
const ORDERS_PER_APP: usize = 12;

/// A member who subscribed, set the subscription to cancel at period end, and bought a pack that
/// was partly refunded; no event is delivered. Returned with the last event of each kind.
async fn undelivered(app: &BillingApp, name: &str) -> (Actor, Vec<String>) {
    let member = app.new_member(name);
    let url = app.checkout(&member, json!({"plan": "pro"})).await;
    app.pay(&url, Card::Succeeds);
    let session = |url: &str| app.stripe().object(session_of(url)).unwrap();
    let theirs = session(&url)["subscription"].as_str().unwrap().to_owned();
    let ending = [("cancel_at_period_end", "true")];
    app.post_to_stripe(&format!("subscriptions/{theirs}"), &ending).await;
    let url = app.checkout(&member, json!({"pack": "pack_50"})).await;
    app.pay(&url, Card::Succeeds);
    let paid = session(&url)["payment_intent"].as_str().unwrap().to_owned();
    app.stripe().refund(&paid, Some(250)).unwrap();
    let all = app.events();
    let last_of = |kind: &&str| {
        let found = all.iter().rev().find(|event| kind_of(event) == **kind);
        found.unwrap_or_else(|| panic!("no {kind}")).clone()
    };
    (member, KINDS.iter().map(last_of).collect())
}

/// The plan, the totals, the debt, and the number of documents.
type Outcome = (Plan, Totals, u32, usize);

async fn outcome(app: &BillingApp, member: &Actor) -> Outcome {
    let account = app.account(&member.id).await;
    assert_eq!(account.plan_ends_at, account.paid_period.map(|paid| paid.ends_at));
    let invoices = app.invoices(member).await.len();
    (account.plan, account.credits.totals(), account.credits.debt, invoices)
}

#[tokio::test]
async fn every_order_of_six_related_events_ends_in_one_state() {
    check(0).await;
}

/// The other half, as a second test, to use two processors.
#[tokio::test]
async fn every_other_order_of_six_related_events_ends_in_one_state() {
    check(1).await;
}

async fn check(half: usize) {
    let mut all = Vec::new();
    permute(&mut (0..6).collect(), 0, &mut |order| all.push(order.to_vec()));
    assert_eq!(all.len(), 720);
    let orders: Vec<_> = all.into_iter().skip(half).step_by(2).collect();
    let mut expected = None;
    for some in orders.chunks(ORDERS_PER_APP) {
        let app = BillingApp::new().await;
        for (number, order) in some.iter().enumerate() {
            let (member, events) = undelivered(&app, &format!("m{number}")).await;
            for nth in order.iter().chain(order) {
                assert_eq!(app.deliver(&events[*nth]).await, 200);
            }
            let found = outcome(&app, &member).await;
            assert_eq!(found, *expected.get_or_insert(found), "{order:?}");
        }
        app.close().await;
    }
    let Some((plan, totals, debt, _)) = expected else { panic!("no order was tried") };
    assert_eq!((plan, totals.available, debt), (Plan::Pro, 525, 0));
}

fn permute(order: &mut Vec<usize>, from: usize, visit: &mut impl FnMut(&[usize])) {
    if from == order.len() {
        return visit(order);
    }
    for nth in from..order.len() {
        order.swap(from, nth);
        permute(order, from + 1, visit);
        order.swap(from, nth);
    }
}
