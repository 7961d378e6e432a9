//! The marketplace: made, looked at, found, tried, bought, used, reviewed, passed on.

mod buyer;
mod finding;
mod journey;
mod money;
mod seller;
mod sharing;
mod uploads;
