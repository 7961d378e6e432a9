//! Billing: plans, packs, credits, invoices.

pub mod cancel_subscription;
pub mod document;
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
pub const FUNCTIONS: &[Function] = &[
    Function::http(list_plans::ENDPOINT, &list_plans::handle),
    Function::http(get_credits::ENDPOINT, &get_credits::handle),
    Function::http(get_usage::ENDPOINT, &get_usage::handle),
    Function::http(open_checkout::ENDPOINT, &open_checkout::handle),
    Function::http(open_portal::ENDPOINT, &open_portal::handle),
    Function::http(get_subscription::ENDPOINT, &get_subscription::handle),
    Function::http(cancel_subscription::ENDPOINT, &cancel_subscription::handle),
    Function::http(update_top_up::ENDPOINT, &update_top_up::handle),
    Function::http(list_invoices::ENDPOINT, &list_invoices::handle),
    Function::http(get_invoice_pdf::ENDPOINT, &get_invoice_pdf::handle),
];

#[cfg(test)]
mod tests;
