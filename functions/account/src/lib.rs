//! The member's own account.

pub mod get_me;
pub mod update_me;
mod view;

use runtime::Function;

/// Every function of this crate.
pub const FUNCTIONS: &[Function] = &[
    Function::http(get_me::ENDPOINT, &get_me::handle),
    Function::http(update_me::ENDPOINT, &update_me::handle),
];

#[cfg(test)]
mod tests;
