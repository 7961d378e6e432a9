//! The edge: authentication, health, and the webhooks of providers.

pub mod authorizer;
pub mod get_health;
pub mod webhook_bria;
pub mod webhook_stripe;

use domain::Timestamp;
use runtime::{Function, Metrics};

/// All functions of this crate, by name.
pub const FUNCTIONS: &[Function] = &[
    Function::http(get_health::ENDPOINT, &get_health::handle),
    Function::http(webhook_bria::ENDPOINT, &webhook_bria::handle),
    Function::http(webhook_stripe::ENDPOINT, &webhook_stripe::handle),
    Function::authorizer(authorizer::WORKER, &authorizer::handle),
];

/// Counts a webhook with an invalid signature: after a faulty rotation, all of them are invalid.
fn refused(now: Timestamp) {
    Metrics::at(now).count("WebhookSignaturesRefused", 1).emit();
}

#[cfg(test)]
mod tests;
