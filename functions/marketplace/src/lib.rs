//! The marketplace: listings, purchases, reviews, shared links and creators' earnings.

pub mod create_listing;
pub mod create_purchase;
pub mod create_review;
pub mod create_upload;
mod demo_cache;
pub mod download_purchase;
pub mod flag_listing;
pub mod follow_share;
pub mod get_creator_listing;
pub mod get_creator_revenue;
pub mod get_creator_statement;
pub mod get_creator_stats;
pub mod get_listing;
pub mod get_purchase;
pub mod get_upload;
pub mod list_creator_earnings;
pub mod list_creator_listings;
pub mod list_creator_payouts;
pub mod list_popular;
pub mod list_purchases;
pub mod list_reviews;
pub mod list_rewards;
pub mod list_shares;
pub mod onboard_creator;
pub mod preview_listing;
pub mod preview_studio;
mod purchase_page;
mod purchase_view;
pub mod refund_purchase;
mod render;
pub mod reply_to_review;
pub mod retire_listing;
mod revenue_csv;
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

/// All functions of this crate, by name.
pub fn functions() -> Vec<Function> {
    vec![
        create_listing::function(),
        update_listing::function(),
        retire_listing::function(),
        submit_listing::function(),
        create_upload::function(),
        get_upload::function(),
        preview_listing::function(),
        preview_studio::function(),
        list_popular::function(),
        search_listings::function(),
        get_listing::function(),
        list_creator_listings::function(),
        get_creator_listing::function(),
        list_reviews::function(),
        reply_to_review::function(),
        flag_listing::function(),
        share_listing::function(),
        follow_share::function(),
        list_shares::function(),
        list_rewards::function(),
        create_purchase::function(),
        list_purchases::function(),
        get_purchase::function(),
        download_purchase::function(),
        refund_purchase::function(),
        create_review::function(),
        get_creator_stats::function(),
        list_creator_earnings::function(),
        list_creator_payouts::function(),
        get_creator_statement::function(),
        get_creator_revenue::function(),
        onboard_creator::function(),
    ]
}

#[cfg(test)]
mod tests;
