//! The deployed system over HTTP, as a frontend uses it.
//!
//! Runs against the stack that `scripts/up` starts; `source .local/env` first. The image provider
//! decides which tests apply: `studio::` needs the local renderer, the default, and covers
//! everything independent of the provider; `billing::`, `market::`, `staff::` and `matrix::` run with
//! it too; `bria::` needs `PROLIGHT_IMAGE_PROVIDER=bria ./scripts/up`. Every test creates its own
//! members, so tests run in parallel and repeatedly.
#![expect(clippy::unwrap_used, reason = "a broken stack should stop the test")]

mod billing;
mod bria;
mod market;
mod matrix;
mod member;
mod sandbox;
mod staff;
mod studio;
