//! Sets up a Stripe account: prices, a manual payout schedule that leaves its balance for creators,
//! webhooks, and the customer portal.
//!
//! The wanted state is written as the JSON that Stripe answers with. The present state is read
//! first, and only differences are sent, so a second run changes nothing.

mod account;
mod goods;
mod run;

use super::{Stripe, StripeError};
use run::Run;
pub use run::{Done, Row};

/// What to set up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// The URL of the platform's webhook; `None` skips it.
    pub webhook_url: Option<String>,
    /// The URL of the webhook for connected accounts; `None` skips it. It gets two endpoints, each
    /// with its own secret: one for the objects of such accounts, one for thin events about the
    /// accounts.
    pub connect_webhook_url: Option<String>,
    /// The return URL of the portal; `None` skips the portal.
    pub return_url: Option<String>,
    /// 128 random bits. They make this run's idempotency keys unique: an object that was deleted
    /// since must be created again, not replayed under an old key.
    pub run: u128,
}

/// Checks every object in turn and corrects it. What was done before an error stays done, and a
/// second run continues.
///
/// # Errors
/// See [`StripeError`].
pub async fn set_up(stripe: &Stripe, wanted: &Wanted) -> Result<Vec<Row>, StripeError> {
    let run = Run { stripe, run: wanted.run };
    let mut rows = goods::set_up(&run).await?;
    rows.push(account::payouts(&run).await?);
    if let Some(url) = &wanted.webhook_url {
        rows.push(account::endpoint(&run, url).await?);
    }
    if let Some(url) = &wanted.connect_webhook_url {
        rows.push(account::connect_endpoint(&run, url).await?);
        rows.push(account::destination(&run, url).await?);
    }
    if let Some(url) = &wanted.return_url {
        rows.push(account::portal(&run, url).await?);
    }
    stripe.catalogue.forget().await;
    Ok(rows)
}
