//! `PUT /api/v1/billing/top-up`: buy a pack automatically when the balance falls below a threshold.
//!
//! Access: any member; one who is suspended may turn it off, not on. Without a saved card it cannot
//! be turned on (409): the refusal has a link to Stripe's page where one is added.
//! Changes: the account. `background-buy-top-ups` charges the saved card, at most `monthly_max`
//! times a calendar month; a failed charge stops it, with the reason in
//! `GET /api/v1/billing/subscription`, until it is turned on here again. Turning it off and on does
//! not reset the month's count, and a charge in progress is completed.
//! Retry: a repeat has no further effect.

use clients::Stripe;
use domain::{
    FieldError,
    billing::{Billing, top_up::TopUpSettings},
    error::InvalidFields,
    pack::Pack,
};
use runtime::{Access, ApiError, Call, Connect, Endpoint, Frontend, Function, NoStore};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use settlement::customer_of;
use store::{Rate, Store, StoreError};

use crate::{pages::after_portal, view::TopUpView};

pub const ENDPOINT: Endpoint =
    Endpoint::put("billing-update-top-up", "/api/v1/billing/top-up", Access::Member)
        .with_rate(Rate::an_hour(60))
        .with_errors(&["no_saved_card"]);

/// The other three fields are required to turn it on and rejected when turning it off.
#[derive(Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Request {
    enabled: bool,
    pack: Option<Pack>,
    /// Threshold, in credits.
    #[cfg_attr(feature = "schema", schemars(range(min = 1, max = domain::billing::top_up::BELOW_MAX)))]
    below: Option<u32>,
    /// The most packs bought so in a month.
    #[cfg_attr(feature = "schema", schemars(range(min = 1, max = domain::billing::top_up::MONTHLY_MAX)))]
    monthly_max: Option<u32>,
}

#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Response {
    /// `null` while it is off.
    top_up: Option<TopUpView>,
    /// Whether there is a card to charge; `null` when it is turned off, because Stripe is not asked.
    card_saved: Option<bool>,
}

/// There is nothing to charge.
#[derive(Debug, thiserror::Error)]
#[error("No card is saved: add one on the page at `add_card_url`, then turn it on.")]
struct NoSavedCard {
    /// Stripe's page, valid for some minutes.
    add_card_url: String,
}

domain::domain_error! {
    NoSavedCard => Conflict, "no_saved_card";
    fn extensions(&self) -> Vec<(&'static str, Value)> {
        vec![("add_card_url", json!(self.add_card_url))]
    }
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

async fn handle(deps: &Deps, call: Call<Request>) -> Result<NoStore<Response>, ApiError> {
    let (store, member) = (&deps.store, call.member()?);
    let (user, email) = (&member.user_id, member.email_claim());
    let settings = call.body.settings()?;
    if settings.is_some() {
        let (account, billing) = store.account_and_billing(user, email, call.now).await?;
        account.require_active(call.now)?;
        require_card(deps, &call, billing).await?;
    }
    let account = store
        .update_account(user, email, call.now, |update| -> Result<(), StoreError> {
            if settings.is_some() {
                update.require_active().map_err(StoreError::refused)?;
            }
            update.allow_top_up(settings);
            Ok(())
        })
        .await?;
    Ok(NoStore(Response {
        top_up: account.top_up.as_ref().and_then(TopUpView::of),
        card_saved: settings.map(|_| true),
    }))
}

async fn require_card(
    Deps { store, stripe, frontend }: &Deps,
    call: &Call<Request>,
    billing: Billing,
) -> Result<(), ApiError> {
    if let Some(customer) = &billing.customer
        && stripe.has_saved_card(customer).await?
    {
        return Ok(());
    }
    let member = call.member()?;
    let owner = (&member.user_id, member.email_claim());
    let customer = customer_of(store, stripe, owner, billing, call.now).await?;
    let add_card_url = stripe.open_portal(&customer, &after_portal(frontend)).await?;
    Err(NoSavedCard { add_card_url }.into())
}

impl Request {
    fn settings(&self) -> Result<Option<TopUpSettings>, InvalidFields> {
        match (self.enabled, self.pack, self.below, self.monthly_max) {
            (true, Some(pack), Some(below), Some(monthly_max)) => {
                TopUpSettings::new(pack, below, monthly_max).map(Some)
            }
            (false, None, None, None) => Ok(None),
            (true, ..) => Err(unfit("`enabled: true` needs `pack`, `below` and `monthly_max`.")),
            (false, ..) => Err(unfit("`enabled: false` has no other fields.")),
        }
    }
}

fn unfit(detail: &str) -> InvalidFields {
    InvalidFields(vec![FieldError::new("/enabled", "together", detail)])
}
