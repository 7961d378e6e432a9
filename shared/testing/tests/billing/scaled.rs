//! Scheduled work on a clock that requests move (`scripts/scale`), with little to do.

use serde_json::{Value, json};
use simulator::scale::{Measured, Plan, measure};

/// Measures a line with these changes of a plan in which requests take next to no time.
async fn measured(line: &str, items: u64, changes: &Value) -> Measured {
    let mut plan = json!({
        "line": line, "items": items, "within_s": 600.0, "tallies": 6, "listings": 50, "one_in": 1,
        "at_once": 2, "trip_s": 0.005, "written_s": 0.0005, "megabyte_s": 0.05, "stripe_s": 0.5,
        "stripe_every_s": 0.05, "timeout_s": 900.0, "every_s": 300.0,
    });
    for (name, value) in changes.as_object().unwrap() {
        plan[name] = value.clone();
    }
    measure(&Plan::parse(&plan.to_string()).unwrap()).await.unwrap()
}

#[tokio::test]
async fn every_function_does_its_work_in_one_run() {
    for (line, items, least_trips, least_requests) in [
        ("payouts", 3, 3 * 10, 3 * 4),
        ("events", 12, 1, 1),
        ("subscriptions", 3, 1, 1),
        ("views", 100, 4, 0),
        ("popular", 20, 9, 0),
        ("revenue", 60, 3, 0),
        ("rewards", 4, 4 * 2, 0),
        ("sellers", 5, 5 * 2, 0),
    ] {
        let measured = measured(line, items, &json!({})).await;
        assert_eq!(measured.runs, 1, "{line}: {measured:?}");
        assert!(measured.usage.round_trips() >= least_trips, "{line}: {measured:?}");
        assert!(measured.stripe_requests >= least_requests, "{line}: {measured:?}");
        assert!(!measured.worked.is_zero(), "{line}: {measured:?}");
    }
}

#[tokio::test]
async fn a_subscription_that_is_as_we_know_it_costs_no_request_of_its_own() {
    let [few, many] = [2, 40].map(|members| async move {
        measured("subscriptions", members, &json!({})).await.stripe_requests
    });
    assert_eq!(few.await, many.await);
}

#[tokio::test]
async fn payouts_that_take_longer_than_a_run_are_continued() {
    let slow = json!({ "at_once": 1, "stripe_s": 100.0 });
    let measured = measured("payouts", 4, &slow).await;
    assert!(measured.runs > 1, "{measured:?}");
}

/// All listings of a creator are one piece of work, which Lambda ends in the middle.
#[tokio::test]
async fn a_run_that_lambda_ends_is_continued() {
    let slow = json!({ "at_once": 1, "trip_s": 4.0, "timeout_s": 100.0 });
    let measured = measured("sellers", 20, &slow).await;
    assert!(measured.runs > 1, "{measured:?}");
}
