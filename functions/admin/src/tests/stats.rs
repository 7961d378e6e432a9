//! The metrics for staff.

use domain::{
    metrics::{Metrics, RevenueReport, Span},
    time::Day,
};
use serde_json::Value;
use store::StoredReport;

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

/// A page cannot follow a redirect to the bucket: it asks for the link instead.
#[tokio::test]
async fn a_report_as_a_file_is_a_redirect_or_its_link() {
    let app = staff_app();
    let key = |kind: &str| format!("reports/revenue/2026-11-21/1.{kind}");
    let day = Day::parse("2026-11-21").unwrap();
    let made = RevenueReport::of(Span::day(day), &Metrics::default(), app.now());
    let json = serde_json::to_string(&made).unwrap();
    let report = StoredReport {
        day,
        made_at: app.now(),
        json: json.clone(),
        json_key: key("json"),
        csv_key: key("csv"),
        pdf_key: key("pdf"),
    };
    app.store.keep_report(&report).await.unwrap();
    let admin = app.client(&Actor::admin());
    let get = || admin.get("/api/v1/admin/revenue/reports/2026-11-21");
    let redirect = get().query("format", "csv").header("Accept", "*/*").await;
    assert_eq!((redirect.status(), redirect.body.as_str()), (302, ""));
    let link = get().query("format", "csv").header("Accept", "application/json").await;
    assert_eq!((link.status(), link.header("vary")), (200, Some("Accept, Origin")));
    assert_eq!(link.json()["url"].as_str(), redirect.header("location"));
    assert_eq!(link.json()["expires_at"], json!("2026-11-22T09:10:00.000Z"));
    let whole = get().header("Accept", "application/json").await;
    assert_eq!((whole.status(), whole.body.as_str()), (200, json.as_str()));
}
