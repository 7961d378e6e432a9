//! Functions for staff: moderation of listings and members, refunds, ledger checks, metrics and the
//! audit log.

pub mod adjust_credits;
pub mod approve_listing;
pub mod audit_ledger;
pub mod ban_user;
mod decider;
pub mod decline_refund;
pub mod delist_listing;
pub mod get_generation_stats;
pub mod get_report;
pub mod get_revenue_stats;
pub mod get_user;
pub mod list_appeals;
pub mod list_audit;
pub mod list_flags;
pub mod list_generations;
pub mod list_listings;
pub mod list_payouts;
pub mod list_pending;
pub mod list_purchases;
pub mod list_refund_requests;
pub mod list_reports;
pub mod list_users;
mod member;
pub mod record_paid_back;
pub mod refund_purchase;
pub mod reject_listing;
pub mod remove_review;
pub mod resolve_appeal;
pub mod resolve_flags;
pub mod unban_user;
pub mod update_limits;
mod view;

use runtime::Function;

/// All functions of this crate, by name.
pub fn functions() -> Vec<Function> {
    vec![
        list_pending::function(),
        approve_listing::function(),
        reject_listing::function(),
        delist_listing::function(),
        list_flags::function(),
        resolve_flags::function(),
        list_refund_requests::function(),
        refund_purchase::function(),
        decline_refund::function(),
        record_paid_back::function(),
        audit_ledger::function(),
        get_revenue_stats::function(),
        get_generation_stats::function(),
        list_reports::function(),
        get_report::function(),
        list_users::function(),
        get_user::function(),
        adjust_credits::function(),
        ban_user::function(),
        unban_user::function(),
        update_limits::function(),
        list_audit::function(),
        list_listings::function(),
        list_purchases::function(),
        list_payouts::function(),
        list_generations::function(),
        remove_review::function(),
        list_appeals::function(),
        resolve_appeal::function(),
    ]
}

#[cfg(test)]
mod tests;
