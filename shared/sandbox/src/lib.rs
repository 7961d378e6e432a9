//! The outside world of a machine that has none: an OpenID issuer, the image provider Bria
//! and the payment provider Stripe, in one loopback server, with faults on demand.
//!
//! It keeps to the vendors' contracts as strictly as they state them, because what it lets pass is
//! found out in production. It never stands in for AWS: a real emulator does that. Nothing here is
//! linked into a deployed function.
//!
//! | part | where | what |
//! |---|---|---|
//! | OpenID issuer | `/.well-known/openid-configuration`, `/jwks.json`, `/token` | [`openid`] |
//! | Bria v2 | `/bria/v2/...`, `/bria/results/...` | [`bria`] |
//! | Stripe | `/stripe/v1/...`, its pages `/stripe/...` | [`stripe`] |
//! | our frontend | `/billing`, `/billing/success`, `/billing/cancelled`, `/marketplace/...` | where Stripe's pages and shared links lead to |
//! | control | `/_sandbox/...`, `/healthz` | faults, journal, settings, bad tokens |
//!
//! Every request of the first three passes one gate that writes it down ([`journal`]) and may do a
//! fault to it ([`faults`]).

// The payment provider's objects are written as the JSON they are, and have many fields.
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
mod frontend;
mod log;
pub mod openid;
pub mod request_log;
pub mod route;
pub mod stripe;
#[cfg(test)]
mod tests;

use app_state::AppState;
use faults::{Order, OrderError};
use request_log::{Delivery, Filter, Found};

/// How a sandbox is set up.
#[derive(Debug, Clone)]
pub struct Config {
    /// A loopback address; nothing else is accepted.
    pub host: IpAddr,
    /// 0 for any free port.
    pub port: u16,
    /// The folder that keeps the issuer's keys from one start to the next; `None` makes new keys.
    pub state: Option<PathBuf>,
    /// The folder that the log of requests is written to; `None` writes none.
    pub log: Option<PathBuf>,
    /// How the image provider behaves.
    pub bria: bria::Settings,
    /// How the payment provider is set up.
    pub stripe: stripe::Setup,
}

impl Default for Config {
    /// Any free port of 127.0.0.1, nothing kept, the provider's defaults.
    fn default() -> Config {
        Config {
            host: IpAddr::V4(Ipv4Addr::LOCALHOST),
            port: 0,
            state: None,
            log: None,
            bria: bria::Settings::default(),
            stripe: stripe::Setup::default(),
        }
    }
}

impl Config {
    /// With a log of requests in the folder that `SANDBOX_LOG` names, if it names one. For tests
    /// whose requests are our clients' own: what a test makes up by hand has no place there.
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
    /// The address is taken or cannot be used.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// Where.
        address: SocketAddr,
        /// Why not.
        source: io::Error,
    },
    /// The issuer's keys cannot be made, read or kept.
    #[error(transparent)]
    Keys(#[from] openid::KeysError),
    /// The client that sends webhooks cannot be built.
    #[error("cannot build the HTTP client: {0}")]
    Http(#[from] reqwest::Error),
}

/// The outside world, not yet there.
#[derive(Debug, Clone, Copy)]
pub struct Sandbox;

/// A sandbox that answers. It ends when this is dropped.
#[derive(Debug)]
pub struct RunningSandbox {
    /// Where it is reached, for example `http://127.0.0.1:4570`; also the OpenID issuer.
    pub url: String,
    world: Arc<AppState>,
    server: JoinHandle<io::Result<()>>,
}

impl Sandbox {
    /// Starts a sandbox on the current runtime. When this returns, it answers.
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
        let world = Arc::new(AppState::new(&config, url.clone())?);
        let server = tokio::spawn(axum::serve(listener, router(&world)).into_future());
        Ok(RunningSandbox { url, world, server })
    }
}

impl RunningSandbox {
    /// The value of `BRIA_BASE_URL` that reaches this sandbox.
    pub fn bria_url(&self) -> String {
        format!("{}{}", self.url, route::BRIA_PATH)
    }

    /// The origin that finished pictures are fetched from; another host than the API's.
    pub fn results_origin(&self) -> &str {
        &self.world.results_origin
    }

    /// The payment provider's account: its address and what can be made happen in it.
    pub fn stripe(&self) -> stripe::Control<'_> {
        stripe::Control::new(&self.world)
    }

    /// A token for `<name>@prolight.test` that is good for an hour.
    ///
    /// # Errors
    /// When there can be no such person, or the key does not sign.
    pub fn token(&self, email: &str) -> Result<String, openid::TokenError> {
        self.world.openid.issue(&self.world.url, &openid::TokenRequest::for_person(email))
    }

    /// A token for `email` that no one should accept, because of `flaw`.
    ///
    /// # Errors
    /// As [`RunningSandbox::token`].
    pub fn forge(&self, email: &str, flaw: openid::Flaw) -> Result<String, openid::TokenError> {
        self.world.openid.forge(&self.world.url, email, flaw)
    }

    /// Orders a fault.
    ///
    /// # Errors
    /// When the order is out of its limits.
    pub fn order(&self, order: Order) -> Result<(), OrderError> {
        self.world.faults.order(order)
    }

    /// The faults that were ordered and have not happened.
    pub fn waiting(&self) -> Vec<Order> {
        self.world.faults.waiting()
    }

    /// Takes back every fault that was ordered.
    pub fn clear_faults(&self) {
        self.world.faults.clear();
    }

    /// What was received.
    pub fn received(&self, filter: &Filter) -> Found {
        self.world.journal.find(filter)
    }

    /// The webhook deliveries that were tried, oldest first.
    pub fn deliveries(&self) -> Vec<Delivery> {
        self.world.journal.deliveries()
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
        self.world.stop();
    }
}

fn router(world: &Arc<AppState>) -> Router {
    let outside = Router::new()
        .merge(openid::router())
        .merge(bria::router())
        .merge(stripe::router())
        .merge(frontend::router())
        .fallback(async || axum::http::StatusCode::NOT_FOUND)
        .layer(middleware::from_fn_with_state(Arc::clone(world), fault_middleware::pass));
    control::router().merge(outside).with_state(Arc::clone(world))
}
