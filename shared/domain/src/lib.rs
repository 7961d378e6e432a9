//! The business rules of ProLight AI, and nothing else.
//!
//! Everything here is pure: no IO, no async, no clock, no randomness, no environment. Time and new
//! ids are arguments, so every rule can be read and tested on its own. The other crates carry out
//! its decisions and make none of their own.

pub mod account;
pub mod appeal;
pub mod audit;
pub mod billing;
pub mod camera;
pub mod country;
pub mod credits;
pub mod erasure;
pub mod error;
pub mod fibo;
pub mod generation;
pub mod id;
pub mod image;
pub mod lighting;
pub mod marketplace;
pub mod metrics;
pub mod money;
pub mod number;
pub mod offer;
pub mod pack;
pub mod plan;
pub mod preset;
pub mod ratio;
mod schema;
pub mod text;
pub mod time;
pub mod webhook;

pub use error::{DomainError, ErrorKind, FieldError};
pub use time::Timestamp;
