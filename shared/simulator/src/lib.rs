//! Looks for faults by search.
//!
//! A world is the whole product in one process: the deployed functions behind their real events,
//! the store on a real DynamoDB engine, queues, buckets, the sandbox's Stripe and Bria, and one
//! clock. A seed decides what its members, staff, banks and schedules do, and what goes wrong
//! meanwhile ([`program`]); two steps at once take turns at each request to the table. Then nothing
//! goes wrong any more for some days, after which everything must have come to an end and everybody
//! must have what Stripe says they paid for ([`search`]).
//!
//! [`scale`] has the scheduled functions do the work of a multiple of the base load.
//!
//! Never linked into a deployed function.
#![expect(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "a broken world should stop the search"
)]

pub mod billing_app;
mod check;
pub mod dice;
pub mod marketplace;
pub mod packs;
pub mod program;
pub mod scale;
pub mod search;
pub mod step;
mod world;

pub use check::findings;
