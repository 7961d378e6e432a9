//! Plans and credits, tested with complete requests.

mod get_credits;
mod list_plans;
