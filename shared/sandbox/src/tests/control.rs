//! The controls, startup and shutdown.

use std::net::{IpAddr, Ipv4Addr};

use super::*;
use crate::StartError;

#[tokio::test]
async fn it_is_well_and_keeps_its_own_calls_out_of_the_journal() {
    let visit = Visit::begin().await;
    assert_eq!(visit.get("/healthz").await.status(), 200);
    assert_eq!(visit.get("/nowhere").await.status(), 404);
    let found: Value = visit.get("/_sandbox/requests").await.json().await.unwrap();
    assert_eq!(found["matched"], 1);
    assert_eq!(found["items"][0]["path"], "/nowhere");
    assert_eq!(found["items"][0]["status"], 404);
}

#[tokio::test]
async fn requests_can_be_counted_and_forgotten() {
    let visit = Visit::begin().await;
    for marker in ["job-1", "job-2", "job-1"] {
        visit.submit(&prompt(marker)).await;
    }
    visit.status("abc").await;
    let find = async |query: &str| -> Value {
        visit.get(&format!("/_sandbox/requests{query}")).await.json().await.unwrap()
    };
    for (query, matched) in [
        ("", 4),
        ("?contains=job-1", 2),
        ("?route=generate", 3),
        ("?route=generate&contains=job-2", 1),
        ("?path=/bria/v2/status", 1),
        ("?method=GET", 1),
        ("?after=2", 2),
    ] {
        assert_eq!(find(query).await["matched"], matched, "{query}");
    }
    let limited = find("?limit=1").await;
    assert_eq!((&limited["matched"], &limited["items"][0]["number"]), (&json!(4), &json!(1)));
    assert_eq!(limited["items"][0]["credentials"], json!(["api_token"]));
    assert_eq!(visit.get("/_sandbox/requests?who=me").await.status(), 400);

    let url = format!("{}/_sandbox/requests", visit.sandbox.url);
    assert_eq!(visit.http.delete(url).send().await.unwrap().status(), 204);
    assert_eq!(find("").await["matched"], 0);
    visit.status("abc").await;
    assert_eq!(find("").await["items"][0]["number"], 5, "the numbering continues");
}

#[tokio::test]
async fn orders_are_listed_cleared_and_refused() {
    let visit = Visit::begin().await;
    let order = json!({
        "fault": { "outcome": "failed" }, "on": { "route": "generate", "marker": "m" }, "times": 2,
    });
    visit.order(order.clone()).await;
    let waiting: Value = visit.get("/_sandbox/faults").await.json().await.unwrap();
    assert_eq!(waiting, json!({ "items": [order] }));
    let url = format!("{}/_sandbox/faults", visit.sandbox.url);
    assert_eq!(visit.http.delete(url).send().await.unwrap().status(), 204);
    let waiting: Value = visit.get("/_sandbox/faults").await.json().await.unwrap();
    assert_eq!(waiting, json!({ "items": [] }));

    for bad in [
        json!({}),
        json!({ "fault": { "answer": "nap" } }),
        json!({ "fault": { "answer": "silence" }, "times": 0 }),
        json!({ "fault": { "answer": { "refused": { "status": 500, "code": "odd" } } } }),
        json!({ "fault": { "answer": "silence" }, "on": { "marker": "" } }),
    ] {
        assert_eq!(visit.post("/_sandbox/faults", &bad).await.status(), 400, "{bad}");
    }
}

#[tokio::test]
async fn settings_change_all_or_none() {
    let visit = Visit::begin().await;
    let patch = async |body: Value| {
        let url = format!("{}/_sandbox/bria", visit.sandbox.url);
        visit.http.patch(url).json(&body).send().await.unwrap()
    };
    let before: Value = visit.get("/_sandbox/bria").await.json().await.unwrap();
    for bad in [
        json!({ "api_token": "" }),
        json!({ "calls_per_minute": 0, "completes_after_ms": 1 }),
        json!({ "completes_after_ms": 600_001 }),
        json!({ "webhook_pauses_ms": [] }),
        json!({ "unknown": 1 }),
    ] {
        assert_eq!(patch(bad.clone()).await.status(), 400, "{bad}");
    }
    let after: Value = visit.get("/_sandbox/bria").await.json().await.unwrap();
    assert_eq!(before, after);

    assert_eq!(patch(json!({ "api_token": "another" })).await.status(), 200);
    assert_eq!(visit.bria("/image/generate", &prompt("a cup")).await.status(), 401);
}

#[tokio::test]
async fn it_listens_on_loopback_only_and_says_when_it_cannot() {
    let everywhere = Config { host: IpAddr::V4(Ipv4Addr::UNSPECIFIED), ..Config::default() };
    let refused = Sandbox::start(everywhere).await.unwrap_err();
    assert!(matches!(refused, StartError::NotLoopback(_)), "{refused}");

    let visit = Visit::begin().await;
    let port = visit.sandbox.url.rsplit(':').next().unwrap().parse().unwrap();
    let refused = Sandbox::start(Config { port, ..Config::default() }).await.unwrap_err();
    assert!(refused.to_string().starts_with("cannot listen on 127.0.0.1:"), "{refused}");

    drop(visit);
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert!(Sandbox::start(Config { port, ..Config::default() }).await.is_ok(), "free again");
}
