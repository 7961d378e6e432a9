//! One run of the setup: its requests, and what it reports.

use serde_json::{Map, Value};
use sha2::{Digest, Sha256};
use stripe_client_core::{RequestBuilder, StripeMethod};

use super::super::{Stripe, StripeError};
use crate::secrets::Secret;

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
#[derive(Debug, Clone, Copy, PartialEq, Eq, strum::IntoStaticStr)]
#[strum(serialize_all = "snake_case", const_into_str)]
pub enum Done {
    /// Nothing: it was correct.
    #[strum(serialize = "unchanged")]
    Found,
    /// It was missing.
    Created,
    /// It was different.
    Changed,
}

/// One run, with its client.
pub(super) struct Run<'a> {
    pub(super) stripe: &'a Stripe,
    pub(super) run: u128,
}

impl Run<'_> {
    /// Retrieves one object.
    pub(super) async fn get(&self, path: &str) -> Result<Value, StripeError> {
        let request = RequestBuilder::new(StripeMethod::Get, path);
        self.stripe.transport.json("look at the account", &request, None).await
    }

    /// The first page of a list, which is the whole list in an account of ours.
    pub(super) async fn list(&self, path: &str, query: &Value) -> Result<Value, StripeError> {
        let request = RequestBuilder::new(StripeMethod::Get, path).query(query);
        self.stripe.transport.json("look at the account", &request, None).await
    }

    pub(super) async fn post(&self, path: &str, form: &Value) -> Result<Value, StripeError> {
        let request = RequestBuilder::new(StripeMethod::Post, path).form(form);
        let key = self.key(path, form);
        self.stripe.transport.json("set the account up", &request, Some(&key)).await
    }

    /// All pages of a v2 list, with the named parts of its items.
    pub(super) async fn list_v2(
        &self,
        path: &str,
        parts: &[&str],
    ) -> Result<Vec<Value>, StripeError> {
        self.stripe.transport.list_v2("look at the account", path, parts).await
    }

    pub(super) async fn post_v2(&self, path: &str, body: &Value) -> Result<Value, StripeError> {
        let key = self.key(path, body);
        self.stripe.transport.act_v2("set the account up", path, body, &key).await
    }

    fn key(&self, path: &str, sent: &Value) -> String {
        format!("setup:{:032x}:{path}:{}", self.run, digest(sent))
    }
}

/// Distinguishes the requests of a run.
fn digest(form: &Value) -> String {
    hex::encode(&Sha256::digest(form.to_string())[..8])
}

/// A row about `object`.
pub(super) fn row(what: impl Into<String>, object: &Value, done: Done) -> Row {
    Row { what: what.into(), id: text(object, "id").to_owned(), done, secret: None }
}

pub(super) fn text<'a>(object: &'a Value, name: &str) -> &'a str {
    object.get(name).and_then(Value::as_str).unwrap_or_default()
}

pub(super) fn items(list: &Value) -> &[Value] {
    list.get("data").and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// Whether `present` equals `wanted` in all members of `wanted`. The order of strings in a list is
/// ignored, as it has no meaning in Stripe's lists.
pub(super) fn is_as(present: &Value, wanted: &Value) -> bool {
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
