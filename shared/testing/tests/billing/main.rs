//! Billing end to end: members, the deployed functions, and the sandbox's Stripe, in one process
//! and with one clock.
//!
//! Nothing is mocked: requests take the functions' own dispatch and the real client to a stateful
//! Stripe, which emits signed events. Each test delivers them as it needs: once, twice, never, in
//! any order.
#![expect(clippy::unwrap_used, reason = "a missing value should fail the test")]

mod checkouts;
mod customers;
mod deaths;
mod disputes;
mod fees;
mod follow_ups;
mod isolation;
mod market;
mod orders;
mod payouts;
mod permutations;
mod plans_taken_back;
mod purchases;
mod quarter;
mod reconcile;
mod refunds;
mod revenue;
mod rewards;
mod scene;
mod stage;
mod subscriptions;
mod top_ups;
mod webhooks;
mod year;
