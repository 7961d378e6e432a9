//! `POST /api/v1/marketplace/creator/onboarding`: Stripe's onboarding page for a creator's identity
//! and bank account.
//!
//! Access: any member with a verified e-mail address who is not suspended; no sale is required.
//! Changes: the member's connected account is created if there is none, or if it was closed.
//! Changes made on the page arrive through `edge-webhook-stripe`, and are also fetched here.
//! Retry: each call returns a new page, valid once and for some minutes; the account is created
//! once, under an idempotency key of the member.

use clients::{Stripe, stripe::NewAccount};
use domain::{
    FieldError, Timestamp,
    country::Country,
    error::InvalidFields,
    id::UserId,
    marketplace::creator::payee::{Payee, PayeeState},
};
use runtime::{Access, ApiError, Call, Connect, Endpoint, Frontend, Function, NoStore};
use serde::{Deserialize, Serialize};
use settlement::Settlement;
use store::{Rate, Store};

pub const ENDPOINT: Endpoint = Endpoint::post(
    "marketplace-onboard-creator",
    "/api/v1/marketplace/creator/onboarding",
    Access::Member,
)
.ignores_key()
// It leads to the form for the account that payouts go to.
.never_by_api_key()
.with_rate(Rate::an_hour(20))
.with_errors(&["email_unverified"]);

#[derive(Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// Country of residence: the United States, if none is named. It cannot be changed later.
    country: Option<Country>,
}

#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Response {
    /// The URL of Stripe's page, valid once.
    onboarding_url: String,
    expires_at: Timestamp,
    account: AccountView,
}

#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
struct AccountView {
    status: PayeeState,
    /// Stripe's outstanding requirements, as Stripe names them.
    requirements: Vec<String>,
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
    let (user, email) = (&member.user_id, member.email_claim());
    let country = call.body.country.unwrap_or(Country::US);
    let account = store.get_or_create_account(user, email, call.now).await?;
    account.require_active(call.now)?;
    account.require_verified_email("payouts")?;
    let known = Settlement::new(store, stripe).refresh_connected_account(user, call.now).await?;
    let payee = match known {
        Some(payee) if !payee.closed => payee,
        known => {
            let email = account.email.as_deref().ok_or_else(no_address)?;
            let name = account.profile.display_name.as_deref().unwrap_or(email);
            let new = NewAccount {
                user: user.clone(),
                email: email.to_owned(),
                display_name: name.to_owned(),
                country,
            };
            opened((store, stripe), &new, known.as_ref(), call.now).await?
        }
    };
    let page = frontend.page("/creator/payouts");
    let refresh = frontend.page("/creator/payouts?onboarding=again");
    let link = stripe.onboarding_link(&payee.account_id, &page, &refresh).await?;
    let status = PayeeState::of(Some(&payee));
    let account = AccountView { status, requirements: payee.requirements };
    Ok(NoStore(Response { onboarding_url: link.url, expires_at: link.expires_at, account }))
}

/// The member's new account, created under an idempotency key of theirs; a replacement for a closed
/// account has another key.
async fn opened(
    (store, stripe): (&Store, &Stripe),
    new: &NewAccount,
    closed: Option<&Payee>,
    now: Timestamp,
) -> Result<Payee, ApiError> {
    let key = key_of(&new.user, closed);
    let account_id = stripe.open_account(new, &key).await?;
    let payee = Payee {
        user_id: new.user.clone(),
        account_id,
        version: 0,
        ready: false,
        closed: false,
        requirements: Vec::new(),
        looked_at: now,
    };
    let payee = Payee { version: closed.map_or(0, |it| it.version), ..payee };
    // A concurrent call created the same account.
    store.put_payee(closed, &payee).await?;
    let refreshed =
        Settlement::new(store, stripe).refresh_connected_account(&new.user, now).await?;
    Ok(refreshed.unwrap_or(payee))
}

fn key_of(user: &UserId, closed: Option<&Payee>) -> String {
    match closed {
        None => format!("account:{user}"),
        Some(closed) => format!("account:{user}:after:{}", closed.account_id),
    }
}

/// Stripe requires an address: it writes to the owners of connected accounts.
fn no_address() -> InvalidFields {
    let detail = "your token carries no e-mail address, and Stripe needs one".to_owned();
    InvalidFields(vec![FieldError::new("/email", "missing", detail)])
}
