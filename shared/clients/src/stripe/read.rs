//! Reading Stripe's values into ours, and writing the metadata that we read back.

use std::collections::HashMap;

use domain::{
    Timestamp,
    id::{InvalidId, OrderId, PurchaseId, UserId},
    money::{Currency, Money},
};

use super::StripeError;

/// Names in the metadata of everything we make at Stripe.
pub(super) const USER_ID: &str = "user_id";
pub(super) const ORDER_ID: &str = "order_id";
pub(super) const PACK: &str = "pack";
pub(super) const PURCHASE_ID: &str = "purchase_id";
pub(super) const LISTING_ID: &str = "listing_id";

pub(super) const PAYOUT_ID: &str = "payout_id";
/// The name of an action, where it must be found again after the key it was sent under is forgotten.
pub(super) const KEY: &str = "key";

/// Free text that Stripe keeps with an object.
pub(super) type Metadata = HashMap<String, String>;

/// Metadata that says whose something is, and `more` of it.
pub(super) fn about(user: &UserId, more: &[(&str, &str)]) -> Metadata {
    let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    let mut metadata: Metadata = more.iter().map(owned).collect();
    metadata.insert(USER_ID.to_owned(), user.to_string());
    metadata
}

/// OwnerRef it is, if it says so.
pub(super) fn user(metadata: Option<&Metadata>) -> Option<UserId> {
    UserId::parse(metadata?.get(USER_ID)?).ok()
}

/// Which order it belongs to, if it says so.
pub(super) fn order(metadata: Option<&Metadata>) -> Option<OrderId> {
    OrderId::parse(metadata?.get(ORDER_ID)?).ok()
}

/// Which purchase of a listing it belongs to, if it says so.
pub(super) fn purchase(metadata: Option<&Metadata>) -> Option<PurchaseId> {
    PurchaseId::parse(metadata?.get(PURCHASE_ID)?).ok()
}

/// An id in an answer. One that we cannot keep makes the whole answer one that we cannot read.
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

/// A time in whole seconds, as Stripe's all are.
pub(super) fn time(secs: stripe_types::Timestamp) -> Timestamp {
    Timestamp::from_secs(secs)
}
