//! The edge: authentication, health, and the webhooks of providers.

pub mod authorizer;
pub mod get_health;
mod signatures;
pub mod webhook_bria;
pub mod webhook_stripe;

use runtime::Function;

/// All functions of this crate, by name.
pub const FUNCTIONS: &[Function] = &[
    Function::http(get_health::ENDPOINT, &get_health::handle),
    Function::http(webhook_bria::ENDPOINT, &webhook_bria::handle),
    Function::http(webhook_stripe::ENDPOINT, &webhook_stripe::handle),
    Function::authorizer(authorizer::WORKER, &authorizer::handle),
];

#[cfg(test)]
mod tests;
