//! The member's own account, and their webhooks.

pub mod create_appeal;
pub mod create_key;
pub mod create_webhook;
pub mod delete_key;
pub mod delete_me;
pub mod delete_webhook;
pub mod export_me;
pub mod get_key;
pub mod get_me;
pub mod get_webhook;
pub mod list_appeals;
pub mod list_keys;
pub mod list_webhook_deliveries;
pub mod list_webhooks;
pub mod redeliver_webhook;
pub mod rotate_webhook_secret;
pub mod test_webhook;
pub mod update_me;
pub mod update_webhook;
mod view;
mod webhook_view;

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
        create_webhook::function(),
        list_webhooks::function(),
        get_webhook::function(),
        update_webhook::function(),
        delete_webhook::function(),
        rotate_webhook_secret::function(),
        test_webhook::function(),
        list_webhook_deliveries::function(),
        redeliver_webhook::function(),
    ]
}

#[cfg(test)]
mod tests;
