//! `POST /api/v1/billing/checkout`: subscribe to a plan, or buy a pack of credits, in Stripe
//! Checkout.
//!
//! Access: any member who is not suspended, at most 30 an hour.
//! Changes: for a pack an open order, for a plan the member's one open checkout; and a Checkout
//! session. No money moves here: `edge-webhook-stripe` grants once Stripe reports the payment.
//! The answer's `Location` says later what came of it, and is part of the page's return address.
//! Retry: the same `Idempotency-Key` returns the same session, also after a crash between any two
//! steps: Stripe's idempotency key is written first.

use clients::Stripe;
use domain::{FieldError, error::InvalidFields, id::CheckoutId, pack::Pack, plan::Plan};
use runtime::{Access, ApiError, Call, Connect, Created, Endpoint, Frontend, Function};
use serde::{Deserialize, Serialize};
use settlement::customer_of;
use store::{Rate, Store};

use crate::{pack_page::pack_page, plan_page::plan_page};

pub const ENDPOINT: Endpoint =
    Endpoint::post("billing-open-checkout", "/api/v1/billing/checkout", Access::Member)
        .requires_key()
        .with_rate(Rate::an_hour(30))
        .with_errors(&["already_subscribed", "plan_not_sold"]);

/// Exactly one of the two.
#[derive(Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Request {
    plan: Option<Plan>,
    pack: Option<Pack>,
}

#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Response {
    /// The checkout: see `GET /api/v1/billing/checkouts/{id}`.
    id: CheckoutId,
    /// The URL of Stripe's page, open for 23 hours.
    checkout_url: String,
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
) -> Result<Created<Response>, ApiError> {
    let member = call.member()?;
    let item = call.body.item()?;
    let (user, email) = (&member.user_id, member.email_claim());
    let (account, billing) = store.account_and_billing(user, email, call.now).await?;
    account.require_active(call.now)?;
    let customer = customer_of(store, stripe, (user, email), billing, call.now).await?;
    let (id, checkout_url) = match item {
        Item::Plan(plan) => plan_page((store, stripe, frontend), &call, &customer, plan).await?,
        Item::Pack(pack) => pack_page((store, stripe, frontend), &call, &customer, pack).await?,
    };
    let location = call.links.to(format_args!("/api/v1/billing/checkouts/{id}"));
    Ok(Created { location, body: Response { id, checkout_url } })
}

enum Item {
    Plan(Plan),
    Pack(Pack),
}

impl Request {
    fn item(&self) -> Result<Item, InvalidFields> {
        match (self.plan, self.pack) {
            (Some(plan), None) => Ok(Item::Plan(plan)),
            (None, Some(pack)) => Ok(Item::Pack(pack)),
            (Some(_), Some(_)) | (None, None) => Err(InvalidFields(vec![FieldError::new(
                "",
                "one_of",
                "Name either a `plan` or a `pack`.",
            )])),
        }
    }
}
