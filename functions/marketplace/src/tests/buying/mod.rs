//! Purchases and what follows from them. Paid ones go through Stripe, and are tested together with
//! it (`testing/tests/billing`).

mod downloads;
mod earnings;
mod flags;
mod purchases;
mod reviews;
mod shares;
mod stage;
mod statements;
