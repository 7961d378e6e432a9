//! Two subscriptions where there should be one: the younger is ended and paid back.
//!
//! It cannot come about through our checkout, which has one page open at a time; it can through the
//! dashboard, or through a page that was paid in the very moment it was closed.

use domain::{
    Timestamp,
    audit::{Action, Deed, Target},
    billing::external::SubscriptionId,
    id::UserId,
};
use serde_json::json;
use tracing::warn;

use crate::{SettleError, Settlement};

/// Who ends subscriptions that are one too many.
const SURPLUS: &str = "surplus_subscriptions";

impl Settlement<'_> {
    /// Ends a subscription that is one too many, pays its latest invoice back, and puts both on the
    /// record. May be repeated: each step is carried out once.
    pub(crate) async fn undo(
        &self,
        surplus: &SubscriptionId,
        user: &UserId,
        at: Timestamp,
    ) -> Result<(), SettleError> {
        warn!(subscription = %surplus, actor = %user, "a subscription too many is paid back");
        let now = self.stripe.subscription(surplus).await?;
        self.stripe.cancel_now(surplus).await?;
        if let Some(latest) = &now.latest_invoice {
            let invoice = self.stripe.invoice(latest).await?.of(user.clone());
            if let Some(payment) = &invoice.payment {
                self.stripe.refund(payment, &format!("surplus:{surplus}")).await?;
            }
        }
        let told = |ended: bool| json!({ "subscription": surplus, "invoice": now.latest_invoice, "ended": ended });
        let deed = Deed::of_job(SURPLUS, Action::EndSurplus, Target::user(user))
            .changing(&told(false), &told(true));
        Ok(self.store.record_once(&format!("surplus_{surplus}"), deed, at).await?)
    }
}
