//! The marketplace: made, looked at, found, tried, bought, used, reviewed, passed on.

mod buyer;
mod finding;
mod journey;
mod money;
pub(crate) mod seller;
mod sharing;
mod uploads;
