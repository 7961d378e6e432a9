//! The committed document is that of the code, and complete.

use std::fs;

use runtime::contract::Schemas;
use serde_json::Value;

use super::{document::document, functions, operation::codes_by_rule, path};

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

/// What follows from the rules of an endpoint is written in them, not at each endpoint.
#[test]
fn no_endpoint_declares_what_its_rules_bring() {
    let mut schemas = Schemas::new();
    let operations = functions().into_iter().filter_map(|it| it.operation(&mut schemas));
    let twice: Vec<(&str, &str)> = operations
        .flat_map(|operation| {
            let by_rule = codes_by_rule(&operation);
            let declared = operation.endpoint.errors.iter().copied();
            let twice = declared.filter(move |code| by_rule.contains(code));
            twice.map(move |code| (operation.endpoint.name, code)).collect::<Vec<_>>()
        })
        .collect();
    assert!(twice.is_empty(), "{twice:#?}");
}
