//! What a member pays for and what is left of it.

pub mod get_credits;
pub mod list_plans;

use runtime::Endpoint;

/// Every endpoint of this crate.
pub const ENDPOINTS: &[Endpoint] = &[list_plans::ENDPOINT, get_credits::ENDPOINT];

#[cfg(test)]
mod tests;
