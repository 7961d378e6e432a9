//! The edge: health, tokens and the provider's webhooks.

mod authorizer;
mod health;
mod webhook_bria;
