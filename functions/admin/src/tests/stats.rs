//! The metrics for staff.

use super::*;
use crate::{get_generation_stats, get_revenue_stats};

async fn revenue(app: &TestApp, ask: &TestRequest) -> Answer {
    use get_revenue_stats::{ENDPOINT, handle};
    app.send(&ENDPOINT, &handle, &app.store, ask).await
}

async fn generations(app: &TestApp, ask: &TestRequest) -> Answer {
    use get_generation_stats::{ENDPOINT, handle};
    app.send(&ENDPOINT, &handle, &app.store, ask).await
}

#[tokio::test]
async fn nothing_happened_is_an_answer_too() {
    let (app, admin) = (TestApp::new(), Actor::admin());
    let stats = revenue(&app, &TestRequest::by(&admin)).await.json();
    assert_eq!((&stats["definition_version"], &stats["timezone"]), (&json!(1), &json!("UTC")));
    assert_eq!((&stats["currency"], &stats["as_of"]), (&json!("usd"), &json!(app.now())));
    assert_eq!(stats["days"].as_array().unwrap().len(), 31);
    assert_eq!(
        (&stats["period"]["end"]["mrr"], &stats["period"]["end"]["arr"]),
        (&json!(0), &json!(0))
    );
    assert_eq!(stats["period"]["churn"]["of_start_bps"], Value::Null);
    let stats = generations(&app, &TestRequest::by(&admin)).await.json();
    assert_eq!(stats["period"]["all"]["success_bps"], Value::Null);
    assert_eq!(stats["active_members"], json!({ "day": 0, "week": 0, "month": 0 }));
}

#[tokio::test]
async fn a_period_must_be_one() {
    let (app, admin) = (TestApp::new(), Actor::admin());
    for (from, to, expected) in [
        ("2020-01-01", "2021-01-01", "422"),
        ("2020-01-02", "2020-01-01", "422"),
        ("2020-01-01", "2999-01-01", "422"),
        ("2020-13-01", "2020-12-31", "422"),
        ("yesterday", "2020-12-31", "422"),
        ("2020-01-01", "2020-12-31", "200"),
    ] {
        let ask = TestRequest::by(&admin).query("from", from).query("to", to);
        for answer in [revenue(&app, &ask).await, generations(&app, &ask).await] {
            assert_eq!(answer.status().to_string(), expected, "{from} {to}: {}", answer.pretty());
        }
    }
}
