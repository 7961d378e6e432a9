//! Plans and credits, over whole requests.

mod get_credits;
mod list_plans;
