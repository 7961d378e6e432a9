//! The systems outside our functions: the provider, a bucket, and a receiver of its webhooks.
//!
//! Webhooks arrive over HTTP as from Bria, and wait here until a stage passes them to the edge: so
//! a test decides when a webhook is processed, and the provider gets the answer's status.

use std::time::Duration;

use axum::{
    Router,
    body::Bytes,
    extract::{RawQuery, State},
    http::{HeaderMap, StatusCode},
};
use clients::{Bria, Http, ImageFetcher, Secret};
use domain::generation::WebhookRef;
use runtime::{BriaImages, ImageProvider};
use sandbox::{
    Config, RunningSandbox, Sandbox,
    bria::{API_TOKEN, Settings},
    faults::Order,
    request_log::Filter,
    route::Route,
};
use testing::{
    TestRequest,
    cloud::{Bucket, Cloud},
};
use tokio::{
    net::TcpListener,
    sync::{Mutex, mpsc, oneshot},
};

/// Longest wait for a webhook.
const PATIENCE: Duration = Duration::from_secs(10);
/// A limit that no test reaches.
const NO_LIMIT: u32 = 10_000;

/// A webhook that waits for its answer.
#[derive(Debug)]
pub(super) struct Letter {
    /// The `job` of its URL.
    pub(super) job: String,
    headers: HeaderMap,
    body: Bytes,
    answer: oneshot::Sender<u16>,
}

impl Letter {
    /// Its request to the edge.
    pub(super) fn ask(&self) -> TestRequest {
        let body = String::from_utf8(self.body.to_vec()).unwrap();
        let ask = TestRequest::anonymous().query("job", &self.job).text(body);
        self.headers
            .iter()
            .fold(ask, |ask, (name, value)| ask.header(name.as_str(), value.to_str().unwrap()))
    }

    /// The job it is about.
    pub(super) fn target(&self) -> WebhookRef {
        WebhookRef::parse(&self.job).unwrap()
    }

    /// Answers the provider with `status`.
    pub(super) fn answer(self, status: u16) {
        // A provider that no longer waits counts this attempt as failed and retries.
        let _ = self.answer.send(status);
    }
}

/// The outside systems, shared by the stages of one test.
#[derive(Debug)]
pub(super) struct Outside {
    pub(super) bucket: Bucket,
    pub(super) sandbox: RunningSandbox,
    pub(super) letters: Mutex<mpsc::UnboundedReceiver<Letter>>,
    webhook_url: String,
}

impl Outside {
    /// A provider whose jobs finish at once, an empty bucket, and no webhooks.
    pub(super) async fn begin() -> Outside {
        let bria = Settings {
            completes_after_ms: 0,
            calls_per_minute: NO_LIMIT,
            webhook_pauses_ms: vec![1],
            ..Settings::default()
        };
        let config = Config { bria, ..Config::default() }.logged();
        let sandbox = Sandbox::start(config).await.unwrap();
        let (letter_box, letters) = mpsc::unbounded_channel();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let webhook_url = format!("http://{}/webhooks/bria", listener.local_addr().unwrap());
        let app = Router::new().fallback(take).with_state(letter_box);
        tokio::spawn(async move { axum::serve(listener, app).await });
        let bucket = Cloud::here().bucket().await;
        Outside { bucket, sandbox, letters: Mutex::new(letters), webhook_url }
    }

    /// The worker's client for Bria.
    pub(super) fn bria(&self) -> BriaImages {
        let http = Http::new().unwrap();
        let token = Secret::new(API_TOKEN);
        BriaImages {
            bria: Bria::new(http.clone(), &self.sandbox.bria_url(), &token).unwrap(),
            fetcher: ImageFetcher::new(http, &[self.sandbox.results_origin()]).unwrap(),
            webhook_url: self.webhook_url.clone(),
            calls_per_minute: NO_LIMIT,
        }
    }

    /// The same as the worker's provider.
    pub(super) fn provider(&self) -> ImageProvider {
        ImageProvider::Bria(self.bria())
    }

    /// Injects a fault at the provider.
    pub(super) fn order(&self, order: Order) {
        self.sandbox.order(order).unwrap();
    }

    /// Number of calls of `route` for the job whose prompt contains `words`.
    pub(super) fn calls(&self, route: Route, words: &str) -> usize {
        self.sandbox.received(&Filter::route(route).containing(words)).matched
    }

    /// The next webhook.
    pub(super) async fn letter(&self) -> Letter {
        let mut letters = self.letters.lock().await;
        let letter = tokio::time::timeout(PATIENCE, letters.recv()).await;
        letter.expect("a webhook in time").expect("an open channel")
    }

    /// Ends a successful test.
    pub(super) async fn close(self) {
        let leaks = self.sandbox.received(&Filter::default()).leaks;
        assert_eq!(leaks, 0, "our token is never sent to image hosts");
        self.bucket.discard().await;
    }
}

/// Holds a webhook until the test answers it; 500 if it does not.
async fn take(
    State(letter_box): State<mpsc::UnboundedSender<Letter>>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    body: Bytes,
) -> StatusCode {
    let query = query.unwrap_or_default();
    let job = form_urlencoded::parse(query.as_bytes())
        .find_map(|(name, value)| (name == "job").then(|| value.into_owned()))
        .unwrap_or_default();
    let (answer, answered) = oneshot::channel();
    let sent = letter_box.send(Letter { job, headers, body, answer });
    let status = match sent {
        Ok(()) => answered.await.unwrap_or(500),
        Err(_) => 500,
    };
    StatusCode::from_u16(status).unwrap()
}
