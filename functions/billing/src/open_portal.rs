//! `POST /api/v1/billing/portal`: open Stripe's customer portal for plan, cards and addresses.
//!
//! Access: any member; a suspended one must be able to stop paying.
//! Changes: nothing here; the member's Stripe customer is created if there is none. Changes made in
//! the portal arrive through `edge-webhook-stripe`.
//! Retry: each call returns a new portal session, valid for some minutes.

use clients::Stripe;
use runtime::{Access, ApiError, Call, Connect, Endpoint, Frontend, Function, NoStore};
use serde::{Deserialize, Serialize};
use settlement::customer_of;
use store::{Rate, Store};

use crate::pages::after_portal;

pub const ENDPOINT: Endpoint =
    Endpoint::post("billing-open-portal", "/api/v1/billing/portal", Access::Member)
        .ignores_key()
        .for_suspended()
        .with_rate(Rate::an_hour(30));

#[derive(Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Request {}

#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Response {
    portal_url: String,
}

/// The function of this endpoint.
pub fn function() -> Function {
    Function::http(ENDPOINT, handle)
}

#[derive(Connect)]
struct Deps {
    store: Store,
    stripe: Stripe,
    frontend: Frontend,
}

async fn handle(
    Deps { store, stripe, frontend }: &Deps,
    call: Call<Request>,
) -> Result<NoStore<Response>, ApiError> {
    let member = call.member()?;
    let owner = (&member.user_id, member.email_claim());
    let billing = store.billing(&member.user_id).await?;
    let customer = customer_of(store, stripe, owner, billing, call.now).await?;
    let portal_url = stripe.open_portal(&customer, &after_portal(frontend)).await?;
    Ok(NoStore(Response { portal_url }))
}
