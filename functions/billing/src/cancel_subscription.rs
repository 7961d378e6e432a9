//! `POST /api/v1/billing/subscription/cancel`: cancel at the end of the period, or undo that.
//!
//! Access: any member with a subscription; a suspended one may cancel, but not undo it.
//! Changes: the subscription at Stripe, and then our record of it. The plan stays until the end of
//! the paid period, without a refund.
//! Retry: a repeat changes nothing.

use clients::{Stripe, stripe::Renewal};
use runtime::{Access, ApiError, Call, Connect, Endpoint, Function, NoStore};
use serde::Deserialize;
use settlement::Settlement;
use store::{Rate, Store};

use crate::{get_subscription::invoices_due, view::SubscriptionView};

pub const ENDPOINT: Endpoint = Endpoint::post(
    "billing-cancel-subscription",
    "/api/v1/billing/subscription/cancel",
    Access::Member,
)
.ignores_key()
.with_rate(Rate::an_hour(30))
.with_errors(&["not_subscribed"]);

#[derive(Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// `false` undoes a cancellation.
    #[serde(default = "at_period_end")]
    cancel_at_period_end: bool,
}

fn at_period_end() -> bool {
    true
}

/// The function of this endpoint.
pub fn function() -> Function {
    Function::http(ENDPOINT, handle)
}

#[derive(Connect)]
struct Deps {
    store: Store,
    stripe: Stripe,
}

async fn handle(
    Deps { store, stripe }: &Deps,
    call: Call<Request>,
) -> Result<NoStore<SubscriptionView>, ApiError> {
    let member = call.member()?;
    let (user, email) = (&member.user_id, member.email_claim());
    let (account, billing) = store.account_and_billing(user, email, call.now).await?;
    let subscription = billing.live_subscription()?;
    if !call.body.cancel_at_period_end {
        account.require_active(call.now)?;
    }
    let (renewal, change) = match call.body.cancel_at_period_end {
        true => (Renewal::Stops, "stops"),
        false => (Renewal::GoesOn, "goes_on"),
    };
    // The version makes the same request a new one at Stripe once the account has changed.
    let key = format!("renewal:{}:{change}:{}", subscription.id, billing.version);
    stripe.set_renewal(&subscription.id, renewal, &key).await?;
    Settlement::new(store, stripe).subscription(user, &subscription.id, call.now).await?;
    let (account, billing) = store.account_and_billing(user, email, call.now).await?;
    let invoices = invoices_due(store, &billing).await?;
    Ok(NoStore(SubscriptionView::new(&account, &billing, &invoices, call.now)))
}
