//! Plans, packs and the money behind them: Stripe's pages as a browser meets them, its webhook, and
//! what a member sees of it.
//!
//! All tests share the sandbox's one Stripe, so nothing here moves its clock: a period is ended for
//! one subscription alone.

mod buyer;
mod money_back;
mod packs;
mod plans;
pub(crate) mod stripe;
mod top_ups;
mod webhook;
