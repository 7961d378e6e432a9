//! The numbers that can be stored: DynamoDB stores zero, and from 1e-130 to just below 1e126 on either
//! side of it.

/// Least distance from zero.
pub const LEAST: f64 = 1e-130;
/// Greatest distance from zero that we accept: a round number.
pub const GREATEST: f64 = 1e125;
