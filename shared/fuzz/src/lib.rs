//! Looks for inputs that what reads untrusted bytes does not bear.
//!
//! A [`Target`] is code that reads untrusted bytes, and what must hold whatever they are: it
//! does not panic, what it accepts is what it says, and what it writes it reads again. Inputs are
//! mutations of a corpus ([`Target::mutated`]), each named by its number. One that fails is made
//! small and kept in the corpus, which the tests replay.
//!
//! Never linked into a deployed function.
#![expect(clippy::expect_used, reason = "what does not hold should stop the search")]

mod mutation;
mod parts;
mod target;
mod targets;
#[cfg(test)]
mod tests;

pub use target::{TRIED, Target, catch_panics};
pub use targets::{TARGETS, named};
