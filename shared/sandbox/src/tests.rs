//! The sandbox over HTTP, as its clients use it.

use std::{
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use axum::{Router, extract::State, http::HeaderMap};
use bytes::Bytes;
use reqwest::{Client, Response, StatusCode};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::{
    Config, RunningSandbox, Sandbox,
    app_state::locked,
    bria::{API_TOKEN, Settings},
};

mod bria;
mod control;
mod faults;
mod openid;
mod sign_in;
mod stripe;
mod webhooks;

/// Longest wait in a test.
const PATIENCE: Duration = Duration::from_secs(20);

/// A sandbox with jobs of 30 ms, and a client that does not follow redirects.
struct Visit {
    sandbox: RunningSandbox,
    http: Client,
}

impl Visit {
    async fn begin() -> Visit {
        Visit::with(Settings {
            completes_after_ms: 30,
            calls_per_minute: 10_000,
            webhook_pauses_ms: vec![10],
            ..Settings::default()
        })
        .await
    }

    async fn with(bria: Settings) -> Visit {
        let sandbox = Sandbox::start(Config { bria, ..Config::default() }).await.unwrap();
        let http = Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .timeout(PATIENCE)
            .build()
            .unwrap();
        Visit { sandbox, http }
    }

    async fn get(&self, path: &str) -> Response {
        self.http.get(format!("{}{path}", self.sandbox.url)).send().await.unwrap()
    }

    async fn post(&self, path: &str, body: &Value) -> Response {
        self.http.post(format!("{}{path}", self.sandbox.url)).json(body).send().await.unwrap()
    }

    /// Calls the provider with the token.
    async fn bria(&self, path: &str, body: &Value) -> Response {
        self.try_bria(path, body).await.unwrap()
    }

    async fn try_bria(&self, path: &str, body: &Value) -> reqwest::Result<Response> {
        let url = format!("{}{path}", self.sandbox.bria_url());
        self.http.post(url).header("api_token", API_TOKEN).json(body).send().await
    }

    /// Submits a job and returns its id.
    async fn submit(&self, body: &Value) -> String {
        let answer = self.bria("/image/generate", body).await;
        assert_eq!(answer.status(), 202, "{body}");
        text(&answer.json().await.unwrap(), "/request_id")
    }

    async fn status(&self, id: &str) -> Response {
        let url = format!("{}/status/{id}", self.sandbox.bria_url());
        self.http.get(url).header("api_token", API_TOKEN).send().await.unwrap()
    }

    /// Polls until the job ends; `None` if it has expired.
    async fn ending(&self, id: &str) -> Option<Value> {
        let begun = Instant::now();
        while begun.elapsed() < PATIENCE {
            let answer = self.status(id).await;
            if answer.status() == StatusCode::NOT_FOUND {
                return None;
            }
            assert_eq!(answer.status(), 200);
            let report: Value = answer.json().await.unwrap();
            if report["status"] != "IN_PROGRESS" {
                return Some(report);
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        panic!("job {id} never ended");
    }

    /// Submits, waits and returns the address of the picture.
    async fn picture_url(&self, body: &Value) -> String {
        let id = self.submit(body).await;
        text(&self.ending(&id).await.unwrap(), "/result/image_url")
    }

    async fn order(&self, order: Value) {
        let answer = self.post("/_sandbox/faults", &order).await;
        assert_eq!(answer.status(), 201, "{order}: {}", answer.text().await.unwrap());
    }
}

/// A webhook receiver with a list of statuses to answer first; then 200.
struct Receiver {
    url: String,
    inbox: Arc<Inbox>,
}

#[derive(Default)]
struct Inbox {
    letters: Mutex<Vec<Letter>>,
    statuses: Mutex<Vec<u16>>,
}

#[derive(Clone)]
struct Letter {
    at: Instant,
    id: String,
    timestamp: u64,
    signature: String,
    body: Bytes,
}

impl Receiver {
    async fn answering(statuses: &[u16]) -> Receiver {
        let inbox = Arc::new(Inbox { statuses: Mutex::new(statuses.to_vec()), ..Inbox::default() });
        let app = Router::new().fallback(take).with_state(Arc::clone(&inbox));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/webhooks/bria", listener.local_addr().unwrap());
        tokio::spawn(axum::serve(listener, app).into_future());
        Receiver { url, inbox }
    }

    fn letters(&self) -> Vec<Letter> {
        locked(&self.inbox.letters).clone()
    }

    /// Waits for this many deliveries.
    async fn wait_for(&self, count: usize) -> Vec<Letter> {
        let begun = Instant::now();
        while self.letters().len() < count {
            assert!(begun.elapsed() < PATIENCE, "{} of {count} letters", self.letters().len());
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        self.letters()
    }
}

impl Letter {
    fn is_signed_by(&self, token: &str) -> bool {
        self.signature == crate::bria::sign(token, &self.id, self.timestamp, &self.body)
    }

    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

async fn take(
    State(inbox): State<Arc<Inbox>>,
    headers: HeaderMap,
    body: Bytes,
) -> axum::http::StatusCode {
    let value = |name: &str| headers[name].to_str().unwrap().to_owned();
    locked(&inbox.letters).push(Letter {
        at: Instant::now(),
        id: value("Bria-Webhook-Id"),
        timestamp: value("Bria-Webhook-Timestamp").parse().unwrap(),
        signature: value("Bria-Webhook-Signature"),
        body,
    });
    let mut statuses = locked(&inbox.statuses);
    let status = if statuses.is_empty() { 200 } else { statuses.remove(0) };
    axum::http::StatusCode::from_u16(status).unwrap()
}

/// The string at a JSON pointer.
fn text(value: &Value, pointer: &str) -> String {
    match value.pointer(pointer) {
        Some(Value::String(text)) => text.clone(),
        other => panic!("{pointer} of {value} is {other:?}"),
    }
}

fn prompt(text: &str) -> Value {
    json!({ "prompt": text })
}
