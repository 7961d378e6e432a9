//! Sets a Stripe account up for us: what is for sale, that its balance stays for creators, who is
//! told, and what the portal offers.
//!
//! What is wanted stands here as the JSON that Stripe answers with. What is there is looked at
//! first, and only what is missing or different is sent, so a second run changes nothing.

mod account;
mod goods;

use serde_json::{Map, Value};
use stripe_client_core::{RequestBuilder, StripeMethod};

use super::{Stripe, StripeError};
use crate::secrets::Secret;

/// What an account is to be set up for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// Where Stripe announces what happened; without one, no endpoint is looked at.
    pub webhook_url: Option<String>,
    /// Where Stripe announces what happened to creators' accounts; without one, no endpoint for
    /// those is looked at. It gets two, each with a secret of its own: one for the objects of such
    /// accounts, one for thin events about the accounts.
    pub connect_webhook_url: Option<String>,
    /// Where the portal's way back leads; without one, no portal is looked at.
    pub return_url: Option<String>,
    /// 128 bits of randomness. They keep the keys of this run from those of another: what somebody
    /// deleted since must be made again, and not found under an old key.
    pub run: u128,
}

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// What it is, for example `price prolight_pro_monthly`.
    pub what: String,
    /// Stripe's name for it.
    pub id: String,
    /// What was done.
    pub done: Done,
    /// The secret of an endpoint, which Stripe tells only when it makes one.
    pub secret: Option<Secret>,
}

/// What was done about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Done {
    /// Nothing: it was as it should be.
    Found,
    /// It was missing.
    Created,
    /// It was different.
    Changed,
}

impl Done {
    /// For people.
    pub fn as_str(self) -> &'static str {
        match self {
            Done::Found => "as it should be",
            Done::Created => "created",
            Done::Changed => "changed",
        }
    }
}

/// Looks at everything in turn and mends it. What was done before an error stays done, and a second
/// run goes on from there.
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

/// One run, and its way to Stripe.
struct Run<'a> {
    stripe: &'a Stripe,
    run: u128,
}

impl Run<'_> {
    /// One object.
    async fn get(&self, path: &str) -> Result<Value, StripeError> {
        let request = RequestBuilder::new(StripeMethod::Get, path);
        self.stripe.transport.json("look at the account", &request, None).await
    }

    /// The first page of a list, which is all of it in an account that is ours.
    async fn list(&self, path: &str, query: &Value) -> Result<Value, StripeError> {
        let request = RequestBuilder::new(StripeMethod::Get, path).query(query);
        self.stripe.transport.json("look at the account", &request, None).await
    }

    async fn post(&self, path: &str, form: &Value) -> Result<Value, StripeError> {
        let request = RequestBuilder::new(StripeMethod::Post, path).form(form);
        let key = self.key(path, form);
        self.stripe.transport.json("set the account up", &request, Some(&key)).await
    }

    /// All of a list of v2, with the parts of its items that are named.
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

/// Tells the requests of a run apart.
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

/// Whether `present` is as `wanted` in all that `wanted` speaks of. The order of texts in a list
/// does not count, as none of Stripe's does.
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
