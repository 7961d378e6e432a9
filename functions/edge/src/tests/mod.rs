//! The edge: health, tokens and the provider's notices.

mod authorizer;
mod health;
mod webhook_bria;
