//! Crashes at every step: for each table request of a successful run, one run that dies before it,
//! one that dies after it, and runs with table faults. A repeat then always ends in the same state.

use runtime::BatchResponse;
use sandbox::stripe::Card;
use serde_json::json;
use testing::{Actor, Fault};

use crate::stage::{Stage, session_of};

/// Opens a checkout, pays it and delivers the events, with retries.
async fn walk(stage: &Stage, by: &Actor, what: &serde_json::Value) {
    let mut answer = stage.try_checkout(by, "key", what.clone()).await;
    for _ in 0..3 {
        if answer.status() == 200 || answer.code() == "already_subscribed" {
            break;
        }
        assert_eq!(answer.status(), 503, "{}", answer.pretty());
        answer = stage.try_checkout(by, "key", what.clone()).await;
    }
    // The run that died may have paid it already.
    if let Some(url) = answer.json()["checkout_url"].as_str() {
        let _ = stage.at_stripe().pay(session_of(url), Card::Succeeds);
    }
    hear(stage).await;
}

/// Delivers every event until it is accepted.
async fn hear(stage: &Stage) {
    for event in stage.at_stripe().events() {
        for _ in 0..3 {
            if stage.deliver(&event).await == 200 {
                break;
            }
        }
    }
}

async fn check(what: serde_json::Value, expected: u32) {
    let clean = Stage::new().await;
    let ann = clean.member("ann");
    clean.app.engine.take_usage();
    walk(&clean, &ann, &what).await;
    let usage = clean.app.engine.take_usage();
    let granted_once = clean.account(&ann).await.credits.totals().granted;
    clean.close().await;
    for fault in Fault::ALL {
        let most = match fault.meets() {
            "*" => usage.round_trips(),
            operation => usage.requests[operation],
        };
        for nth in 1..=most {
            let stage = Stage::new().await;
            let ann = stage.member("ann");
            stage.app.engine.order(fault.meets(), nth, fault);
            let died = stage.app.engine.until_hung(walk(&stage, &ann, &what)).await.is_none();
            if died {
                walk(&stage, &ann, &what).await;
            }
            hear(&stage).await;
            let credits = stage.credits(&ann).await;
            assert_eq!(credits["available"], expected, "{fault:?} {nth} of {most}");
            let granted = stage.account(&ann).await.credits.totals().granted;
            assert_eq!(granted, granted_once, "{fault:?} {nth} of {most}");
            stage.close().await;
        }
    }
}

#[tokio::test]
async fn a_pack_survives_death_at_every_step() {
    check(json!({"pack": "pack_50"}), 60).await;
}

#[tokio::test]
async fn a_plan_survives_death_at_every_step() {
    check(json!({"plan": "pro"}), 500).await;
}

/// A worker that buys a pack dies at any step, and the message is redelivered: one pack, one
/// charge.
#[tokio::test]
async fn a_top_up_survives_death_at_every_step() {
    let mut requests = None;
    for fault in Fault::ALL {
        for nth in 1.. {
            let stage = Stage::new().await;
            let ann = stage.member("ann");
            stage.buy(&ann, "pack_50").await;
            let wish = json!({"enabled": true, "pack": "pack_50", "below": 20, "monthly_max": 1});
            assert_eq!(stage.top_up(&ann, wish).await.status(), 200);
            stage.spend(&ann, 45).await;
            let (engine, hint) = (&stage.app.engine, json!(ann.id));
            engine.take_usage();
            if requests.is_some() {
                engine.order(fault.meets(), nth, fault);
            }
            engine.until_hung(stage.hint_top_up(&hint)).await;
            let usage = engine.take_usage();
            let requests = requests.get_or_insert(usage);
            for _ in 0..2 {
                assert_eq!(stage.hint_top_up(&hint).await, BatchResponse::default());
            }
            stage.hear().await;
            let name = format!("{fault:?} {nth}");
            assert_eq!(stage.credits(&ann).await["available"], 65, "{name}");
            let charges = stage.at_stripe().event_types();
            let charges = charges.iter().filter(|kind| *kind == "charge.succeeded").count();
            assert_eq!(charges, 2, "{name}: the first pack, and one more");
            stage.close().await;
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
