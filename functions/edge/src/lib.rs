//! The edge: authentication, health, and the webhooks of providers.

pub mod authorizer;
pub mod get_health;
mod signatures;
pub mod webhook_bria;
pub mod webhook_stripe;

use runtime::Function;

/// All functions of this crate, by name.
pub fn functions() -> Vec<Function> {
    vec![
        get_health::function(),
        webhook_bria::function(),
        webhook_stripe::function(),
        authorizer::function(),
    ]
}

#[cfg(test)]
mod tests;
