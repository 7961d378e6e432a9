//! Receivers of webhooks: a member's servers, which record what they are sent and answer as they
//! are told.
//!
//! `POST /hooks/{name}` is a receiver; it exists once it is named. It answers 200 at once, unless
//! `PUT /_sandbox/hooks/{name}` says otherwise, and `GET /_sandbox/hooks/{name}` lists what it was
//! sent, oldest first.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use axum::{
    Json, Router,
    extract::{Path, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use serde::{Deserialize, Serialize};

/// Path prefix of the receivers.
pub const HOOKS_PATH: &str = "/hooks";
/// Most requests that a receiver keeps; the oldest are dropped.
const KEPT_MAX: usize = 1_000;
/// Longest delay of an answer, in milliseconds.
const DELAY_MS_MAX: u64 = 60_000;

/// How a receiver answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Behaviour {
    /// The status.
    pub status: u16,
    /// The body.
    pub body: String,
    /// The `Location` of a redirect.
    pub location: Option<String>,
    /// How long it waits before it answers, in milliseconds.
    pub delay_ms: u64,
}

impl Default for Behaviour {
    fn default() -> Behaviour {
        Behaviour { status: 200, body: String::new(), location: None, delay_ms: 0 }
    }
}

/// A request that a receiver was sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Received {
    /// The headers of Standard Webhooks and the content type, by name.
    pub headers: BTreeMap<String, String>,
    /// The exact body.
    pub body: String,
    /// The status that it was answered with.
    pub answered: u16,
}

#[derive(Debug, Default)]
struct Receiver {
    behaviour: Behaviour,
    received: Vec<Received>,
}

/// All receivers, by name.
#[derive(Debug, Clone, Default)]
pub(crate) struct Receivers(Arc<Mutex<BTreeMap<String, Receiver>>>);

impl Receivers {
    pub(crate) fn set(&self, name: &str, behaviour: Behaviour) {
        self.lock().entry(name.to_owned()).or_default().behaviour = behaviour;
    }

    pub(crate) fn received(&self, name: &str) -> Vec<Received> {
        self.lock().get(name).map(|receiver| receiver.received.clone()).unwrap_or_default()
    }

    fn receive(&self, name: &str, headers: &HeaderMap, body: String) -> Behaviour {
        let mut receivers = self.lock();
        let receiver = receivers.entry(name.to_owned()).or_default();
        let behaviour = receiver.behaviour.clone();
        let named = headers.iter().filter(|(name, _)| {
            name.as_str().starts_with("webhook-") || *name == header::CONTENT_TYPE
        });
        let headers = named
            .map(|(name, value)| {
                (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned())
            })
            .collect();
        if receiver.received.len() >= KEPT_MAX {
            receiver.received.remove(0);
        }
        receiver.received.push(Received { headers, body, answered: behaviour.status });
        behaviour
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Receiver>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

pub(crate) fn router(receivers: &Receivers) -> Router {
    Router::new()
        .route("/hooks/{name}", post(answer))
        .route("/_sandbox/hooks/{name}", get(list).put(tell))
        .with_state(receivers.clone())
}

async fn answer(
    State(receivers): State<Receivers>,
    Path(name): Path<String>,
    headers: HeaderMap,
    body: String,
) -> Response {
    let behaviour = receivers.receive(&name, &headers, body);
    tokio::time::sleep(Duration::from_millis(behaviour.delay_ms.min(DELAY_MS_MAX))).await;
    let status = StatusCode::from_u16(behaviour.status).unwrap_or(StatusCode::OK);
    match behaviour.location {
        Some(location) => (status, [(header::LOCATION, location)], behaviour.body).into_response(),
        None => (status, behaviour.body).into_response(),
    }
}

async fn list(
    State(receivers): State<Receivers>,
    Path(name): Path<String>,
) -> Json<BTreeMap<&'static str, Vec<Received>>> {
    Json(BTreeMap::from([("items", receivers.received(&name))]))
}

async fn tell(
    State(receivers): State<Receivers>,
    Path(name): Path<String>,
    Json(behaviour): Json<Behaviour>,
) -> StatusCode {
    receivers.set(&name, behaviour);
    StatusCode::NO_CONTENT
}
