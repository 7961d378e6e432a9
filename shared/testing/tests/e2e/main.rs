//! The deployed system over HTTP, as a frontend meets it.
//!
//! Runs against the stack that `scripts/up` leaves running; `source .local/env` first. Which tests
//! fit depends on who draws: `studio::` is for the local renderer, the default, and holds all that
//! does not depend on it; `billing::`, `market::` and `staff::` are run with it too; `bria::` is for
//! `PROLIGHT_IMAGE_PROVIDER=bria ./scripts/up`. Every test brings members of its own, so they
//! run at the same time, and again.
#![expect(clippy::unwrap_used, reason = "a broken stack should stop the test")]

mod billing;
mod bria;
mod market;
mod member;
mod sandbox;
mod staff;
mod studio;
