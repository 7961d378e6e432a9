//! The edge: who calls, whether we are there, and what providers tell us.

pub mod authorizer;
pub mod get_health;
pub mod webhook_bria;
pub mod webhook_stripe;

use domain::Timestamp;
use runtime::{Function, Metrics};

/// Every function of this crate.
pub const FUNCTIONS: &[Function] = &[
    Function::http(get_health::ENDPOINT, &get_health::handle),
    Function::http(webhook_bria::ENDPOINT, &webhook_bria::handle),
    Function::http(webhook_stripe::ENDPOINT, &webhook_stripe::handle),
    Function::authorizer(authorizer::WORKER, &authorizer::handle),
];

/// Counts a notice whose signature is not accepted: after a rotation, all of them are not.
fn refused(now: Timestamp) {
    Metrics::at(now).count("WebhookSignaturesRefused", 1).emit();
}

#[cfg(test)]
mod tests;
