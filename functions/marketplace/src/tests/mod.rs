//! The marketplace, tested with complete requests, from API Gateway's event to the response, over a
//! real table and a real bucket.

mod bad_days;
mod buying;
mod finding;
mod popular;
mod selling;
mod shop;
mod trying;
mod uploads;
