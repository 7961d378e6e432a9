//! The sandbox's Bria, and a receiver of its webhooks.
//!
//! Webhooks arrive over HTTP as from Bria, and wait here until a test delivers them to the edge: so
//! a test decides when a webhook is processed, and Bria gets the status of the answer.

use std::time::Duration;

use axum::{
    Router,
    body::Bytes,
    extract::{RawQuery, State},
    http::{HeaderMap, StatusCode},
};
use domain::generation::WebhookRef;
use sandbox::{
    Config, RunningSandbox, Sandbox,
    bria::{API_TOKEN, Settings},
    faults::Order,
    request_log::{Filter, Found},
    route::Route,
};
use serde_json::json;
use testing::TestApp;
use tokio::{
    net::TcpListener,
    sync::{Mutex, mpsc, oneshot},
};

/// Longest wait for a webhook.
const WEBHOOK_WAIT: Duration = Duration::from_secs(10);
/// A limit that no test reaches.
const NO_LIMIT: u32 = 10_000;

/// A webhook that waits for its answer.
#[derive(Debug)]
pub(super) struct Webhook {
    /// The `job` of its URL.
    pub(super) job: String,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
    status: oneshot::Sender<u16>,
}

impl Webhook {
    /// The job it is about.
    pub(super) fn target(&self) -> WebhookRef {
        WebhookRef::parse(&self.job).unwrap()
    }

    /// Answers Bria with `status`.
    pub(super) fn respond(self, status: u16) {
        // If Bria no longer waits, it counts this attempt as failed and retries.
        let _ = self.status.send(status);
    }
}

/// Bria, shared by the apps of one test.
#[derive(Debug)]
pub(super) struct BriaSandbox {
    sandbox: RunningSandbox,
    webhooks: Mutex<mpsc::UnboundedReceiver<Webhook>>,
    /// The URL below which it sends webhooks.
    webhook_root: String,
}

impl BriaSandbox {
    /// A provider whose jobs finish at once, and that has sent no webhooks.
    pub(super) async fn start() -> BriaSandbox {
        let bria = Settings {
            completes_after_ms: 0,
            calls_per_minute: NO_LIMIT,
            webhook_pauses_ms: vec![1],
            ..Settings::default()
        };
        let config = Config { bria, ..Config::default() }.logged();
        let sandbox = Sandbox::start(config).await.unwrap();
        let (sender, webhooks) = mpsc::unbounded_channel();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let webhook_root = format!("http://{}", listener.local_addr().unwrap());
        let router = Router::new().fallback(receive).with_state(sender);
        tokio::spawn(async move { axum::serve(listener, router).await });
        BriaSandbox { sandbox, webhooks: Mutex::new(webhooks), webhook_root }
    }

    /// Makes it the provider of `app`.
    pub(super) fn provide(&self, app: &mut TestApp) {
        app.set("IMAGE_PROVIDER", "bria");
        app.set("BRIA_BASE_URL", self.sandbox.bria_url());
        app.set_secret("BRIA_SECRET_ARN", &json!({ "api_token": API_TOKEN }));
        app.set("BRIA_CALLS_PER_MINUTE", NO_LIMIT.to_string());
        app.set("IMAGE_ORIGINS", self.image_origin());
        app.set("PUBLIC_API_URL", &*self.webhook_root);
    }

    /// The origin of its images.
    pub(super) fn image_origin(&self) -> &str {
        self.sandbox.results_origin()
    }

    /// Injects a fault.
    pub(super) fn order(&self, order: Order) {
        self.sandbox.order(order).unwrap();
    }

    /// The received requests.
    pub(super) fn received(&self, filter: &Filter) -> Found {
        self.sandbox.received(filter)
    }

    /// Number of calls of `route` for the job whose prompt contains `words`.
    pub(super) fn calls(&self, route: Route, words: &str) -> usize {
        self.received(&Filter::route(route).containing(words)).matched
    }

    /// The next webhook.
    pub(super) async fn next_webhook(&self) -> Webhook {
        let mut webhooks = self.webhooks.lock().await;
        let webhook = tokio::time::timeout(WEBHOOK_WAIT, webhooks.recv()).await;
        webhook.expect("a webhook in time").expect("an open channel")
    }

    /// Ends a successful test.
    pub(super) fn close(self) {
        let leaks = self.received(&Filter::default()).leaks;
        assert_eq!(leaks, 0, "our token is never sent to image hosts");
    }
}

/// Holds a webhook until the test answers it; 500 if it does not.
async fn receive(
    State(sender): State<mpsc::UnboundedSender<Webhook>>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    body: Bytes,
) -> StatusCode {
    let query = query.unwrap_or_default();
    let job = form_urlencoded::parse(query.as_bytes())
        .find_map(|(name, value)| (name == "job").then(|| value.into_owned()))
        .unwrap_or_default();
    let (status, answered) = oneshot::channel();
    let status = match sender.send(Webhook { job, headers, body, status }) {
        Ok(()) => answered.await.unwrap_or(500),
        Err(_) => 500,
    };
    StatusCode::from_u16(status).unwrap()
}
