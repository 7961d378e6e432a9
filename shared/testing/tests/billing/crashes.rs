//! Crashes at every step: for each table request of a successful run, one run that dies before it,
//! one that dies after it, and runs with table faults. A repeat then always ends in the same state.

use sandbox::stripe::Card;
use serde_json::json;
use testing::{Actor, Fault};

use crate::billing_app::{BillingApp, all_done, session_of};

/// Opens a checkout, pays it and delivers the events, with retries.
async fn buy(app: &BillingApp, by: &Actor, order: &serde_json::Value) {
    let mut answer = app.try_checkout(by, "key", order.clone()).await;
    for _ in 0..3 {
        if answer.status() == 201 || answer.code() == "already_subscribed" {
            break;
        }
        assert_eq!(answer.status(), 503, "{}", answer.pretty());
        answer = app.try_checkout(by, "key", order.clone()).await;
    }
    // The run that died may have paid it already.
    if let Some(url) = answer.json()["checkout_url"].as_str() {
        let _ = app.stripe().pay(session_of(url), Card::Succeeds);
    }
    deliver_until_accepted(app).await;
}

/// Delivers every event until it is accepted.
async fn deliver_until_accepted(app: &BillingApp) {
    for event in app.stripe().events() {
        for _ in 0..3 {
            if app.deliver(&event).await == 200 {
                break;
            }
        }
    }
}

async fn check(order: serde_json::Value, expected: u32) {
    let clean = BillingApp::new().await;
    let ann = clean.new_member("ann");
    clean.engine.take_usage();
    buy(&clean, &ann, &order).await;
    let usage = clean.engine.take_usage();
    let granted_once = clean.account(&ann.id).await.credits.totals().granted;
    clean.close().await;
    for fault in Fault::ALL {
        let most = match fault.meets() {
            "*" => usage.round_trips(),
            operation => usage.requests[operation],
        };
        for nth in 1..=most {
            let app = BillingApp::new().await;
            let ann = app.new_member("ann");
            app.engine.order(fault.meets(), nth, fault);
            let died = app.engine.until_hung(buy(&app, &ann, &order)).await.is_none();
            if died {
                buy(&app, &ann, &order).await;
            }
            deliver_until_accepted(&app).await;
            let credits = app.credits(&ann).await;
            assert_eq!(credits["available"], expected, "{fault:?} {nth} of {most}");
            let granted = app.account(&ann.id).await.credits.totals().granted;
            assert_eq!(granted, granted_once, "{fault:?} {nth} of {most}");
            app.close().await;
        }
    }
}

#[tokio::test]
async fn a_pack_survives_a_crash_at_every_step() {
    check(json!({"pack": "pack_50"}), 60).await;
}

#[tokio::test]
async fn a_plan_survives_a_crash_at_every_step() {
    check(json!({"plan": "pro"}), 500).await;
}

/// A worker that buys a pack dies at any step, and the message is redelivered: one pack, one
/// charge.
#[tokio::test]
async fn a_top_up_survives_a_crash_at_every_step() {
    let mut requests = None;
    for fault in Fault::ALL {
        for nth in 1.. {
            let app = BillingApp::new().await;
            let ann = app.new_member("ann");
            app.buy(&ann, "pack_50").await;
            let settings =
                json!({"enabled": true, "pack": "pack_50", "below": 20, "monthly_max": 1});
            assert_eq!(app.top_up(&ann, settings).await.status(), 200);
            app.spend(&ann, 45).await;
            let (engine, user) = (&app.engine, json!(ann.id));
            engine.take_usage();
            if requests.is_some() {
                engine.order(fault.meets(), nth, fault);
            }
            engine.until_hung(app.send_top_up_message(&user)).await;
            let usage = engine.take_usage();
            let requests = requests.get_or_insert(usage);
            for _ in 0..2 {
                assert_eq!(app.send_top_up_message(&user).await, all_done());
            }
            app.deliver_events().await;
            let name = format!("{fault:?} {nth}");
            assert_eq!(app.credits(&ann).await["available"], 65, "{name}");
            let charges = app.stripe().event_types();
            let charges = charges.iter().filter(|kind| *kind == "charge.succeeded").count();
            assert_eq!(charges, 2, "{name}: the first pack, and one more");
            app.close().await;
            let most = match fault.meets() {
                "*" => requests.round_trips(),
                operation => requests.requests[operation],
            };
            if nth == most {
                break;
            }
        }
    }
}
