//! Shapes of stored and returned documents, as names and types: the contract that renames in the
//! code must not change.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

/// Paths into documents of several kinds, each with the types seen there, and for short words the
/// values.
#[derive(Default)]
pub(crate) struct Shapes(BTreeMap<String, BTreeSet<String>>);

impl Shapes {
    /// Adds a document of one kind.
    pub(crate) fn add(&mut self, kind: &str, document: &Value) {
        match document {
            Value::Object(members) => {
                for (name, value) in members {
                    self.add(&format!("{kind}.{}", plain(name)), value);
                }
            }
            Value::Array(values) => values.iter().for_each(|it| self.add(&format!("{kind}[]"), it)),
            leaf @ (Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_)) => {
                let seen = described(kind, leaf);
                self.0.entry(kind.to_owned()).or_default().insert(seen);
            }
        }
    }

    /// Adds an item in DynamoDB's notation. Its kind is its key prefix.
    pub(crate) fn add_item(&mut self, item: &Value) {
        let part = |name: &str| {
            let key = item[name]["S"].as_str().unwrap_or_default();
            let begins = key.split('#').next().unwrap_or_default();
            if begins == key && key.contains(|it: char| !it.is_ascii_uppercase()) {
                return "*".to_owned();
            }
            begins.to_owned()
        };
        self.add(&format!("{}/{}", part("pk"), part("sk")), item);
    }
}

impl std::fmt::Display for Shapes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.iter().try_for_each(|(path, seen)| {
            let seen: Vec<&str> = seen.iter().map(String::as_str).collect();
            writeln!(f, "{path}: {}", seen.join(" "))
        })
    }
}

/// A name that is data, such as a day or an id, becomes `*`.
fn plain(name: &str) -> &str {
    let is_data = name.contains(|it: char| it.is_ascii_digit() || it == '|') && name.len() > 5;
    if is_data { "*" } else { name }
}

/// Members whose values are enumerations.
const CLOSED: [&str; 10] =
    ["state", "status", "kind", "type", "plan", "role", "action", "source", "reason", "currency"];

fn described(path: &str, leaf: &Value) -> String {
    let mut names = path.rsplit('.').filter(|name| name.len() > 1);
    let is_closed = names.next().is_some_and(|name| CLOSED.contains(&name));
    let is_word = |text: &str| {
        (2..40).contains(&text.len())
            && text.bytes().all(|it| it.is_ascii_lowercase() || it == b'_')
            && (is_closed || text.contains('_'))
    };
    match leaf {
        Value::Null => "null".to_owned(),
        Value::Bool(_) => "boolean".to_owned(),
        Value::Number(_) => "number".to_owned(),
        Value::String(text) if is_word(text) => format!("\"{text}\""),
        Value::String(_) | Value::Array(_) | Value::Object(_) => "text".to_owned(),
    }
}
