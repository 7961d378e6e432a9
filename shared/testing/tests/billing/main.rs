//! Billing end to end: members, the deployed functions, and the sandbox's Stripe, in one process
//! and with one clock.
//!
//! Nothing is mocked: the functions are called as they are deployed, and their real client calls a
//! stateful Stripe, which emits signed events. Each test delivers them as it needs: once, twice,
//! never, in any order.
#![expect(clippy::unwrap_used, reason = "a missing value should fail the test")]

mod bank_failures;
mod checkouts;
mod crashes;
mod creator_debt;
mod customers;
mod disputes;
mod erasure;
mod fees;
mod follow_ups;
mod isolation;
mod ledger_audit;
mod long_runs;
mod lost_stream;
mod many_sales;
mod onboarding;
mod orders;
mod paid_sale;
mod payout_races;
mod payouts;
mod permutations;
mod plan_refunds;
mod purchases;
mod quarter;
mod reconcile;
mod refunds;
mod restored_table;
mod returned;
mod revenue;
mod rewards;
mod scaled;
mod subscriptions;
mod top_ups;
mod webhooks;
mod year;

use simulator::{billing_app, dice, marketplace};
