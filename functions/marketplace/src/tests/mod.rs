//! The marketplace as a frontend meets it: whole requests, from API Gateway's event to the wire, over a
//! real table and a real bucket.

mod buying;
mod finding;
mod selling;
mod shop;
mod trying;
