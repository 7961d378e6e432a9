//! The marketplace: what creators sell, and what becomes of it.

mod buying_view;
pub mod create_purchase;
pub mod create_review;
pub mod download_purchase;
pub mod flag_listing;
pub mod follow_share;
pub mod get_creator_stats;
pub mod list_creator_earnings;
pub mod list_purchases;
pub mod list_reviews;
mod purchase_page;
pub mod reply_to_review;
pub mod share_listing;
mod share_page;

use runtime::Function;

/// Every function of this crate.
pub const FUNCTIONS: &[Function] = &[
    Function::http(list_reviews::ENDPOINT, &list_reviews::handle),
    Function::http(reply_to_review::ENDPOINT, &reply_to_review::handle),
    Function::http(flag_listing::ENDPOINT, &flag_listing::handle),
    Function::http(share_listing::ENDPOINT, &share_listing::handle),
    Function::http(follow_share::ENDPOINT, &follow_share::handle),
    Function::http(create_purchase::ENDPOINT, &create_purchase::handle),
    Function::http(list_purchases::ENDPOINT, &list_purchases::handle),
    Function::http(download_purchase::ENDPOINT, &download_purchase::handle),
    Function::http(create_review::ENDPOINT, &create_review::handle),
    Function::http(get_creator_stats::ENDPOINT, &get_creator_stats::handle),
    Function::http(list_creator_earnings::ENDPOINT, &list_creator_earnings::handle),
];

#[cfg(test)]
mod tests;
