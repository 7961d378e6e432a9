//! The image provider, against its documentation.

use super::*;
use crate::{request_log::Filter, route::Route};

#[tokio::test]
async fn a_prompt_becomes_a_picture() {
    let visit = Visit::begin().await;
    let body = json!({ "prompt": "a glass sphere", "seed": 314_159, "aspect_ratio": "3:2" });
    let answer = visit.bria("/image/generate", &body).await;
    assert_eq!(answer.status(), 202);
    let promise: Value = answer.json().await.unwrap();
    let id = text(&promise, "/request_id");
    let status_url = format!("{}/status/{id}", visit.sandbox.bria_url());
    assert_eq!(promise, json!({ "request_id": id, "status_url": status_url }));

    let report = visit.ending(&id).await.unwrap();
    assert_eq!((&report["status"], &report["request_id"]), (&json!("COMPLETED"), &json!(id)));
    assert_eq!(report["result"]["seed"], 314_159);
    let structured = text(&report, "/result/structured_prompt");
    let structured: domain::fibo::StructuredPrompt = serde_json::from_str(&structured).unwrap();
    assert!(structured.short_description.contains("glass sphere"));
    assert_eq!(structured.aesthetics.extra["aesthetic_score"], "very high");

    let picture = visit.http.get(text(&report, "/result/image_url")).send().await.unwrap();
    assert_eq!(picture.headers()["content-type"], "image/png");
    let picture = image::load_from_memory(&picture.bytes().await.unwrap()).unwrap();
    assert_eq!((picture.width(), picture.height()), (512, 341));
}

#[tokio::test]
async fn lite_and_jpeg_work_too() {
    let visit = Visit::begin().await;
    let body = json!({ "prompt": "a cup", "output_type": "jpeg" });
    let answer = visit.bria("/image/generate/lite", &body).await;
    assert_eq!(answer.status(), 202);
    let id = text(&answer.json().await.unwrap(), "/request_id");
    let url = text(&visit.ending(&id).await.unwrap(), "/result/image_url");
    assert!(url.ends_with(".jpeg"), "{url}");
    let picture = visit.http.get(url).send().await.unwrap();
    assert_eq!(picture.headers()["content-type"], "image/jpeg");
    assert!(picture.bytes().await.unwrap().starts_with(b"\xff\xd8\xff"));
}

#[tokio::test]
async fn a_structured_prompt_is_written_refined_and_kept() {
    let visit = Visit::begin().await;
    let body = json!({ "prompt": "a red chair", "sync": true });
    for path in ["/structured_prompt/generate", "/structured_prompt/generate/lite"] {
        let answer = visit.bria(path, &body).await;
        assert_eq!(answer.status(), 200);
        let answer: Value = answer.json().await.unwrap();
        assert!(answer["result"].get("image_url").is_none());
        assert!(text(&answer, "/result/structured_prompt").contains("red chair"));
    }
    let answer: Value =
        visit.bria("/structured_prompt/generate", &body).await.json().await.unwrap();
    let structured = text(&answer, "/result/structured_prompt");

    let recreate = json!({ "structured_prompt": structured, "seed": 7, "sync": true });
    let answer: Value = visit.bria("/image/generate", &recreate).await.json().await.unwrap();
    assert_eq!(text(&answer, "/result/structured_prompt"), structured, "to the byte");

    let refine = json!({ "structured_prompt": structured, "prompt": "in blue" });
    let id = visit.submit(&refine).await;
    let refined = text(&visit.ending(&id).await.unwrap(), "/result/structured_prompt");
    assert!(refined.contains("in blue") && refined != structured);
}

#[tokio::test]
async fn the_token_goes_to_the_api_and_nowhere_else() {
    let visit = Visit::begin().await;
    let generate = format!("{}/image/generate", visit.sandbox.bria_url());
    for token in [None, Some("wrong"), Some("")] {
        let mut call = visit.http.post(&generate).json(&prompt("a cup"));
        if let Some(token) = token {
            call = call.header("api_token", token);
        }
        let answer = call.send().await.unwrap();
        assert_eq!(answer.status(), 401);
        assert_eq!(answer.json::<Value>().await.unwrap()["error"]["code"], 401);
    }
    assert_eq!(visit.get("/bria/v2/status/abc").await.status(), 401);

    let url = visit.picture_url(&prompt("a cup")).await;
    for name in ["api_token", "authorization"] {
        let leak = visit.http.get(&url).header(name, API_TOKEN).send().await.unwrap();
        assert_eq!(leak.status(), 400);
    }
    let found = visit.sandbox.received(&Filter::route(Route::Result));
    assert_eq!((found.matched, found.leaks), (2, 2));
    assert_eq!(found.items[0].credentials, ["api_token"]);
    assert!(!serde_json::to_string(&found).unwrap().contains(API_TOKEN));
}

#[tokio::test]
async fn what_is_not_there_is_not_found() {
    let visit = Visit::begin().await;
    assert_eq!(visit.status("0123456789abcdef").await.status(), 404);
    assert_eq!(visit.get("/bria/results/0123.png").await.status(), 404);
    let url = visit.picture_url(&prompt("a cup")).await;
    let other = url.replace(".png", ".jpeg");
    assert_eq!(visit.http.get(other).send().await.unwrap().status(), 404);
    assert_eq!(visit.bria("/image/generate/unheard-of", &prompt("a cup")).await.status(), 404);
}

#[tokio::test]
async fn what_is_wrong_is_refused_with_a_reason() {
    let visit = Visit::begin().await;
    let answer = visit.bria("/image/generate", &json!({ "prompt": "a", "num_results": 1 })).await;
    assert_eq!(answer.status(), 400);
    let expected = json!({ "error": {
        "code": 400, "message": "Invalid request", "details": "num_results: unknown field",
    }});
    assert_eq!(answer.json::<Value>().await.unwrap(), expected);
    let body = json!({ "prompt": "a", "negative_prompt": "b" });
    assert_eq!(visit.bria("/image/generate/lite", &body).await.status(), 400);
}

#[tokio::test]
async fn each_endpoint_takes_so_many_calls_a_minute() {
    let visit = Visit::with(Settings { calls_per_minute: 2, ..Settings::default() }).await;
    for expected in [202, 202, 429] {
        let answer = visit.bria("/image/generate", &prompt("a cup")).await;
        assert_eq!(answer.status(), expected);
        if expected == 429 {
            let wait: u64 = answer.headers()["retry-after"].to_str().unwrap().parse().unwrap();
            assert!((1..=60).contains(&wait), "{wait}");
        }
    }
    assert_eq!(visit.bria("/image/generate/lite", &prompt("a cup")).await.status(), 202);
    for expected in [404, 404, 429] {
        assert_eq!(visit.status("none").await.status(), expected, "polls count");
    }
}
