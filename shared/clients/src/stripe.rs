//! Stripe: customers, hosted pages, connected accounts, and the current state of its objects.
//!
//! Requests and response types are async-stripe's; our own `transport` sends them, which reuses
//! connections and retries an attempt only under the same idempotency key. Every key is derived
//! from the business action it belongs to, so that an action requested twice happens once.
//!
//! Two rules apply everywhere:
//!
//! * A request that may have moved money and got no readable response is [`StripeError::Unknown`]:
//!   its outcome is looked up, never assumed.
//! * A webhook event ([`webhook_event`]) only says which object to retrieve. The results here are
//!   the state at the time of the request, in the types of `domain`.

mod bank_payout;
mod catalogue;
mod checkout;
mod connect;
mod customer;
mod dispute;
mod error;
mod events;
mod invoice;
mod payment;
mod portal;
mod portal_configuration;
mod rate;
mod read;
mod refund;
pub mod setup;
mod subscription;
#[cfg(test)]
mod tests;
mod top_up;
mod transfer;
mod transport;
pub mod webhook;
pub mod webhook_event;

use std::{fmt, sync::Arc};

use stripe_client_core::VERSION;

pub use self::connect::{AccountNow, Link, NewAccount};
use crate::{
    http::{Http, InvalidConfig},
    secrets::{self, Secret, StripeSecret},
};
use ::connect::{Aws, Connect, Environment, InitError};
pub use bank_payout::{BankPayout, BankPayoutState};
use catalogue::Catalogue;
pub use checkout::{OpenedPage, ReturnUrls, Session, SessionStatus};
pub use customer::CustomerNow;
pub use dispute::{Evidence, OpenDispute};
pub use error::{Detail, StripeError};
pub use events::ListedEvent;
pub use invoice::{InvoiceNow, PaidBy, invoice_id, receipt_id};
use portal_configuration::Portal;
pub use rate::RequestRate;
pub use refund::{Refund, RefundReason, RefundState};
pub use subscription::{ListedSubscription, Renewal, SubscriptionNow};
pub use top_up::Charged;
pub use transfer::{BalanceNow, NewTransfer, Payouts, Reversal, Transfer};
pub use transport::PAGE_SIZE;
use transport::Transport;
pub use webhook_event::WebhookEvent;

/// Stripe's production URL.
pub const BASE_URL: &str = "https://api.stripe.com";

const STRIPE_BASE_URL: &str = "STRIPE_BASE_URL";
const STRIPE_SECRET_ARN: &str = "STRIPE_SECRET_ARN";
const STRIPE_AUTOMATIC_TAX: &str = "STRIPE_AUTOMATIC_TAX";

/// The API version of our requests, which our webhook endpoint must be registered with.
pub fn api_version() -> &'static str {
    VERSION.as_str()
}

/// A client of Stripe's API. Cheap to clone; build one per process.
#[derive(Clone)]
pub struct Stripe {
    transport: Transport,
    tax: Tax,
    catalogue: Arc<Catalogue>,
    portal: Arc<Portal>,
    live: bool,
}

impl fmt::Debug for Stripe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stripe").field("tax", &self.tax).field("live", &self.live).finish()
    }
}

/// The configuration of a client.
#[derive(Debug, Clone)]
pub struct StripeConfig {
    /// [`BASE_URL`], or the URL of a stand-in.
    pub base: String,
    /// A secret or restricted key.
    pub api_key: Secret,
    /// The tax mode.
    pub tax: Tax,
}

/// Whether a checkout adds tax to the prices.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tax {
    /// No tax: the price is what is paid.
    None,
    /// Stripe Tax, from the customer's address. It collects nothing without a registration.
    Automatic,
}

/// A page of a list, and whether there are more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StripePage<T> {
    /// At most [`PAGE_SIZE`].
    pub items: Vec<T>,
    /// Whether another page follows.
    pub more: bool,
}

impl Connect for Stripe {
    fn variables() -> Vec<&'static str> {
        vec![STRIPE_BASE_URL, STRIPE_SECRET_ARN, STRIPE_AUTOMATIC_TAX]
    }
    async fn connect(env: &Environment, aws: &Aws) -> Result<Stripe, InitError> {
        let arn = env.text(STRIPE_SECRET_ARN)?;
        let StripeSecret { api_key } = secrets::read(aws, arn, "the Stripe secret").await?;
        let base = env.text(STRIPE_BASE_URL)?.to_owned();
        let tax = match env.parse::<bool>(STRIPE_AUTOMATIC_TAX)? {
            true => Tax::Automatic,
            false => Tax::None,
        };
        let config = StripeConfig { base, api_key, tax };
        let stripe = Http::pooled_of(aws).and_then(|http| Stripe::through(http, &config));
        let stripe = stripe.map_err(InitError::unusable(STRIPE_BASE_URL))?;
        let transport = stripe.transport.doubting(aws.secret_doubt());
        Ok(Stripe { transport, ..stripe })
    }
}

impl Stripe {
    /// A client with its own pooled connections.
    ///
    /// # Errors
    /// When the base is not an HTTP URL, or the key is no valid header value.
    pub fn new(config: &StripeConfig) -> Result<Stripe, InvalidConfig> {
        Stripe::through(Http::pooled()?, config)
    }

    fn through(http: Http, config: &StripeConfig) -> Result<Stripe, InvalidConfig> {
        let transport = Transport::new(http, &config.base, &config.api_key)?;
        Ok(Stripe { live: is_live(&config.api_key), ..Stripe::over(transport, config.tax) })
    }

    /// Whether the key moves real money. Events of the other mode are not ours.
    pub fn is_live(&self) -> bool {
        self.live
    }

    fn over(transport: Transport, tax: Tax) -> Stripe {
        let (catalogue, portal) = (Arc::default(), Arc::default());
        Stripe { transport, tax, catalogue, portal, live: false }
    }

    /// The same client, which asks no more often than `rate`.
    #[must_use]
    pub fn at_rate(&self, rate: &RequestRate) -> Stripe {
        Stripe { transport: self.transport.clone().at_rate(rate), ..self.clone() }
    }
}

/// The prefix of a key shows its mode: <https://docs.stripe.com/keys>.
fn is_live(key: &Secret) -> bool {
    ["sk_live_", "rk_live_"].iter().any(|prefix| key.expose().starts_with(prefix))
}
