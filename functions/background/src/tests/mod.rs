//! The workers on the whole path: from a member's POST through stream, queue, provider and bucket
//! to the settled credit, with and without faults.
//!
//! AWS is in this process, the provider is the sandbox with injected faults, and the test controls
//! the clock. Every test ends with a check of the ledger.

mod bria_sandbox;
mod crashes;
mod dead_letters;
mod erasing;
mod faults;
mod indexing;
mod messages;
mod outgoing;
mod paths;
mod pictures;
mod relay;
mod reports;
mod runs;
mod submissions;
mod sweep;
mod uploads;
mod verify_audit;
mod webhooks;
mod worker_app;
