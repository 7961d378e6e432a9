//! What staff do: deciding on listings.

pub mod approve_listing;
pub mod delist_listing;
pub mod list_pending;
pub mod reject_listing;
mod view;

use runtime::Function;

/// Every function of this crate.
pub const FUNCTIONS: &[Function] = &[
    Function::http(list_pending::ENDPOINT, &list_pending::handle),
    Function::http(approve_listing::ENDPOINT, &approve_listing::handle),
    Function::http(reject_listing::ENDPOINT, &reject_listing::handle),
    Function::http(delist_listing::ENDPOINT, &delist_listing::handle),
];

#[cfg(test)]
mod tests;
