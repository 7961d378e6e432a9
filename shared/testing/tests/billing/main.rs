//! Billing as a whole: members, the deployed functions, and Stripe's side of it in the sandbox, in
//! one process and under one clock.
//!
//! Nothing here is mocked: requests go through the functions' own dispatch and the real client to a
//! stateful Stripe; what happens there comes back as signed events, which each test delivers as it
//! pleases: once, twice, never, in any order.
#![expect(clippy::unwrap_used, reason = "what is not where it belongs fails its test")]

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
