//! The client against a server with scripted responses.

use std::sync::{Arc, Mutex};

use axum::{
    Router,
    body::Bytes,
    http::{HeaderMap, StatusCode, Uri, header},
    response::{IntoResponse, Response},
};
use domain::DomainError;
use serde_json::{Value, json};

use super::*;
use crate::loopback;

/// The requests the server received: path and query, token, body.
type Seen = Arc<Mutex<Vec<(String, String, Value)>>>;

/// A Bria that returns `answers` in turn, repeating the last one.
async fn bria(answers: Vec<(u16, String)>) -> (Bria, Seen) {
    let seen = Seen::default();
    let answers = Arc::new(Mutex::new(answers));
    let record = Arc::clone(&seen);
    let routes = Router::new().fallback(move |uri: Uri, headers: HeaderMap, body: Bytes| {
        let (answers, record) = (Arc::clone(&answers), Arc::clone(&record));
        async move {
            let token = headers["api_token"].to_str().unwrap().to_owned();
            let body = serde_json::from_slice(&body).unwrap_or_default();
            record.lock().unwrap().push((uri.to_string(), token, body));
            let mut answers = answers.lock().unwrap();
            let (status, body) =
                if answers.len() > 1 { answers.remove(0) } else { answers[0].clone() };
            answered(status, body)
        }
    });
    let base = loopback::serve(routes).await;
    (client(&base), seen)
}

fn client(base: &str) -> Bria {
    Bria::new(Http::new().unwrap(), &format!("{base}/v2/"), &Secret::new("t0ken")).unwrap()
}

fn answered(status: u16, body: String) -> Response {
    let status = StatusCode::from_u16(status).unwrap();
    match status {
        StatusCode::TOO_MANY_REQUESTS => {
            (status, [(header::RETRY_AFTER, "7")], body).into_response()
        }
        _ => (status, [(header::LOCATION, "/v2/elsewhere")], body).into_response(),
    }
}

