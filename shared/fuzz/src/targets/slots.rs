//! Templates: what is filled is a valid prompt with every value in it.

use std::collections::BTreeMap;

use domain::marketplace::{Kind, listing::content::Content};
use serde::Deserialize;
use serde_json::Value;

use crate::parts::assert_kept;

#[derive(Deserialize)]
struct Filling {
    content: Content,
    values: BTreeMap<String, String>,
}

/// A template and the values of its slots, as JSON.
pub(crate) fn read(input: &[u8]) -> bool {
    let Ok(Filling { content, values }) = serde_json::from_slice(input) else { return false };
    if content.validate(Kind::FiboTemplate).is_err() {
        return false;
    }
    assert_kept(&content);
    if let Ok(example) = content.example(&values) {
        assert!(example.slots.is_empty());
    }
    let Ok(filled) = content.fill(&values) else { return false };
    let filled = filled.expect("a template has a prompt");
    assert_eq!(filled.validate(), Ok(()));
    let filled = serde_json::to_value(filled).expect("a prompt is written");
    for slot in &content.slots {
        let value = values.get(&slot.name).or(slot.default.as_ref());
        let value = value.expect("a slot without a value is refused");
        assert!(says(&filled, value), "{value:?} is missing");
    }
    true
}

/// Whether a text of `json` contains `words`.
fn says(json: &Value, words: &str) -> bool {
    match json {
        Value::String(text) => text.contains(words),
        Value::Array(items) => items.iter().any(|item| says(item, words)),
        Value::Object(members) => members.values().any(|item| says(item, words)),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}
