//! The external services, simulated: an OpenID issuer, the image provider Bria and the payment
//! provider Stripe, in one loopback server, with faults on demand.
//!
//! It enforces the vendors' contracts as strictly as they are documented, because whatever it
//! accepts wrongly fails only in production. It does not simulate AWS: an emulator does. No
//! deployed function links it.
//!
//! | part | where | what |
//! |---|---|---|
//! | OpenID issuer | `/.well-known/openid-configuration`, `/jwks.json`, `/authorize`, `/token`, `/userinfo`, `/sign-out` | [`openid`] |
//! | Bria v2 | `/bria/v2/...`, `/bria/results/...` | [`bria`] |
//! | Stripe | `/stripe/v1/...`, its pages `/stripe/...` | [`stripe`] |
//! | a member's servers | `/hooks/{name}` | [`receiver`]: what our webhooks are sent to |
//! | control | `/_sandbox/...`, `/healthz` | faults, request log, settings, bad tokens |
//!
//! Every request of the first three passes one middleware that logs it ([`request_log`]) and may
//! apply a fault ([`faults`]).

// The payment provider's objects are `json!` literals with many fields.
#![recursion_limit = "256"]

use std::{
    io,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::PathBuf,
    sync::Arc,
};

use axum::{Router, middleware};
use tokio::{net::TcpListener, task::JoinHandle};

mod app_state;
pub mod bria;
mod clock;
mod control;
mod fault_middleware;
pub mod faults;
mod log;
pub mod openid;
pub mod receiver;
pub mod request_log;
pub mod route;
pub mod stripe;
#[cfg(test)]
mod tests;

use app_state::AppState;
use faults::{Order, OrderError};
use receiver::{Behaviour, Received, Receivers};
use request_log::{Delivery, Filter, Found};

/// Configuration of a sandbox.
#[derive(Debug, Clone)]
pub struct Config {
    /// A loopback address; any other is refused.
    pub host: IpAddr,
    /// 0 for any free port.
    pub port: u16,
    /// The folder that stores the issuer's keys between starts; `None` generates new keys.
    pub state: Option<PathBuf>,
    /// Where the issuer sends browsers back to, besides loopback.
    pub redirects: Vec<String>,
    /// The folder for the vendor log; `None` writes none.
    pub log: Option<PathBuf>,
    /// Settings of the image provider.
    pub bria: bria::Settings,
    /// Setup of the payment provider.
    pub stripe: stripe::Setup,
}

impl Default for Config {
    /// Any free port of 127.0.0.1, nothing stored, the provider's defaults.
    fn default() -> Config {
        Config {
            host: IpAddr::V4(Ipv4Addr::LOCALHOST),
            port: 0,
            state: None,
            redirects: Vec::new(),
            log: None,
            bria: bria::Settings::default(),
            stripe: stripe::Setup::default(),
        }
    }
}

impl Config {
    /// With a vendor log in the folder named by `SANDBOX_LOG`, if set. For tests whose requests
    /// come from our clients: hand-written requests do not belong in it.
    #[must_use]
    pub fn logged(mut self) -> Config {
        self.log = std::env::var_os("SANDBOX_LOG").map(PathBuf::from);
        self
    }
}

