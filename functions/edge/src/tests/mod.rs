//! The edge: health, tokens and the provider's webhooks.

mod authorizer;
mod config;
mod docs;
mod health;
mod webhook_bria;
