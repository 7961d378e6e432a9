//! The member's own account.

pub mod delete_me;
pub mod export_me;
pub mod get_me;
pub mod update_me;
mod view;

use runtime::Function;

/// All functions of this crate, by name.
pub const FUNCTIONS: &[Function] = &[
    Function::http(get_me::ENDPOINT, &get_me::handle),
    Function::http(update_me::ENDPOINT, &update_me::handle),
    Function::http(export_me::ENDPOINT, &export_me::handle),
    Function::http(delete_me::ENDPOINT, &delete_me::handle),
];

#[cfg(test)]
mod tests;
