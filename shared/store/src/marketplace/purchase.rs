//! Purchases, and what their payments change.

mod licences;
mod purchases;
mod update;

pub(crate) use licences::Licensed;
pub use purchases::PurchaseRecord;
