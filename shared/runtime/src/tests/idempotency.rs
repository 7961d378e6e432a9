//! A key with an effect outside the table: it happens once, and repeats get the same response.

use std::cell::Cell;

use domain::ErrorKind;
use serde_json::{Value, json};
use store::Store;
use testing::engine::{Engine, Fault, TABLE};

use super::{No, brief, context, dispatch, event, request, with_header, with_json};
use crate::{Access, ApiError, Call, Endpoint, NoStore, apigw::Response, once};

const POST: Endpoint = Endpoint::post("shelf-ask", "/api/v1/questions", Access::Member);

/// An external provider that counts its calls, and refuses them while set to.
pub(super) struct TestApp {
    store: Store,
    asked: Cell<u32>,
    refuses: Cell<bool>,
}

impl TestApp {
    fn new(engine: &Engine) -> TestApp {
        let store = Store::new(engine.client(), TABLE.to_owned());
        TestApp { store, asked: Cell::new(0), refuses: Cell::new(false) }
    }

    async fn post(&self, key: Option<&str>, body: &str) -> Response {
        let request = with_json(request("POST", "/api/v1/questions"), body);
        let request = match key {
            Some(key) => with_header(request, "Idempotency-Key", key),
            None => request,
        };
        dispatch(&POST, &ask, self, &context(), event(request)).await
    }
}

async fn ask(
    app: &TestApp,
    call: Call<Value>,
) -> Result<NoStore<crate::Recorded<Value>>, ApiError> {
    let answer = once(&app.store, &call, async || {
        app.asked.set(app.asked.get() + 1);
        match app.refuses.get() {
            true => Err(No::new(ErrorKind::Unavailable).into()),
            false => Ok(json!({"asked": app.asked.get()})),
        }
    });
    Ok(NoStore(answer.await?))
}

#[tokio::test]
async fn a_repeat_gets_the_first_answer_byte_for_byte() {
    let app = TestApp::new(&Engine::new());
    let first = app.post(Some("k"), r#"{"q": 1}"#).await;
    let again = app.post(Some("k"), r#"{"q": 1}"#).await;
    assert_eq!((first.status_code, &first.body), (200, &again.body));
    let replayed = |answer: &Response| answer.headers.get("idempotency-replayed").cloned();
    assert_eq!((replayed(&first), replayed(&again).as_deref()), (None, Some("true")));
    assert_eq!(app.asked.get(), 1);
    let reused = app.post(Some("k"), r#"{"q": 2}"#).await;
    assert_eq!(brief(&reused), "422 idempotency_key_reused");
    assert_eq!(app.asked.get(), 1);
}

#[tokio::test]
async fn without_a_key_every_request_is_its_own() {
    let app = TestApp::new(&Engine::new());
    app.post(None, "{}").await;
    app.post(None, "{}").await;
    assert_eq!(app.asked.get(), 2);
}

#[tokio::test]
async fn a_failure_does_not_block_its_key() {
    let app = TestApp::new(&Engine::new());
    app.refuses.set(true);
    assert_eq!(brief(&app.post(Some("k"), "{}").await), "503 no");
    app.refuses.set(false);
    assert_eq!(app.post(Some("k"), "{}").await.status_code, 200);
    assert_eq!(app.asked.get(), 2);
}

#[tokio::test]
async fn a_response_that_cannot_be_stored_is_still_returned() {
    let engine = Engine::new();
    let app = TestApp::new(&engine);
    for nth in 2..=4 {
        engine.order("PutItem", nth, Fault::Fail);
    }
    assert_eq!(app.post(Some("k"), "{}").await.status_code, 200);
    // The key stays claimed for a while: a retry must wait rather than call twice.
    assert_eq!(brief(&app.post(Some("k"), "{}").await), "409 idempotency_key_in_flight");
}
