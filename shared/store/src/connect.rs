//! How the table is connected.

use std::any::Any;

use aws_sdk_dynamodb::Client;
use connect::{Aws, Connect, Environment, InitError, chain};
use tracing::warn;

use crate::table::Store;

const TABLE_NAME: &str = "TABLE_NAME";

/// Reads a key that never exists, to open the connection during initialization, when Lambda gives a
/// full processor and the TLS handshake is cheapest. An unreachable table does not stop the start:
/// the first request will report it. The client is kept when secrets are read again.
impl Connect for Store {
    fn variables() -> Vec<&'static str> {
        vec![TABLE_NAME]
    }
    async fn connect(env: &Environment, aws: &Aws) -> Result<Store, InitError> {
        let mut is_new = false;
        let client = aws.shared(|config| {
            is_new = true;
            Client::new(config)
        });
        let store = Store::new(client, env.text(TABLE_NAME)?.to_owned());
        if is_new && let Err(error) = store.warm_up().await {
            warn!(error = chain(&error), "table unreachable at start, starting anyway");
        }
        Ok(store)
    }
    fn table(&self) -> Option<&dyn Any> {
        Some(self)
    }
}
