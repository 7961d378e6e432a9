//! `GET /api/v1/billing/checkouts/{id}`: what came of a checkout: the question of the page to which
//! Stripe returns.
//!
//! Access: its owner, a suspended one too; for all other callers it does not exist (404).
//! Changes: brings the account up to date, as every read of it does. It states what is stored here:
//! Stripe reports a payment within seconds, so `open` may be a paid page for a moment. Ask again
//! after `Retry-After`. Of plans, the eight latest checkouts are kept.

use domain::{
    Timestamp,
    account::Account,
    billing::{Billing, checkout::CheckoutStatus, order::Via},
    id::{CheckoutId, OrderId},
    pack::Pack,
    plan::Plan,
};
use runtime::{Access, ApiError, Call, Endpoint, Function, PathId, Polled};
use serde::{Deserialize, Serialize};
use store::{NotFound, PageSize, Store, StoreError, optional};

pub const ENDPOINT: Endpoint =
    Endpoint::get("billing-get-checkout", "/api/v1/billing/checkouts/{id}", Access::Member)
        .with_errors(&["checkout_not_found"]);

/// Seconds between two questions of a page that waits.
const POLL_S: u32 = 2;

#[derive(Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Request {
    id: PathId<CheckoutId>,
}

#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Response {
    id: CheckoutId,
    status: CheckoutStatus,
    /// What is bought: a plan or a pack; the other is `null`.
    plan: Option<Plan>,
    pack: Option<Pack>,
    /// The order of the pack.
    order_id: Option<OrderId>,
    /// Stripe's page, while it is open.
    checkout_url: Option<String>,
    created_at: Timestamp,
    /// When Stripe's page closes, or closed, if it is not paid.
    expires_at: Timestamp,
    /// What was granted, once it is.
    granted: Option<Granted>,
}

#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Granted {
    /// `null` is unlimited within fair use.
    credits: Option<u32>,
    at: Option<Timestamp>,
}

/// The function of this endpoint.
pub fn function() -> Function {
    Function::http(ENDPOINT, handle)
}

async fn handle(store: &Store, call: Call<Request>) -> Result<Polled<Response>, ApiError> {
    let (member, id) = (call.member()?, call.body.id.get()?);
    let (user, email) = (&member.user_id, member.email_claim());
    let (account, billing) = store.account_and_billing(user, email, call.now).await?;
    let found = match of_plan(store, (&account, &billing), id, call.now).await? {
        Some(found) => found,
        None => of_pack(store, &account, id, call.now).await?.ok_or(NotFound::Checkout)?,
    };
    let retry_after_s = found.status.is_awaited().then_some(POLL_S);
    Ok(Polled { body: found, retry_after_s })
}

async fn of_plan(
    store: &Store,
    (account, billing): (&Account, &Billing),
    id: &CheckoutId,
    now: Timestamp,
) -> Result<Option<Response>, StoreError> {
    let Some((checkout, subscription, status)) = billing.plan_checkout(id, now) else {
        return Ok(None);
    };
    let granted = match subscription {
        // Its first invoice is the last of them.
        Some(theirs) => {
            let invoices = store.invoices(&account.user_id, PageSize::WHOLE, None).await?.items;
            let mut granting = invoices.into_iter().rev().filter(|it| !it.granted.is_empty());
            granting.find(|invoice| invoice.is_of(theirs))
        }
        None => None,
    };
    let granted = granted.map(|invoice| Granted {
        credits: account.allowance(checkout.plan).credits(),
        at: invoice.paid_at,
    });
    Ok(Some(Response {
        id: id.clone(),
        status: if granted.is_some() { CheckoutStatus::Granted } else { status },
        plan: Some(checkout.plan),
        pack: None,
        order_id: None,
        checkout_url: checkout.url.clone().filter(|_| status == CheckoutStatus::Open),
        created_at: checkout.begun_at,
        expires_at: checkout.expires_at,
        granted,
    }))
}

async fn of_pack(
    store: &Store,
    account: &Account,
    id: &CheckoutId,
    now: Timestamp,
) -> Result<Option<Response>, StoreError> {
    let order = optional(store.order(&account.user_id, &id.order()).await)?;
    let Some(order) = order.filter(|order| order.via == Via::Checkout) else { return Ok(None) };
    let (status, expires_at) = (order.checkout_status(now), order.page_closes_at());
    let granted = (status == CheckoutStatus::Granted)
        .then(|| Granted { credits: Some(order.sold().credits), at: order.paid_at });
    Ok(Some(Response {
        id: id.clone(),
        status,
        plan: None,
        pack: Some(order.pack),
        order_id: Some(order.id),
        checkout_url: order.url.filter(|_| status == CheckoutStatus::Open),
        created_at: order.created_at,
        expires_at,
        granted,
    }))
}
