//! Two subscriptions where there should be one: the younger is ended and paid back.
//!
//! It cannot come about through our checkout, which has one page open at a time; it can through the
//! dashboard, or through a page that was paid in the very moment it was closed.

use domain::{billing::external::SubscriptionId, id::UserId};
use tracing::warn;

use crate::{SettleError, Settlement};

impl Settlement<'_> {
    /// Ends a subscription that is one too many and pays its latest invoice back. May be repeated:
    /// each step is carried out once.
    pub(crate) async fn undo(
        &self,
        surplus: &SubscriptionId,
        user: &UserId,
    ) -> Result<(), SettleError> {
        warn!(subscription = %surplus, actor = %user, "a subscription too many is paid back");
        let now = self.stripe.subscription(surplus).await?;
        self.stripe.cancel_now(surplus).await?;
        let Some(latest) = now.latest_invoice else { return Ok(()) };
        let invoice = self.stripe.invoice(&latest).await?.of(user.clone());
        if let Some(payment) = &invoice.payment {
            self.stripe.refund(payment, &format!("surplus:{surplus}")).await?;
        }
        Ok(())
    }
}
