//! `GET /api/v1/billing/subscription`: the plan, its renewal, and automatic top-ups.
//!
//! Access: any member, suspended ones too.
//! Changes: brings the account up to date, as every read of it does.

use domain::billing::{Billing, invoice::Invoice, subscription::Subscription};
use runtime::{Access, ApiError, Call, Endpoint, Function, Json};
use serde::Deserialize;
use store::{PageSize, Store, StoreError};

use crate::view::SubscriptionView;

pub const ENDPOINT: Endpoint =
    Endpoint::get("billing-get-subscription", "/api/v1/billing/subscription", Access::Member);

#[derive(Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Request {}

/// The function of this endpoint.
pub fn function() -> Function {
    Function::http(ENDPOINT, handle)
}

async fn handle(store: &Store, call: Call<Request>) -> Result<Json<SubscriptionView>, ApiError> {
    let member = call.member()?;
    let (user, email) = (&member.user_id, member.email_claim());
    let (account, billing) = store.account_and_billing(user, email, call.now).await?;
    let invoices = invoices_due(store, &billing).await?;
    Ok(Json(SubscriptionView::new(&account, &billing, &invoices, call.now)))
}

/// The newest invoices, if the subscription has one to pay.
pub(crate) async fn invoices_due(
    store: &Store,
    billing: &Billing,
) -> Result<Vec<Invoice>, StoreError> {
    match billing.subscription.as_ref().is_some_and(Subscription::payment_due) {
        true => Ok(store.invoices(&billing.user_id, PageSize::FEW, None).await?.items),
        false => Ok(Vec::new()),
    }
}
