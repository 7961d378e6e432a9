//! The metrics for staff.

use serde_json::Value;

use super::*;

const REVENUE: &str = "/api/v1/admin/revenue/stats";
const GENERATIONS: &str = "/api/v1/admin/generations/stats";

#[tokio::test]
async fn the_metrics_of_an_empty_app_are_zero() {
    let app = staff_app();
    let admin = app.client(&Actor::admin());
    let stats = admin.get(REVENUE).await.json();
    assert_eq!((&stats["definition_version"], &stats["timezone"]), (&json!(1), &json!("UTC")));
    assert_eq!((&stats["currency"], &stats["as_of"]), (&json!("usd"), &json!(app.now())));
    assert_eq!(stats["days"].as_array().unwrap().len(), 31);
    assert_eq!(
        (&stats["period"]["end"]["mrr"], &stats["period"]["end"]["arr"]),
        (&json!(0), &json!(0))
    );
    assert_eq!(stats["period"]["churn"]["of_start_bps"], Value::Null);
    let stats = admin.get(GENERATIONS).await.json();
    assert_eq!(stats["period"]["all"]["success_bps"], Value::Null);
    assert_eq!(stats["active_members"], json!({ "day": 0, "week": 0, "month": 0 }));
}

#[tokio::test]
async fn a_period_has_an_order_and_a_longest_length() {
    let app = staff_app();
    let admin = app.client(&Actor::admin());
    for (from, to, expected) in [
        ("2020-01-01", "2021-01-01", "422"),
        ("2020-01-02", "2020-01-01", "422"),
        ("2020-01-01", "2999-01-01", "422"),
        ("2020-13-01", "2020-12-31", "422"),
        ("yesterday", "2020-12-31", "422"),
        ("2020-01-01", "2020-12-31", "200"),
    ] {
        for path in [REVENUE, GENERATIONS] {
            let answer = admin.get(path).query("from", from).query("to", to).await;
            assert_eq!(answer.status().to_string(), expected, "{from} {to}: {}", answer.pretty());
        }
    }
}
