//! The portal's configuration: ours is found by its mark.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};
use stripe_client_core::{RequestBuilder, StripeMethod};
use tokio::sync::OnceCell;

use super::{
    StripeError,
    transport::{PAGE_SIZE, Transport},
};

/// The metadata that marks a configuration as ours: name and value.
pub(super) const MARK: (&str, &str) = ("prolight", "portal");

/// The configuration that [`super::setup`] made, fetched once per process. Without one, Stripe uses
/// the account's default.
#[derive(Default)]
pub(super) struct Portal(OnceCell<String>);

impl Portal {
    pub(super) async fn configuration(
        &self,
        transport: &Transport,
    ) -> Result<Option<String>, StripeError> {
        if let Some(known) = self.0.get() {
            return Ok(Some(known.clone()));
        }
        let found = find(transport).await?.map(|configuration| configuration.id);
        if let Some(id) = &found {
            // A concurrent call may have stored the same one.
            self.0.set(id.clone()).ok();
        }
        Ok(found)
    }
}

/// A portal configuration, as far as we read it.
// Read from: billing_portal.configuration
#[derive(Deserialize)]
pub(super) struct Configuration {
    pub(super) id: String,
    metadata: Option<HashMap<String, String>>,
    /// The other members.
    #[serde(flatten)]
    pub(super) rest: serde_json::Value,
}

/// Our configuration, if it exists.
pub(super) async fn find(transport: &Transport) -> Result<Option<Configuration>, StripeError> {
    #[derive(Serialize)]
    struct Wanted {
        active: &'static str,
        limit: i64,
        expand: [&'static str; 1],
    }
    // Read from: list
    #[derive(Deserialize)]
    struct Found {
        data: Vec<Configuration>,
    }
    let wanted = Wanted {
        active: "true",
        limit: PAGE_SIZE,
        expand: ["data.features.subscription_update.products"],
    };
    let path = "/billing_portal/configurations";
    let request = RequestBuilder::new(StripeMethod::Get, path).query(&wanted);
    let found: Found = transport.json("list portal configurations", &request, None).await?;
    let (name, value) = MARK;
    let is_ours = |configuration: &Configuration| {
        let mark = configuration.metadata.as_ref().and_then(|metadata| metadata.get(name));
        mark.is_some_and(|mark| mark == value)
    };
    Ok(found.data.into_iter().find(is_ours))
}
