//! Members and visitors, through the functions' own dispatch, over a real table and a real bucket.

mod finding;
mod selling;
mod shop;
mod trying;
