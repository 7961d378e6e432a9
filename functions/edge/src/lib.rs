//! The edge: who calls, whether we are there, and what providers tell us.

pub mod authorizer;
pub mod get_health;
pub mod webhook_bria;

use runtime::Endpoint;

/// Every endpoint of this crate.
pub const ENDPOINTS: &[Endpoint] = &[get_health::ENDPOINT, webhook_bria::ENDPOINT];

#[cfg(test)]
mod tests;
