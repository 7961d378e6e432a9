//! The marketplace: publishing, browsing, searching, live demos, purchases, use, reviews, sharing.

mod buyer;
mod finding;
mod journey;
mod money;
pub(crate) mod seller;
mod sharing;
mod uploads;
