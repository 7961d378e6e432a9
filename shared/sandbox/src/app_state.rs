//! The sandbox's shared in-memory state.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use axum::http::request;
use tokio::task::JoinSet;

use crate::{
    Config, StartError,
    bria::Bria,
    faults::Faults,
    log::Log,
    openid::OpenId,
    request_log::Journal,
    route::{Route, Vendor},
    stripe::Stripe,
};

/// How long a webhook's receiver has to answer, as the provider documents it.
const WEBHOOK_TIMEOUT: Duration = Duration::from_secs(10);
/// Most background tasks at once.
const BACKGROUND_MAX: usize = 4_096;

/// State of one running sandbox.
#[derive(Debug)]
pub(crate) struct AppState {
    /// Base URL of this sandbox, without a trailing slash; also the OpenID issuer.
    pub(crate) url: String,
    /// Origin of finished pictures: another host than the API's, as the provider serves them from a
    /// CDN.
    pub(crate) results_origin: String,
    pub(crate) faults: Faults,
    pub(crate) journal: Journal,
    pub(crate) log: Log,
    pub(crate) openid: OpenId,
    pub(crate) bria: Bria,
    pub(crate) stripe: Stripe,
    /// Client for webhooks: no redirects, no proxy.
    pub(crate) http: reqwest::Client,
    /// Tasks that outlive their request; they end with the sandbox.
    background: Mutex<JoinSet<()>>,
}

impl AppState {
    pub(crate) fn new(config: &Config, url: String) -> Result<AppState, StartError> {
        let http = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .timeout(WEBHOOK_TIMEOUT)
            .build()?;
        Ok(AppState {
            faults: Faults::default(),
            journal: Journal::default(),
            log: Log::open(config.log.clone()),
            openid: OpenId::open(config.state.as_deref(), &config.redirects)?,
            bria: Bria::new(config.bria.clone()),
            stripe: Stripe::new(&config.stripe, &url),
            http,
            results_origin: results_origin(&url),
            background: Mutex::default(),
            url,
        })
    }

    /// The text that a fault's marker is searched in: the request's body, or the body that
    /// submitted the job named by the path. For the payment provider, method and path with query
    /// come first.
    pub(crate) fn text_of(
        &self,
        route: Option<Route>,
        parts: &request::Parts,
        body: &[u8],
    ) -> String {
        let body_text = || String::from_utf8_lossy(body).into_owned();
        match route {
            Some(Route::Status | Route::Result | Route::Elsewhere) => {
                self.bria.submitted_text(parts.uri.path()).unwrap_or_default()
            }
            Some(route) if route.vendor() == Vendor::Stripe => {
                format!("{} {} {}", parts.method, parts.uri, body_text())
            }
            Some(_) | None => body_text(),
        }
    }

    /// Spawns `work` as a background task. Above the limit it is dropped and an error is logged.
    pub(crate) fn go_on_with(&self, work: impl Future<Output = ()> + Send + 'static) {
        let mut background = locked(&self.background);
        while background.try_join_next().is_some() {}
        if background.len() < BACKGROUND_MAX {
            background.spawn(work);
        } else {
            tracing::error!("background task limit reached, a webhook is dropped");
        }
    }

    pub(crate) fn stop(&self) {
        locked(&self.background).abort_all();
    }
}

/// The same server under this machine's other host name.
fn results_origin(url: &str) -> String {
    let port = url.rsplit(':').next().unwrap_or_default();
    format!("http://localhost:{port}")
}

/// The value behind a lock. Poisoning is ignored: every change under these locks is complete at
/// each step.
pub(crate) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
