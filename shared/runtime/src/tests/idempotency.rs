//! A key with an effect outside the table: it happens once, and repeats get the same response.

use std::cell::Cell;

use domain::ErrorKind;
use serde_json::{Value, json, value::RawValue};
use store::Store;
use testing::engine::{Engine, Fault, TABLE};

use super::{No, ambient, brief, event, request, with_header, with_json};
use crate::{Access, ApiError, Call, Endpoint, NoStore, apigw::Response, dispatch, once};

const POST: Endpoint = Endpoint::post("shelf-ask", "/api/v1/questions", Access::Member);

/// An external provider that counts its calls, and refuses them while set to.
pub(super) struct World {
    store: Store,
    asked: Cell<u32>,
    refuses: Cell<bool>,
}

impl World {
    fn new(engine: &Engine) -> World {
        let store = Store::new(engine.client(), TABLE.to_owned());
        World { store, asked: Cell::new(0), refuses: Cell::new(false) }
    }

    async fn post(&self, key: Option<&str>, body: &str) -> Response {
        let request = with_json(request("POST", "/api/v1/questions"), body);
        let request = match key {
            Some(key) => with_header(request, "Idempotency-Key", key),
            None => request,
        };
        dispatch(&POST, &ask, self, &ambient(), event(request)).await
    }
}

async fn ask(world: &World, call: Call<Value>) -> Result<NoStore<Box<RawValue>>, ApiError> {
    let answer = once(&world.store, &call, async || {
        world.asked.set(world.asked.get() + 1);
        match world.refuses.get() {
            true => Err(No::new(ErrorKind::Unavailable).into()),
            false => Ok(json!({"asked": world.asked.get()})),
        }
    });
    Ok(NoStore(answer.await?))
}

#[tokio::test]
async fn a_repeat_gets_the_first_answer_byte_for_byte() {
    let world = World::new(&Engine::new());
    let first = world.post(Some("k"), r#"{"q": 1}"#).await;
    let again = world.post(Some("k"), r#"{"q": 1}"#).await;
    assert_eq!((first.status_code, &first.body), (200, &again.body));
    assert_eq!(world.asked.get(), 1);
    let reused = world.post(Some("k"), r#"{"q": 2}"#).await;
    assert_eq!(brief(&reused), "422 idempotency_key_reused");
    assert_eq!(world.asked.get(), 1);
}

#[tokio::test]
async fn without_a_key_every_request_is_its_own() {
    let world = World::new(&Engine::new());
    world.post(None, "{}").await;
    world.post(None, "{}").await;
    assert_eq!(world.asked.get(), 2);
}

#[tokio::test]
async fn a_failure_does_not_block_its_key() {
    let world = World::new(&Engine::new());
    world.refuses.set(true);
    assert_eq!(brief(&world.post(Some("k"), "{}").await), "503 no");
    world.refuses.set(false);
    assert_eq!(world.post(Some("k"), "{}").await.status_code, 200);
    assert_eq!(world.asked.get(), 2);
}

#[tokio::test]
async fn a_response_that_cannot_be_stored_is_still_returned() {
    let engine = Engine::new();
    let world = World::new(&engine);
    for nth in 2..=4 {
        engine.order("PutItem", nth, Fault::Fail);
    }
    assert_eq!(world.post(Some("k"), "{}").await.status_code, 200);
    // The key stays claimed for a while: a retry must wait rather than call twice.
    assert_eq!(brief(&world.post(Some("k"), "{}").await), "409 idempotency_key_in_flight");
}
