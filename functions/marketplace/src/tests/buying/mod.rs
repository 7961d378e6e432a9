//! Buying and what follows from it. What costs something goes through Stripe, and is tested where
//! Stripe is (`testing/tests/billing`).

mod downloads;
mod earnings;
mod flags;
mod purchases;
mod reviews;
mod shares;
mod stage;
mod statements;
