//! The marketplace: what creators sell, and what becomes of it.

pub mod create_listing;
pub mod create_upload;
mod finder;
pub mod get_creator_listing;
pub mod get_listing;
pub mod get_upload;
pub mod list_creator_listings;
pub mod list_popular;
pub mod preview_listing;
mod render;
pub mod retire_listing;
pub mod search_listings;
pub mod submit_listing;
pub mod update_listing;
mod view;
mod visits;

use runtime::Function;

pub use finder::Finder;
pub use list_popular::Lists;
pub use preview_listing::Demos;
pub use visits::Visits;

/// Every function of this crate.
pub const FUNCTIONS: &[Function] = &[
    Function::http(create_listing::ENDPOINT, &create_listing::handle),
    Function::http(update_listing::ENDPOINT, &update_listing::handle),
    Function::http(retire_listing::ENDPOINT, &retire_listing::handle),
    Function::http(submit_listing::ENDPOINT, &submit_listing::handle),
    Function::http(create_upload::ENDPOINT, &create_upload::handle),
    Function::http(get_upload::ENDPOINT, &get_upload::handle),
    Function::http(preview_listing::ENDPOINT, &preview_listing::handle),
    Function::http(list_popular::ENDPOINT, &list_popular::handle),
    Function::http(search_listings::ENDPOINT, &search_listings::handle),
    Function::http(get_listing::ENDPOINT, &get_listing::handle),
    Function::http(list_creator_listings::ENDPOINT, &list_creator_listings::handle),
    Function::http(get_creator_listing::ENDPOINT, &get_creator_listing::handle),
];

#[cfg(test)]
mod tests;
