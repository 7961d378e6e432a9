//! Purchases and what follows from them. Paid ones go through Stripe, and are tested together with
//! it (`testing/tests/billing`).

mod downloads;
mod earnings;
mod flags;
mod purchases;
mod reviews;
mod shares;
mod statements;
mod steps;

const PURCHASES: &str = "/api/v1/marketplace/purchases";
const REVIEWS: &str = "/api/v1/marketplace/reviews";
const STATS: &str = "/api/v1/marketplace/creator/stats";
const EARNINGS: &str = "/api/v1/marketplace/creator/earnings";
