//! A member's one customer at Stripe, made when it is first needed.

use clients::Stripe;
use domain::{
    Timestamp,
    billing::{Billing, external::CustomerId},
    id::UserId,
};
use store::{Store, StoreError};

use crate::SettleError;

/// The customer of a member with this billing. Two who make it at once make the same one: Stripe is
/// asked under one key.
///
/// # Errors
/// When Stripe or the table cannot be asked.
pub async fn customer_of(
    store: &Store,
    stripe: &Stripe,
    (user, email): (&UserId, Option<&str>),
    billing: Billing,
    now: Timestamp,
) -> Result<CustomerId, SettleError> {
    if let Some(customer) = billing.customer {
        return Ok(customer);
    }
    let made = stripe.create_customer(user, email).await?;
    let (billing, ()) = store
        .change_billing(user, email, None, now, |_, billing| {
            billing.customer.get_or_insert_with(|| made.clone());
            Ok::<(), StoreError>(())
        })
        .await?;
    Ok(billing.customer.unwrap_or(made))
}
