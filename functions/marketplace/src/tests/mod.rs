//! Members and visitors, through the functions' own dispatch, over a real table and a real bucket.

mod bad_days;
mod finding;
mod popular;
mod selling;
mod shop;
mod trying;
mod uploads;
