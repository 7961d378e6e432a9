//! Plans, credits and invoices, tested with complete requests.

mod get_credits;
mod invoices;
mod list_plans;
