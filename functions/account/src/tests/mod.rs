//! The member's own account, tested with complete requests.

mod appeals;
mod delete_me;
mod export_me;
mod get_me;
mod keys;
mod rates;
mod update_me;
mod webhooks;

use testing::TestApp;

fn account_app() -> TestApp {
    TestApp::serving(&[crate::functions])
}
