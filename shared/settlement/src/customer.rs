//! A member's Stripe customer: created on first use, created again if it was deleted at Stripe, and
//! updated when the member's email address changes.

use clients::{Stripe, stripe::CustomerNow};
use domain::{
    Timestamp,
    account::EmailClaim,
    billing::{Billing, external::CustomerId},
    id::UserId,
};
use store::Store;

use crate::SettleError;

/// Returns the Stripe customer of the member with this billing, with the email address of their
/// token. Concurrent callers create the same customer: both use one idempotency key.
///
/// # Errors
/// When Stripe or DynamoDB is unavailable.
pub async fn customer_of(
    store: &Store,
    stripe: &Stripe,
    (user, email): (&UserId, Option<EmailClaim<'_>>),
    billing: Billing,
    now: Timestamp,
) -> Result<CustomerId, SettleError> {
    // Boxed: the future is large, and callers should not hold it inline.
    Box::pin(found_or_made(store, stripe, (user, email), billing, now)).await
}

async fn found_or_made(
    store: &Store,
    stripe: &Stripe,
    (user, email): (&UserId, Option<EmailClaim<'_>>),
    billing: Billing,
    now: Timestamp,
) -> Result<CustomerId, SettleError> {
    let address = email.and_then(|claim| claim.address);
    let known = match &billing.customer {
        Some(customer) => stripe.customer(customer).await?,
        None => None,
    };
    if let Some(known) = known {
        update_customer_email(stripe, &known, address).await?;
        return Ok(known.id);
    }
    let deleted = billing.customer;
    let made = stripe.create_customer(user, address, deleted.as_ref()).await?;
    let (billing, ()) = store
        .change_billing(user, email, None, now, |_, billing| {
            billing.replace_customer(deleted.as_ref(), &made);
        })
        .await?;
    Ok(billing.customer.unwrap_or(made))
}

/// Updates the customer's email address at Stripe if it differs.
pub(crate) async fn update_customer_email(
    stripe: &Stripe,
    customer: &CustomerNow,
    email: Option<&str>,
) -> Result<(), SettleError> {
    match email {
        Some(email) if customer.email.as_deref() != Some(email) => {
            Ok(stripe.update_customer(&customer.id, email).await?)
        }
        Some(_) | None => Ok(()),
    }
}
