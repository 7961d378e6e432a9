//! The marketplace: listings, purchases, reviews, shared links and creators' earnings.

pub mod create_listing;
pub mod create_purchase;
pub mod create_review;
pub mod create_upload;
pub mod download_purchase;
pub mod flag_listing;
pub mod follow_share;
pub mod get_creator_listing;
pub mod get_creator_statement;
pub mod get_creator_stats;
pub mod get_listing;
pub mod get_upload;
pub mod list_creator_earnings;
pub mod list_creator_listings;
pub mod list_creator_payouts;
pub mod list_popular;
pub mod list_purchases;
pub mod list_reviews;
pub mod onboard_creator;
pub mod preview_listing;
mod purchase_page;
mod purchase_view;
pub mod refund_purchase;
mod render;
pub mod reply_to_review;
pub mod retire_listing;
mod search_index;
pub mod search_listings;
pub mod share_listing;
mod share_page;
mod statement;
pub mod submit_listing;
pub mod update_listing;
mod view;
mod view_counter;

use runtime::Function;

pub use list_popular::PopularCache;
pub use preview_listing::DemoCache;
pub use search_index::SearchIndex;
pub use view_counter::ViewCounter;

/// All functions of this crate, by name.
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
    Function::http(list_reviews::ENDPOINT, &list_reviews::handle),
    Function::http(reply_to_review::ENDPOINT, &reply_to_review::handle),
    Function::http(flag_listing::ENDPOINT, &flag_listing::handle),
    Function::http(share_listing::ENDPOINT, &share_listing::handle),
    Function::http(follow_share::ENDPOINT, &follow_share::handle),
    Function::http(create_purchase::ENDPOINT, &create_purchase::handle),
    Function::http(list_purchases::ENDPOINT, &list_purchases::handle),
    Function::http(download_purchase::ENDPOINT, &download_purchase::handle),
    Function::http(refund_purchase::ENDPOINT, &refund_purchase::handle),
    Function::http(create_review::ENDPOINT, &create_review::handle),
    Function::http(get_creator_stats::ENDPOINT, &get_creator_stats::handle),
    Function::http(list_creator_earnings::ENDPOINT, &list_creator_earnings::handle),
    Function::http(list_creator_payouts::ENDPOINT, &list_creator_payouts::handle),
    Function::http(get_creator_statement::ENDPOINT, &get_creator_statement::handle),
    Function::http(onboard_creator::ENDPOINT, &onboard_creator::handle),
];

#[cfg(test)]
mod tests;
