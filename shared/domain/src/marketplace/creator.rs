//! Creators' money: what they are owed, and how they are paid.
//!
//! * [`sale`]: a purchase on the creator's side, held, then payable;
//! * [`journal`]: the double-entry ledger, in which every posting has a [`cause`]; [`balance`]: its
//!   sums, and other totals of a creator;
//! * [`payee`] and [`payout`]: to whom and how creators are paid, with an [`attempt`] at each
//!   Stripe request that must happen once;
//! * [`statement`]: a creator's monthly statement; [`revenue`]: their sales by day and listing.

pub mod attempt;
pub mod balance;
pub mod cause;
pub mod journal;
pub mod payee;
pub mod payout;
pub mod revenue;
pub mod sale;
pub mod statement;
