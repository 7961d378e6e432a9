//! Sets up a Stripe account: prices, a manual payout schedule that leaves its balance for creators,
//! webhooks, and the customer portal.
//!
//! The wanted state is written as the JSON that Stripe answers with. The present state is read
//! first, and only differences are sent, so a second run changes nothing.

mod account;
mod goods;

use serde_json::{Map, Value};
use stripe_client_core::{RequestBuilder, StripeMethod};

use super::{Stripe, StripeError};
use crate::secrets::Secret;

/// What to set up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// The URL of the platform's webhook; `None` skips it.
    pub webhook_url: Option<String>,
    /// The URL of the webhook for connected accounts; `None` skips it. It gets two endpoints, each
    /// with its own secret: one for the objects of such accounts, one for thin events about the
    /// accounts.
    pub connect_webhook_url: Option<String>,
    /// The return URL of the portal; `None` skips the portal.
    pub return_url: Option<String>,
    /// 128 random bits. They make this run's idempotency keys unique: an object that was deleted
    /// since must be created again, not replayed under an old key.
    pub run: u128,
}

/// One object that was checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// Its description, for example `price prolight_pro_monthly`.
    pub what: String,
    /// Stripe's id.
    pub id: String,
    /// What was done.
    pub done: Done,
    /// The signing secret of an endpoint, which Stripe returns only on creation.
    pub secret: Option<Secret>,
}

/// What was done with an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Done {
    /// Nothing: it was correct.
    Found,
    /// It was missing.
    Created,
    /// It was different.
    Changed,
}

impl Done {
    /// A text for people.
    pub fn as_str(self) -> &'static str {
        match self {
            Done::Found => "unchanged",
            Done::Created => "created",
            Done::Changed => "changed",
        }
    }
}

/// Checks every object in turn and corrects it. What was done before an error stays done, and a
/// second run continues.
///
/// # Errors
/// See [`StripeError`].
pub async fn set_up(stripe: &Stripe, wanted: &Wanted) -> Result<Vec<Row>, StripeError> {
    let run = Run { stripe, run: wanted.run };
    let mut rows = goods::set_up(&run).await?;
    rows.push(account::payouts(&run).await?);
    if let Some(url) = &wanted.webhook_url {
        rows.push(account::endpoint(&run, url).await?);
    }
    if let Some(url) = &wanted.connect_webhook_url {
        rows.push(account::connect_endpoint(&run, url).await?);
        rows.push(account::destination(&run, url).await?);
    }
    if let Some(url) = &wanted.return_url {
        rows.push(account::portal(&run, url).await?);
    }
    stripe.catalogue.forget().await;
    Ok(rows)
}

/// One run, with its client.
struct Run<'a> {
    stripe: &'a Stripe,
    run: u128,
}

impl Run<'_> {
    /// Retrieves one object.
    async fn get(&self, path: &str) -> Result<Value, StripeError> {
        let request = RequestBuilder::new(StripeMethod::Get, path);
        self.stripe.transport.json("look at the account", &request, None).await
    }

    /// The first page of a list, which is the whole list in an account of ours.
    async fn list(&self, path: &str, query: &Value) -> Result<Value, StripeError> {
        let request = RequestBuilder::new(StripeMethod::Get, path).query(query);
        self.stripe.transport.json("look at the account", &request, None).await
    }

    async fn post(&self, path: &str, form: &Value) -> Result<Value, StripeError> {
        let request = RequestBuilder::new(StripeMethod::Post, path).form(form);
        let key = self.key(path, form);
        self.stripe.transport.json("set the account up", &request, Some(&key)).await
    }

    /// All pages of a v2 list, with the named parts of its items.
    async fn list_v2(&self, path: &str, parts: &[&str]) -> Result<Vec<Value>, StripeError> {
        self.stripe.transport.list_v2("look at the account", path, parts).await
    }

    async fn post_v2(&self, path: &str, body: &Value) -> Result<Value, StripeError> {
        let key = self.key(path, body);
        self.stripe.transport.act_v2("set the account up", path, body, &key).await
    }

    fn key(&self, path: &str, sent: &Value) -> String {
        format!("setup:{:032x}:{path}:{}", self.run, digest(sent))
    }
}

/// Distinguishes the requests of a run.
fn digest(form: &Value) -> String {
    use sha2::{Digest, Sha256};
    let digest = Sha256::digest(form.to_string());
    digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

/// A row about `object`.
fn row(what: impl Into<String>, object: &Value, done: Done) -> Row {
    Row { what: what.into(), id: text(object, "id").to_owned(), done, secret: None }
}

fn text<'a>(object: &'a Value, name: &str) -> &'a str {
    object.get(name).and_then(Value::as_str).unwrap_or_default()
}

fn items(list: &Value) -> &[Value] {
    list.get("data").and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// Whether `present` equals `wanted` in all members of `wanted`. The order of strings in a list is
/// ignored, as it has no meaning in Stripe's lists.
fn is_as(present: &Value, wanted: &Value) -> bool {
    match (present, wanted) {
        (Value::Object(present), Value::Object(wanted)) => holds(present, wanted),
        (Value::Array(present), Value::Array(wanted)) => {
            let found = |wanted: &Value| present.iter().any(|present| is_as(present, wanted));
            present.len() == wanted.len() && wanted.iter().all(found)
        }
        (present, wanted) => present == wanted,
    }
}

fn holds(present: &Map<String, Value>, wanted: &Map<String, Value>) -> bool {
    let found = |(name, wanted): (&String, &Value)| {
        present.get(name).is_some_and(|present| is_as(present, wanted))
    };
    wanted.iter().all(found)
}
