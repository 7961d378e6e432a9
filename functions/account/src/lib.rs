//! The member's own account.

pub mod get_me;
pub mod update_me;
mod view;

use runtime::Endpoint;

/// Every endpoint of this crate.
pub const ENDPOINTS: &[Endpoint] = &[get_me::ENDPOINT, update_me::ENDPOINT];

#[cfg(test)]
mod tests;
