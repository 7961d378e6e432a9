//! Purchases and what follows from them. Paid ones go through Stripe, and are tested together with
//! it (`testing/tests/billing`).

mod downloads;
mod earnings;
mod flags;
mod purchases;
mod revenue;
mod reviews;
mod shares;
mod statements;
mod steps;

const PURCHASES: &str = "/api/v1/marketplace/purchases";
const REVIEWS: &str = "/api/v1/marketplace/reviews";
const STATS: &str = "/api/v1/marketplace/creator/stats";
const SHARES: &str = "/api/v1/marketplace/shares";
const REWARDS: &str = "/api/v1/marketplace/rewards";
const EARNINGS: &str = "/api/v1/marketplace/creator/earnings";
