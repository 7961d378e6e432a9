//! Every fault, from the caller's side.

use super::*;
use crate::{
    faults::{AnswerFault, Order, OutcomeFault},
    request_log::Filter,
    route::Route,
};

/// The answers to the submissions whose body contains `marker`.
fn submissions(visit: &Visit, marker: &str) -> Vec<Option<u16>> {
    let filter = Filter::route(Route::Generate).containing(marker);
    visit.sandbox.received(&filter).items.iter().map(|entry| entry.status).collect()
}

#[tokio::test]
async fn an_answer_goes_wrong() {
    let visit = Visit::begin().await;
    for (fault, status, retry_after) in [
        (json!({ "too_many": { "retry_after_s": 7 } }), 429, Some("7")),
        (json!({ "too_many": {} }), 429, None),
        (json!("blocked"), 422, None),
        (json!("server_error"), 500, None),
        (json!("server_error_after_accepting"), 500, None),
        (json!("html_page"), 502, None),
    ] {
        visit.order(json!({ "fault": { "answer": fault }, "on": { "marker": "m1" } })).await;
        let unmarked = visit.bria("/image/generate", &prompt("plain")).await;
        assert_eq!(unmarked.status(), 202, "{fault}");
        let hit = visit.bria("/image/generate", &prompt("with m1")).await;
        assert_eq!(hit.status(), status, "{fault}");
        let header = hit.headers().get("retry-after").map(|value| value.to_str().unwrap());
        assert_eq!(header, retry_after, "{fault}");
        let again = visit.bria("/image/generate", &prompt("with m1")).await;
        assert_eq!(again.status(), 202, "{fault}: used up");
    }
    assert_eq!(submissions(&visit, "m1").len(), 12);
}

#[tokio::test]
async fn an_answer_gets_lost_after_the_job_was_accepted() {
    let visit = Visit::begin().await;
    let receiver = Receiver::answering(&[]).await;
    let quick = Client::builder().timeout(Duration::from_millis(200)).build().unwrap();
    for (count, fault) in ["silence", "broken_connection", "malformed_json"].iter().enumerate() {
        visit.order(json!({ "fault": { "answer": fault } })).await;
        let call = quick
            .post(format!("{}/image/generate", visit.sandbox.bria_url()))
            .header("api_token", API_TOKEN)
            .json(&json!({ "prompt": "a cup", "webhook_url": receiver.url }));
        let answer = match call.send().await {
            Ok(answer) => answer.json::<Value>().await,
            Err(error) => Err(error),
        };
        assert!(answer.is_err(), "{fault}: {answer:?}");
        let letters = receiver.wait_for(count + 1).await;
        assert_eq!(letters[count].json()["status"], "COMPLETED", "{fault}: it was accepted");
    }
    let seen = visit.sandbox.received(&Filter::route(Route::Generate));
    assert_eq!(seen.items[0].status, None, "the caller left before the answer");
    assert_eq!(seen.items[0].fault, Some(AnswerFault::Silence));
}

#[tokio::test]
async fn nothing_is_accepted_before_a_delay_is_over() {
    let visit = Visit::begin().await;
    visit.order(json!({ "fault": { "answer": { "delay": { "delay_ms": 150 } } } })).await;
    let begun = Instant::now();
    visit.submit(&prompt("a cup")).await;
    assert!(Duration::from_millis(150) <= begun.elapsed());
}

#[tokio::test]
async fn statuses_tokens_and_keys_fail_too() {
    let visit = Visit::begin().await;
    let id = visit.submit(&prompt("with m2")).await;
    let limit = AnswerFault::TooMany { retry_after_s: None };
    let order = Order::next(limit.into()).on_route(Route::Status).on_marker("m2");
    visit.sandbox.order(order).unwrap();
    assert_eq!(visit.status("other").await.status(), 404);
    assert_eq!(visit.status(&id).await.status(), 429, "by the marker of the job");
    assert_eq!(visit.status(&id).await.status(), 200);

    let order = |route| Order::next(AnswerFault::ServerError.into()).on_route(route);
    visit.sandbox.order(order(Route::Jwks)).unwrap();
    visit.sandbox.order(order(Route::Discovery).times(2)).unwrap();
    for (path, statuses) in
        [("/jwks.json", [500, 200, 200]), ("/.well-known/openid-configuration", [500, 500, 200])]
    {
        for status in statuses {
            assert_eq!(visit.get(path).await.status(), status, "{path}");
        }
    }
}

