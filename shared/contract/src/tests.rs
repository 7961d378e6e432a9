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
            // It comes with `with_if_match`, which also documents the header.
            let is_by_rule =
                move |code: &&str| by_rule.contains(code) || *code == "precondition_failed";
            let twice = declared.filter(is_by_rule);
            twice.map(move |code| (operation.endpoint.name, code)).collect::<Vec<_>>()
        })
        .collect();
    assert!(twice.is_empty(), "{twice:#?}");
}

/// A caller reads the document, and does not know the code.
#[test]
fn descriptions_are_for_callers() {
    let document: Value = serde_json::from_str(&document().unwrap()).unwrap();
    let mut found = Vec::new();
    about_code(&document, &mut found);
    assert!(found.is_empty(), "{found:#?}");
    for (path, methods) in document["paths"].as_object().unwrap() {
        for parameter in methods.as_object().unwrap().values().flat_map(parameters) {
            let is_shared = parameter.get("$ref").is_some();
            let is_described = parameter["description"].is_string() || parameter["in"] == "path";
            assert!(is_shared || is_described, "{path}: {parameter}");
        }
    }
}

fn parameters(operation: &Value) -> Vec<Value> {
    operation["parameters"].as_array().cloned().unwrap_or_default()
}

/// Collects descriptions that name what only the code has.
fn about_code(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            let text = fields.get("description").and_then(Value::as_str).unwrap_or_default();
            let words = text.split('`').skip(1).step_by(2);
            let is_constant = |word: &str| {
                word.contains('_') && !word.contains(|it: char| it.is_ascii_lowercase())
            };
            if words.clone().any(|word| word.contains("::") || is_constant(word))
                || text.contains("[`")
            {
                found.push(text.to_owned());
            }
            fields.values().for_each(|value| about_code(value, found));
        }
        Value::Array(items) => items.iter().for_each(|item| about_code(item, found)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
