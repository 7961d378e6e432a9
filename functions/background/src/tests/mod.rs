//! The workers on the whole path: from a member's POST through stream, queue, provider and bucket
//! to the settled credit, with and without faults.
//!
//! The table is a real engine in this process, S3 is the local cloud's, the provider is the sandbox
//! with injected faults, and the test controls the clock. Every test ends with a check of the
//! ledger.

mod crashes;
mod dead_letters;
mod faults;
mod indexing;
mod messages;
mod notices;
mod outside;
mod paths;
mod pictures;
mod queue;
mod relay;
mod reports;
mod stage;
mod sweep;
mod uploads;
mod verify_audit;
