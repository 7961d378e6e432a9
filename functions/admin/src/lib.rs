//! Functions for staff: moderation of listings and members, refunds, ledger checks, metrics and the
//! audit log.

pub mod adjust_credits;
pub mod approve_listing;
pub mod audit_ledger;
pub mod ban_user;
pub mod delist_listing;
pub mod get_generation_stats;
pub mod get_report;
pub mod get_revenue_stats;
pub mod get_user;
pub mod list_audit;
pub mod list_flags;
pub mod list_pending;
pub mod list_refund_requests;
pub mod list_reports;
pub mod list_users;
mod member;
pub mod refund_purchase;
pub mod reject_listing;
pub mod resolve_flags;
pub mod unban_user;
pub mod update_limits;
mod view;

use runtime::Function;

/// All functions of this crate, by name.
pub const FUNCTIONS: &[Function] = &[
    Function::http(list_pending::ENDPOINT, &list_pending::handle),
    Function::http(approve_listing::ENDPOINT, &approve_listing::handle),
    Function::http(reject_listing::ENDPOINT, &reject_listing::handle),
    Function::http(delist_listing::ENDPOINT, &delist_listing::handle),
    Function::http(list_flags::ENDPOINT, &list_flags::handle),
    Function::http(resolve_flags::ENDPOINT, &resolve_flags::handle),
    Function::http(list_refund_requests::ENDPOINT, &list_refund_requests::handle),
    Function::http(refund_purchase::ENDPOINT, &refund_purchase::handle),
    Function::http(audit_ledger::ENDPOINT, &audit_ledger::handle),
    Function::http(get_revenue_stats::ENDPOINT, &get_revenue_stats::handle),
    Function::http(get_generation_stats::ENDPOINT, &get_generation_stats::handle),
    Function::http(list_reports::ENDPOINT, &list_reports::handle),
    Function::http(get_report::ENDPOINT, &get_report::handle),
    Function::http(list_users::ENDPOINT, &list_users::handle),
    Function::http(get_user::ENDPOINT, &get_user::handle),
    Function::http(adjust_credits::ENDPOINT, &adjust_credits::handle),
    Function::http(ban_user::ENDPOINT, &ban_user::handle),
    Function::http(unban_user::ENDPOINT, &unban_user::handle),
    Function::http(update_limits::ENDPOINT, &update_limits::handle),
    Function::http(list_audit::ENDPOINT, &list_audit::handle),
];

#[cfg(test)]
mod tests;
