//! A member's one customer at Stripe, made when it is first needed.

use clients::Stripe;
use domain::{
    Timestamp,
    billing::{Billing, external::CustomerId},
};
use runtime::{ApiError, Identity};
use store::{Store, StoreError};

/// The customer of a member with this billing. Two who make it at once make the same one: Stripe is
/// asked under one key.
pub(crate) async fn customer_of(
    (store, stripe): (&Store, &Stripe),
    member: &Identity,
    billing: Billing,
    now: Timestamp,
) -> Result<CustomerId, ApiError> {
    if let Some(customer) = billing.customer {
        return Ok(customer);
    }
    let (user, email) = (&member.user_id, member.email.as_deref());
    let made = stripe.create_customer(user, email).await?;
    let (billing, ()) = store
        .change_billing(user, email, None, now, |_, billing| {
            billing.customer.get_or_insert_with(|| made.clone());
            Ok::<(), StoreError>(())
        })
        .await?;
    Ok(billing.customer.unwrap_or(made))
}
