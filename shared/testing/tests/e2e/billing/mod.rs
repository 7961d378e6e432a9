//! Plans, packs and their payments: Stripe's pages in a browser, its webhook, and the member's
//! view.
//!
//! All tests share the sandbox's Stripe account, so none moves its clock: they end the period of
//! one subscription instead.

mod buyer;
mod money_back;
mod packs;
mod plans;
pub(crate) mod stripe;
mod top_ups;
mod webhook;
