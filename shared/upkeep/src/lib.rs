//! Programs for the operator that read or change the table as a whole. No function is made of this
//! crate, and it is the only one that scans.
//!
//! * [`verify`]: proves that what is stored follows from its entries (`scripts/verify`).
//! * [`put_back`]: makes the table equal to one that was restored (`scripts/restore`).
//! * [`migrate`]: changes every item that a migration is about (`scripts/migrate`).
//!
//! They go through the table in pages, a page at a time, so a table of any size needs little memory.

pub mod migrate;
pub mod progress;
pub mod put_back;
pub mod table;
pub mod verify;
