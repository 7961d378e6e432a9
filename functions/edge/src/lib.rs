//! The edge: authentication, health, and the webhooks of providers.

pub mod authorizer;
pub mod get_config;
pub mod get_docs;
pub mod get_docs_file;
pub mod get_health;
pub mod get_openapi;
pub mod get_problem;
mod signatures;
pub mod webhook_bria;
pub mod webhook_stripe;

use runtime::Function;

/// All functions of this crate, by name.
pub fn functions() -> Vec<Function> {
    vec![
        get_health::function(),
        get_config::function(),
        get_openapi::function(),
        get_docs::function(),
        get_docs_file::function(),
        get_problem::function(),
        webhook_bria::function(),
        webhook_stripe::function(),
        authorizer::function(),
    ]
}

#[cfg(test)]
mod tests;
