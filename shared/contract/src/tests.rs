//! The committed document is that of the code, and complete.

use std::fs;

use serde_json::Value;

use super::{document::document, path};

#[test]
fn the_document_is_current() {
    let committed = fs::read_to_string(path()).unwrap_or_default();
    let current = document().unwrap();
    assert!(committed == current, "run `cargo run -p contract`, and commit openapi.json");
}

/// Every schema has a name of its own: two types of one name would be `Item` and `Item2`.
#[test]
fn names_of_schemas_are_unique() {
    let document: Value = serde_json::from_str(&document().unwrap()).unwrap();
    let schemas = document["components"]["schemas"].as_object().unwrap();
    let numbered: Vec<&String> =
        schemas.keys().filter(|name| name.ends_with(|last: char| last.is_ascii_digit())).collect();
    assert!(numbered.is_empty(), "{numbered:?}");
}
