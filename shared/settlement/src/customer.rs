//! A member's one customer at Stripe: made when it is first needed, made anew when it was deleted
//! there, and kept at the member's address.

use clients::{Stripe, stripe::CustomerNow};
use domain::{
    Timestamp,
    account::EmailClaim,
    billing::{Billing, external::CustomerId},
    id::UserId,
};
use store::{Store, StoreError};

use crate::SettleError;

/// The customer of a member with this billing, at the address their token has. Two callers who make
/// it at once make the same one: Stripe is asked under one key.
///
/// # Errors
/// When Stripe or the table cannot be asked.
pub async fn customer_of(
    store: &Store,
    stripe: &Stripe,
    (user, email): (&UserId, Option<EmailClaim<'_>>),
    billing: Billing,
    now: Timestamp,
) -> Result<CustomerId, SettleError> {
    // Boxed: its state is large, and its callers need not carry it.
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
        tell_address(stripe, &known, address).await?;
        return Ok(known.id);
    }
    let deleted = billing.customer;
    let made = stripe.create_customer(user, address, deleted.as_ref()).await?;
    let (billing, ()) = store
        .change_billing(user, email, None, now, |_, billing| {
            billing.replace_customer(deleted.as_ref(), &made);
            Ok::<(), StoreError>(())
        })
        .await?;
    Ok(billing.customer.unwrap_or(made))
}

/// Has Stripe write to this address from now on, if it does not yet.
pub(crate) async fn tell_address(
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