/// Why a sandbox did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The address is not loopback.
    #[error("{0} is not a loopback address, and the sandbox signs tokens for anyone who asks")]
    NotLoopback(IpAddr),
    /// The address is in use or cannot be bound.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// The address to listen on.
        address: SocketAddr,
        /// The cause.
        source: io::Error,
    },
    /// The issuer's keys cannot be generated, read or stored.
    #[error(transparent)]
    Keys(#[from] openid::KeysError),
    /// The HTTP client for webhooks cannot be built.
    #[error("cannot build the HTTP client: {0}")]
    Http(#[from] reqwest::Error),
}

/// Starts the simulated services.
#[derive(Debug, Clone, Copy)]
pub struct Sandbox;

/// A running sandbox. It stops when this is dropped.
#[derive(Debug)]
pub struct RunningSandbox {
    /// Its base URL, for example `http://127.0.0.1:4570`; also the OpenID issuer.
    pub url: String,
    app: Arc<AppState>,
    receivers: Receivers,
    server: JoinHandle<io::Result<()>>,
}

impl Sandbox {
    /// Starts a sandbox on the current runtime. It accepts requests when this returns.
    ///
    /// # Errors
    /// [`StartError`], before anything is served.
    pub async fn start(config: Config) -> Result<RunningSandbox, StartError> {
        if !config.host.is_loopback() {
            return Err(StartError::NotLoopback(config.host));
        }
        let address = SocketAddr::new(config.host, config.port);
        let listen = |source| StartError::Listen { address, source };
        let listener = TcpListener::bind(address).await.map_err(listen)?;
        let url = format!("http://{}", listener.local_addr().map_err(listen)?);
        let app = Arc::new(AppState::new(&config, url.clone())?);
        let receivers = Receivers::default();
        let routes = router(&app).merge(receiver::router(&receivers));
        let server = tokio::spawn(axum::serve(listener, routes).into_future());
        Ok(RunningSandbox { url, app, receivers, server })
    }
}

impl RunningSandbox {
    /// The value of `BRIA_BASE_URL` for this sandbox.
    pub fn bria_url(&self) -> String {
        format!("{}{}", self.url, route::BRIA_PATH)
    }

    /// The origin of finished pictures; another host than the API's.
    pub fn results_origin(&self) -> &str {
        &self.app.results_origin
    }

    /// The URL of the receiver of webhooks with this name.
    pub fn hook(&self, name: &str) -> String {
        format!("{}{}/{name}", self.url, receiver::HOOKS_PATH)
    }

    /// Tells a receiver how to answer from now on.
    pub fn tell_hook(&self, name: &str, behaviour: Behaviour) {
        self.receivers.set(name, behaviour);
    }

    /// What a receiver was sent, oldest first.
    pub fn hook_received(&self, name: &str) -> Vec<Received> {
        self.receivers.received(name)
    }

    /// The payment provider's account: its URL and its controls.
    pub fn stripe(&self) -> stripe::Control<'_> {
        stripe::Control::new(&self.app)
    }

    /// A token for `<name>@prolight.test`, valid for an hour.
    ///
    /// # Errors
    /// If the address is not a valid test person, or signing fails.
    pub fn token(&self, email: &str) -> Result<String, openid::TokenError> {
        self.app.openid.issue(&self.app.url, &openid::TokenRequest::for_person(email))
    }

    /// A token for `email` that is invalid because of `flaw`.
    ///
    /// # Errors
    /// As [`RunningSandbox::token`].
    pub fn forge(&self, email: &str, flaw: openid::Flaw) -> Result<String, openid::TokenError> {
        self.app.openid.forge(&self.app.url, email, flaw)
    }

    /// Orders a fault.
    ///
    /// # Errors
    /// If the order is outside its limits.
    pub fn order(&self, order: Order) -> Result<(), OrderError> {
        self.app.faults.order(order)
    }

    /// The pending faults.
    pub fn waiting(&self) -> Vec<Order> {
        self.app.faults.waiting()
    }

    /// Removes every pending fault.
    pub fn clear_faults(&self) {
        self.app.faults.clear();
    }

    /// The received requests that match `filter`.
    pub fn received(&self, filter: &Filter) -> Found {
        self.app.journal.find(filter)
    }

    /// The webhooks of the image provider's ended jobs, oldest job first, whether they were sent or
    /// not: for a test that sends them itself.
    pub fn bria_webhooks(&self) -> Vec<bria::Webhook> {
        self.app.bria.webhooks(&self.app.results_origin)
    }

    /// The webhook delivery attempts, oldest first.
    pub fn deliveries(&self) -> Vec<Delivery> {
        self.app.journal.deliveries()
    }

    /// Serves until the server fails.
    ///
    /// # Errors
    /// The failure of the server.
    pub async fn serve(mut self) -> io::Result<()> {
        match (&mut self.server).await {
            Ok(ended) => ended,
            Err(stopped) => Err(io::Error::other(stopped)),
        }
    }
}

impl Drop for RunningSandbox {
    fn drop(&mut self) {
        self.server.abort();
        self.app.stop();
    }
}

fn router(app: &Arc<AppState>) -> Router {
    let outside = Router::new()
        .merge(openid::router(app))
        .merge(bria::router())
        .merge(stripe::router())
        .fallback(async || axum::http::StatusCode::NOT_FOUND)
        .layer(middleware::from_fn_with_state(Arc::clone(app), fault_middleware::pass));
    control::router().merge(outside).with_state(Arc::clone(app))
}
