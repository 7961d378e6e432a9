//! What a member pays for and what is left of it.

pub mod get_credits;
pub mod list_plans;

use runtime::Function;

/// Every function of this crate.
pub const FUNCTIONS: &[Function] = &[
    Function::http(list_plans::ENDPOINT, &list_plans::handle),
    Function::http(get_credits::ENDPOINT, &get_credits::handle),
];

#[cfg(test)]
mod tests;
