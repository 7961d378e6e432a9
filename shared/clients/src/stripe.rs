//! Stripe: customers, hosted pages, creators' accounts, and how everything there is now.
//!
//! The requests and the shapes of the answers are async-stripe's; they are sent by our own
//! `transport`, which keeps connections and repeats an attempt only under the same idempotency key.
//! Every key is made of the business action it belongs to, so that the same action asked for twice,
//! by whoever, happens once.
//!
//! Two rules run through all of it:
//!
//! * What may have moved money and was not answered is [`StripeError::Unknown`]: it is looked up,
//!   never assumed. An answer that cannot be read is such a case.
//! * Nothing is taken from a notice ([`notice`]) but what to ask about. The answers here say how
//!   things are at the moment of asking, in the types of `domain`.

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

use crate::{
    http::{Http, InvalidConfig},
    secrets::Secret,
};
use catalogue::Catalogue;
pub use checkout::{OpenedPage, ReturnUrls, Session, SessionStatus};
pub use connect::{AccountNow, Link, NewAccount};
pub use customer::CustomerNow;
pub use dispute::{Evidence, OpenDispute};
pub use error::{Detail, StripeError};
pub use events::ListedEvent;
pub use invoice::{InvoiceNow, PaidBy, invoice_id, receipt_id};
use portal::Portal;
pub use refund::{Refund, RefundReason, RefundState};
pub use subscription::{ListedSubscription, Renewal, SubscriptionNow};
pub use top_up::Charged;
pub use transfer::{
    BalanceNow, BankPayout, BankPayoutState, NewTransfer, Payouts, Reversal, Transfer,
};
use transport::Transport;
pub use webhook_event::WebhookEvent;

/// Stripe's own address.
pub const BASE_URL: &str = "https://api.stripe.com";

/// The API version that requests name, and that our webhook endpoint must be registered with.
pub fn api_version() -> &'static str {
    VERSION.as_str()
}

/// A client of Stripe's API. Cheap to clone; build one in a process.
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

/// What a client is built from.
#[derive(Debug, Clone)]
pub struct StripeConfig {
    /// [`BASE_URL`], or where a stand-in listens.
    pub base: String,
    /// A secret or restricted key.
    pub api_key: Secret,
    /// Who works out the tax.
    pub tax: Tax,
}

/// Whether a checkout adds tax to the prices.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tax {
    /// Nobody: the price is what is paid.
    None,
    /// Stripe Tax, from the customer's address. It collects nothing without a registration.
    Automatic,
}

/// A part of a list, and whether there is more after its last item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StripePage<T> {
    /// At most [`PAGE_SIZE`].
    pub items: Vec<T>,
    /// Whether a page follows.
    pub more: bool,
}

/// The most that Stripe puts on a page.
pub const PAGE_SIZE: i64 = 100;

impl Stripe {
    /// A client with its own kept connections.
    ///
    /// # Errors
    /// When the base is not an HTTP URL, or the key cannot stand in a header.
    pub fn new(config: &StripeConfig) -> Result<Stripe, InvalidConfig> {
        let transport = Transport::new(Http::kept()?, &config.base, &config.api_key)?;
        Ok(Stripe { live: is_live(&config.api_key), ..Stripe::over(transport, config.tax) })
    }

    /// Whether the key moves real money. Events of the other mode are none of ours.
    pub fn is_live(&self) -> bool {
        self.live
    }

    fn over(transport: Transport, tax: Tax) -> Stripe {
        let (catalogue, portal) = (Arc::default(), Arc::default());
        Stripe { transport, tax, catalogue, portal, live: false }
    }
}

/// Keys say so in their prefix: <https://docs.stripe.com/keys>.
fn is_live(key: &Secret) -> bool {
    ["sk_live_", "rk_live_"].iter().any(|prefix| key.expose().starts_with(prefix))
}
