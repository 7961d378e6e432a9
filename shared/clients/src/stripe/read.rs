//! Converts Stripe's values into ours, and builds the metadata that we read back.

use std::collections::HashMap;

use domain::{
    Timestamp,
    id::{InvalidId, OrderId, PurchaseId, UserId},
    money::{Currency, Money},
};
use serde::Deserialize;

use super::StripeError;

/// Metadata names of everything we create at Stripe.
pub(super) const USER_ID: &str = "user_id";
pub(super) const ORDER_ID: &str = "order_id";
pub(super) const PACK: &str = "pack";
pub(super) const PURCHASE_ID: &str = "purchase_id";
pub(super) const LISTING_ID: &str = "listing_id";

pub(super) const PAYOUT_ID: &str = "payout_id";
/// The idempotency key, which finds an object after Stripe has forgotten the key.
pub(super) const KEY: &str = "key";

/// A page of a list.
// Read from: list
#[derive(Deserialize)]
pub(super) struct List<T> {
    pub(super) data: Vec<T>,
    #[serde(default)]
    pub(super) has_more: bool,
}

/// The metadata of an object.
pub(super) type Metadata = HashMap<String, String>;

/// Metadata that names the member, and `more`.
pub(super) fn about(user: &UserId, more: &[(&str, &str)]) -> Metadata {
    let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    let mut metadata: Metadata = more.iter().map(owned).collect();
    metadata.insert(USER_ID.to_owned(), user.to_string());
    metadata
}

/// The member in the metadata, if any.
pub(super) fn user(metadata: Option<&Metadata>) -> Option<UserId> {
    UserId::parse(metadata?.get(USER_ID)?).ok()
}

/// The order in the metadata, if any.
pub(super) fn order(metadata: Option<&Metadata>) -> Option<OrderId> {
    OrderId::parse(metadata?.get(ORDER_ID)?).ok()
}

/// The purchase in the metadata, if any.
pub(super) fn purchase(metadata: Option<&Metadata>) -> Option<PurchaseId> {
    PurchaseId::parse(metadata?.get(PURCHASE_ID)?).ok()
}

/// An id in a response. An invalid one makes the whole response unreadable.
pub(super) fn id<T>(parsed: Result<T, InvalidId>) -> Result<T, StripeError> {
    parsed.map_err(|error| StripeError::unknown(format!("an id in the answer: {error}")))
}

/// An amount in minor units.
pub(super) fn money(amount: i64, of: &stripe_types::Currency) -> Result<Money, StripeError> {
    Ok(Money { amount, currency: currency(of)? })
}

/// A currency.
pub(super) fn currency(of: &stripe_types::Currency) -> Result<Currency, StripeError> {
    let code = of.to_string();
    Currency::parse(&code).map_err(|_| StripeError::unknown(format!("the currency {code}")))
}

/// A time in whole seconds, as all of Stripe's are.
pub(super) fn time(secs: stripe_types::Timestamp) -> Timestamp {
    Timestamp::from_secs(secs)
}
