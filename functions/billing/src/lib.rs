//! Billing: plans, packs, credits, invoices.

pub mod cancel_subscription;
pub mod document;
pub mod get_checkout;
pub mod get_credits;
pub mod get_invoice_pdf;
pub mod get_subscription;
pub mod get_usage;
pub mod list_invoices;
pub mod list_plans;
pub mod open_checkout;
pub mod open_portal;
mod pack_page;
mod pages;
mod plan_page;
pub mod update_top_up;
pub mod view;

use runtime::Function;

/// All functions of this crate, by name.
pub fn functions() -> Vec<Function> {
    vec![
        list_plans::function(),
        get_credits::function(),
        get_usage::function(),
        open_checkout::function(),
        get_checkout::function(),
        open_portal::function(),
        get_subscription::function(),
        cancel_subscription::function(),
        update_top_up::function(),
        list_invoices::function(),
        get_invoice_pdf::function(),
    ]
}

#[cfg(test)]
mod tests;
