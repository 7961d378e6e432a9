//! Six related events in every order, each twice: one final state.

use domain::{credits::Totals, plan::Plan};
use sandbox::stripe::Card;
use serde_json::json;
use testing::Actor;

use crate::stage::{Stage, kind_of};

/// What is sent, in one of its orders.
const KINDS: [&str; 6] = [
    "checkout.session.completed",
    "customer.subscription.created",
    "customer.subscription.updated",
    "invoice.paid",
    "invoice.finalized",
    "charge.refunded",
];

/// A member who subscribed, upgraded and bought a pack that was partly refunded; nothing of it is
/// heard of. With it, one event of each kind.
async fn unheard(stage: &Stage, name: &str) -> (Actor, Vec<String>) {
    let member = stage.member(name);
    let url = stage.checkout(&member, json!({"plan": "pro"})).await;
    stage.pay(&url, Card::Succeeds);
    let url = stage.checkout(&member, json!({"pack": "pack_50"})).await;
    stage.pay(&url, Card::Succeeds);
    let session = stage.at_stripe().object(crate::stage::session_of(&url)).unwrap();
    let paid = session["payment_intent"].as_str().unwrap();
    stage.at_stripe().refund(paid, Some(250)).unwrap();
    let all = stage.events();
    let last_of = |kind: &&str| {
        let found = all.iter().rev().find(|event| kind_of(event) == **kind);
        found.unwrap_or_else(|| panic!("no {kind}")).clone()
    };
    let kinds = KINDS.iter().filter(|kind| all.iter().any(|event| kind_of(event) == **kind));
    (member, kinds.map(last_of).collect())
}

async fn told(stage: &Stage, member: &Actor) -> (Plan, Totals, u32, usize) {
    let account = stage.account(member).await;
    let invoices = stage.invoices(member).await.len();
    (account.plan, account.credits.totals(), account.credits.debt, invoices)
}

#[tokio::test]
async fn every_order_of_six_related_events_ends_in_one_state() {
    let stage = Stage::new().await;
    let mut expected = None;
    let mut orders = 0;
    let mut order: Vec<usize> = (0..6).collect();
    let mut all = Vec::new();
    permute(&mut order, 0, &mut |order| all.push(order.to_vec()));
    // Every seventh of the 720, so that each event is early and late beside each other one.
    for order in all.iter().step_by(7) {
        let (member, events) = unheard(&stage, &format!("m{orders}")).await;
        for nth in order.iter().chain(order) {
            if let Some(event) = events.get(*nth) {
                assert_eq!(stage.deliver(event).await, 200);
            }
        }
        let found = told(&stage, &member).await;
        assert_eq!(found, *expected.get_or_insert(found.clone()), "{order:?}");
        orders += 1;
    }
    let (plan, totals, debt, _) = expected.unwrap();
    assert_eq!((plan, totals.available, debt), (Plan::Pro, 525, 0));
    stage.close().await;
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
