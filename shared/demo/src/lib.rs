//! The system as its users use it, over HTTP: a client, and a catalogue for a running stack.
//!
//! The binary is what `scripts/up` runs at its end. Never linked into a deployed function.
#![expect(clippy::expect_used, reason = "a broken demo should stop")]

pub mod api;
pub mod files;
pub mod seed;
