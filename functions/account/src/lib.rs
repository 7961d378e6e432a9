//! The member's own account.

pub mod create_appeal;
pub mod create_key;
pub mod delete_key;
pub mod delete_me;
pub mod export_me;
pub mod get_key;
pub mod get_me;
pub mod list_appeals;
pub mod list_keys;
pub mod update_me;
mod view;

use runtime::Function;

/// All functions of this crate, by name.
pub fn functions() -> Vec<Function> {
    vec![
        get_me::function(),
        update_me::function(),
        export_me::function(),
        delete_me::function(),
        create_key::function(),
        list_keys::function(),
        get_key::function(),
        delete_key::function(),
        create_appeal::function(),
        list_appeals::function(),
    ]
}

#[cfg(test)]
mod tests;