fn request(quality: Quality) -> SubmitRequest {
    SubmitRequest {
        prompt: None,
        structured_prompt: Some(r#"{"short_description":"a bottle"}"#.into()),
        negative_prompt: Some("people".into()),
        seed: Some(7),
        aspect_ratio: AspectRatio::Landscape16x9,
        quality,
        model_id: None,
        webhook_url: Some("https://api.example/webhooks/bria".into()),
    }
}

fn id(text: &str) -> RequestId {
    RequestId::parse(text).unwrap()
}

#[tokio::test]
async fn a_submit_is_one_request_in_the_documented_shape() {
    let accepted = json!({"request_id": "r-1", "status_url": "https://evil.example/"});
    for (quality, path, negative) in [
        (Quality::Standard, "/v2/image/generate", json!("people")),
        (Quality::Lite, "/v2/image/generate/lite", Value::Null),
    ] {
        let (bria, seen) = bria(vec![(202, accepted.to_string())]).await;
        assert_eq!(bria.submit(&request(quality)).await.unwrap(), id("r-1"));
        let seen = seen.lock().unwrap().clone();
        let [(called, token, body)] = seen.as_slice() else { panic!("{seen:?}") };
        assert_eq!((called.as_str(), token.as_str()), (path, "t0ken"));
        assert_eq!(body["negative_prompt"], negative);
        assert_eq!(body["structured_prompt"], r#"{"short_description":"a bottle"}"#);
        assert_eq!(body["aspect_ratio"], "16:9");
        assert_eq!(body["seed"], 7);
        assert_eq!(body["sync"], false);
        assert_eq!(body["webhook_url"], "https://api.example/webhooks/bria");
        assert!(body.get("prompt").is_none() && body.get("tailored_model_id").is_none());
    }
}

#[tokio::test]
async fn a_tailored_model_has_a_path_of_its_own() {
    let accepted = json!({"request_id": "r-1"}).to_string();
    for quality in [Quality::Standard, Quality::Lite] {
        let (bria, seen) = bria(vec![(202, accepted.clone())]).await;
        let tailored = SubmitRequest { model_id: Some("m-7".into()), ..request(quality) };
        assert_eq!(bria.submit(&tailored).await.unwrap(), id("r-1"));
        let seen = seen.lock().unwrap().clone();
        let [(called, _, body)] = seen.as_slice() else { panic!("{seen:?}") };
        assert_eq!(called, "/v2/image/generate/tailored");
        assert_eq!(body["tailored_model_id"], "m-7");
        assert!(body.get("model_id").is_none());
    }
}

#[tokio::test]
async fn a_refused_token_is_doubted() {
    for (status, expected) in [(401, true), (403, false), (500, false)] {
        let doubt = connect::SecretDoubt::default();
        let (bria, _) = bria(vec![(status, String::new())]).await;
        let bria = bria.doubting(&doubt);
        bria.submit(&request(Quality::Standard)).await.unwrap_err();
        assert_eq!(doubt.take(), expected, "submit {status}");
        bria.status(&id("r-1")).await.unwrap_err();
        assert_eq!(doubt.take(), expected, "status {status}");
    }
}

#[tokio::test]
async fn only_a_clean_refusal_says_that_nothing_was_accepted() {
    let blocked = |message| json!({"error": {"code": 422, "message": message}}).to_string();
    let check = async |status: u16, body: &str, expected: SubmitError| {
        let (bria, seen) = bria(vec![(status, body.to_owned())]).await;
        let found = bria.submit(&request(Quality::Standard)).await.unwrap_err();
        let same = match (&found, &expected) {
            (SubmitError::Ambiguous { .. }, SubmitError::Ambiguous { .. }) => true,
            (found, expected) => found == expected,
        };
        assert!(same, "{status} {body}: {found:?}");
        assert_eq!(seen.lock().unwrap().len(), 1, "{status} {body}: sent once");
    };
    let rejected =
        |status, message: &str| SubmitError::Rejected { status, message: message.into() };
    let invalid = |status, message: &str| SubmitError::Invalid { status, message: message.into() };
    let ambiguous = || SubmitError::Ambiguous { detail: String::new() };
    check(429, "", SubmitError::Busy { retry_after_s: Some(7) }).await;
    let moderation = "Prompt content moderation failed";
    check(422, &blocked(moderation), SubmitError::Blocked { message: moderation.into() }).await;
    check(422, &blocked("seed is too large"), invalid(422, "seed is too large")).await;
    let listed = r#"{"detail":[{"loc":["body","seed"],"msg":"too large"}]}"#;
    let fields = r#"[{"loc":["body","seed"],"msg":"too large"}]"#;
    check(422, listed, invalid(422, fields)).await;
    check(422, "<html>", invalid(422, "no explanation")).await;
    check(401, r#"{"message": "bad token"}"#, rejected(401, "bad token")).await;
    check(402, "<html>pay</html>", rejected(402, "no explanation")).await;
    check(400, r#"{"detail": "unknown field"}"#, invalid(400, "unknown field")).await;
    check(408, "", ambiguous()).await;
    check(500, "", ambiguous()).await;
    check(502, "<html>", ambiguous()).await;
    check(307, "", ambiguous()).await;
    check(202, "<html>", ambiguous()).await;
    check(202, r#"{"request_id": "r-1""#, ambiguous()).await;
    check(202, r#"{"status_url": "x"}"#, ambiguous()).await;
    check(200, r#"{"request_id": "../../other"}"#, ambiguous()).await;
}

#[tokio::test]
async fn a_lost_connection_is_refused_before_and_ambiguous_after_sending() {
    let nobody = client(&loopback::nobody().await);
    let unreached = nobody.submit(&request(Quality::Lite)).await.unwrap_err();
    assert!(matches!(unreached, SubmitError::Refused { .. }), "{unreached:?}");

    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let rude = client(&format!("http://{}", listener.local_addr().unwrap()));
    let hang_up = async {
        let (stream, _) = listener.accept().await.unwrap();
        stream.readable().await.unwrap();
        drop(stream);
    };
    let request = request(Quality::Lite);
    let (broken, ()) = tokio::join!(rude.submit(&request), hang_up);
    let broken = broken.unwrap_err();
    assert!(matches!(broken, SubmitError::Ambiguous { .. }), "{broken:?}");
}

#[tokio::test]
async fn the_status_is_asked_at_an_address_of_our_own() {
    let done = json!({
        "request_id": "r-1", "status": "COMPLETED",
        "result": {"image_url": "https://cdn.bria.ai/1.png", "seed": 7, "structured_prompt": "{}"},
    });
    let (bria, seen) = bria(vec![(200, done.to_string())]).await;
    let status = bria.status(&id("r-1")).await.unwrap();
    assert_eq!(
        status,
        ProviderStatus::Completed {
            image_url: "https://cdn.bria.ai/1.png".into(),
            seed: Some(7),
            structured_prompt: Some("{}".into()),
        }
    );
    assert_eq!(seen.lock().unwrap()[0].0, "/v2/status/r-1");
}

#[tokio::test]
async fn a_failed_poll_is_unavailable_and_an_unknown_request_is_expired() {
    let check = async |status: u16, body: &str, expected: Result<ProviderStatus, PollError>| {
        let (bria, _) = bria(vec![(status, body.to_owned())]).await;
        let found = bria.status(&id("r-1")).await;
        let same = match (&found, &expected) {
            (Err(PollError::Unavailable { .. }), Err(PollError::Unavailable { .. })) => true,
            (found, expected) => found == expected,
        };
        assert!(same, "{status} {body}: {found:?}");
    };
    let unavailable = || Err(PollError::Unavailable { detail: String::new() });
    check(200, r#"{"status": "IN_PROGRESS"}"#, Ok(ProviderStatus::InProgress)).await;
    check(200, r#"{"status": "UNKNOWN"}"#, Ok(ProviderStatus::Unknown)).await;
    check(404, "", Ok(ProviderStatus::Expired)).await;
    check(429, "", Err(PollError::Busy { retry_after_s: Some(7) })).await;
    check(200, "<html>", unavailable()).await;
    check(401, "", unavailable()).await;
    check(500, "", unavailable()).await;
    check(302, "", unavailable()).await;
}

#[tokio::test]
async fn a_prompt_is_structured_at_once_or_after_a_few_polls() {
    let text = r#"{"short_description": "a bottle"}"#;
    let done = json!({"request_id": "r-1", "result": {"structured_prompt": text}}).to_string();
    let (at_once, seen) = bria(vec![(200, done.clone())]).await;
    assert_eq!(at_once.structure_prompt("a bottle").await.unwrap(), text);
    let (path, _, body) = seen.lock().unwrap()[0].clone();
    assert_eq!(path, "/v2/structured_prompt/generate");
    assert_eq!(body, json!({"prompt": "a bottle", "sync": true}));

    let accepted = json!({"request_id": "r-1", "status_url": "x"}).to_string();
    let (later, seen) = bria(vec![(202, accepted), (200, done)]).await;
    assert_eq!(later.structure_prompt("a bottle").await.unwrap(), text);
    assert_eq!(seen.lock().unwrap()[1].0, "/v2/status/r-1");
}

#[tokio::test]
async fn a_prompt_that_is_not_structured_says_why() {
    let check = async |status: u16, body: Value, code: &str| {
        let (bria, _) = bria(vec![(status, body.to_string())]).await;
        let refused = bria.structure_prompt("a bottle").await.unwrap_err();
        assert_eq!(refused.code(), code, "{status} {body}: {refused:?}");
    };
    let no = json!({"code": 422, "message": "Content moderation failed"});
    check(429, json!({}), "provider_busy").await;
    check(422, json!({"error": no}), "content_blocked").await;
    check(200, json!({"status": "ERROR", "error": no}), "content_blocked").await;
    check(422, json!({"error": {"message": "no field"}}), "provider_unavailable").await;
    check(200, json!({"status": "FAILED"}), "provider_unavailable").await;
    check(200, json!({"status": "COMPLETED", "result": {}}), "provider_unavailable").await;
    check(400, json!({"message": "our fault"}), "provider_unavailable").await;
    check(503, json!({}), "provider_unavailable").await;
}

#[test]
fn an_id_fits_in_a_url() {
    for good in ["9d4a0c1e-0000-4000-8000-000000000000", "req_1.2", "A"] {
        assert_eq!(id(good).as_str(), good);
    }
    for bad in ["", ".", "..", "a/b", "a?b", "a#b", "a%2e", "a b", "ä", &"x".repeat(129)] {
        assert!(RequestId::parse(bad).is_none(), "{bad}");
    }
}