#[tokio::test]
async fn a_job_ends_badly() {
    let visit = Visit::begin().await;
    for (fault, status) in [
        (json!({ "error": {} }), Some("ERROR")),
        (json!("failed"), Some("FAILED")),
        (json!("unknown"), Some("UNKNOWN")),
        (json!("expired"), None),
        (json!({ "slow": { "completes_after_ms": 100 } }), Some("COMPLETED")),
    ] {
        visit.order(json!({ "fault": { "outcome": fault } })).await;
        let id = visit.submit(&prompt("a cup")).await;
        let running: Value = visit.status(&id).await.json().await.unwrap();
        assert_eq!(running["status"], "IN_PROGRESS", "{fault}");
        let report = visit.ending(&id).await;
        assert_eq!(report.as_ref().map(|report| text(report, "/status")).as_deref(), status);
        let error = report.as_ref().and_then(|report| report.pointer("/error/code"));
        let failed = matches!(status, Some("ERROR" | "FAILED"));
        assert_eq!(error, failed.then_some(&json!(500)), "{fault}");
    }
    visit.order(json!({ "fault": { "outcome": "stuck" } })).await;
    let id = visit.submit(&prompt("a cup")).await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    let report: Value = visit.status(&id).await.json().await.unwrap();
    assert_eq!(report["status"], "IN_PROGRESS");
}

#[tokio::test]
async fn a_sync_call_tells_the_same() {
    let visit = Visit::begin().await;
    let body = json!({ "prompt": "a cup", "sync": true });
    for (outcome, status) in [
        (Some(OutcomeFault::Error { code: Some(422) }), 422),
        (Some(OutcomeFault::Failed), 500),
        (None, 200),
    ] {
        if let Some(outcome) = outcome {
            visit.sandbox.order(Order::next(outcome.into())).unwrap();
        }
        let answer = visit.bria("/structured_prompt/generate", &body).await;
        assert_eq!(answer.status(), status);
    }
}

#[tokio::test]
async fn something_else_lies_where_the_picture_should() {
    let visit = Visit::begin().await;
    let fetch = async |fault: &str| {
        visit.order(json!({ "fault": { "picture": fault } })).await;
        let url = visit.picture_url(&json!({ "prompt": "a cup", "seed": 1 })).await;
        visit.http.get(url).send().await.unwrap()
    };
    let huge = fetch("huge").await;
    assert_eq!((huge.status(), huge.content_length()), (StatusCode::OK, None));
    let huge = huge.bytes().await.unwrap();
    assert!(32 * 1024 * 1024 < huge.len() && huge.starts_with(b"\x89PNG"));

    let truncated = fetch("truncated").await.bytes().await.unwrap();
    assert!(truncated.starts_with(b"\x89PNG") && image::load_from_memory(&truncated).is_err());

    let bomb = fetch("bomb").await.bytes().await.unwrap();
    assert!(bomb.len() < 100 && bomb.starts_with(b"\x89PNG"));

    let page = fetch("html_page").await;
    assert_eq!(page.status(), 200);
    assert!(page.text().await.unwrap().starts_with("<!DOCTYPE html>"));

    assert_eq!(fetch("gone").await.status(), 404);

    let redirect = fetch("redirect").await;
    assert_eq!(redirect.status(), 307);
    let elsewhere = redirect.headers()["location"].to_str().unwrap();
    assert!(elsewhere.starts_with("http://127.0.0.1:"), "another host: {elsewhere}");
    let path = &elsewhere[elsewhere.find("/bria").unwrap()..];
    assert_eq!(visit.get(path).await.status(), 200, "an intact picture waits there");
    assert_eq!(visit.sandbox.received(&Filter::route(Route::Elsewhere)).matched, 1);
}
