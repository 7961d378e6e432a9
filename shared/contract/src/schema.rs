//! The named schemas of the document.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use crate::source::capitalized;

const COMPONENTS: &str = "#/components/schemas/";

/// The schemas with a name, and which of those that are read have another form than those written.
#[derive(Debug)]
pub struct Named {
    /// All of them.
    pub schemas: Map<String, Value>,
    renamed: BTreeSet<String>,
}

impl Named {
    /// Joins what is read and what is written. A type that is read in another form than it is
    /// written in is there twice, and the form that is read ends with `Input`.
    pub fn joined(reads: Map<String, Value>, writes: Map<String, Value>) -> Named {
        let mut renamed = BTreeSet::new();
        loop {
            let differs = |name: &String, schema: &Value| {
                writes.get(name).is_some_and(|written| written != schema)
                    || (writes.contains_key(name) && refers(schema, &renamed))
            };
            let more: Vec<String> = reads
                .iter()
                .filter(|(name, schema)| !renamed.contains(*name) && differs(name, schema))
                .map(|(name, _)| name.clone())
                .collect();
            if more.is_empty() {
                break;
            }
            renamed.extend(more);
        }
        let mut named = Named { schemas: writes, renamed };
        for (name, mut schema) in reads {
            named.as_read(&mut schema);
            let name = if named.renamed.contains(&name) { format!("{name}Input") } else { name };
            named.schemas.insert(name, schema);
        }
        named
    }

    /// Lets a schema of what is read refer to the forms that are read, and ask for no more than a
    /// reader does: a field that is not sent has no value, and a set may be sent with repeats.
    pub fn as_read(&self, schema: &mut Value) {
        match schema {
            Value::Object(fields) => {
                if fields.get("default").is_some_and(Value::is_null) {
                    fields.remove("default");
                }
                fields.remove("uniqueItems");
                if let Some(Value::String(reference)) = fields.get_mut("$ref") {
                    let name = reference.strip_prefix(COMPONENTS).unwrap_or_default();
                    if self.renamed.contains(name) {
                        *reference = format!("{reference}Input");
                    }
                }
                fields.values_mut().for_each(|value| self.as_read(value));
            }
            Value::Array(items) => items.iter_mut().for_each(|item| self.as_read(item)),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
}

/// Whether a schema refers to one of `names`.
fn refers(schema: &Value, names: &BTreeSet<String>) -> bool {
    match schema {
        Value::Object(fields) => {
            let own = fields.get("$ref").and_then(Value::as_str);
            let own = own.and_then(|reference| reference.strip_prefix(COMPONENTS));
            own.is_some_and(|name| names.contains(name))
                || fields.values().any(|value| refers(value, names))
        }
        Value::Array(items) => items.iter().any(|item| refers(item, names)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}

/// A schema without `null` among its types: a parameter is absent instead.
pub fn without_null(mut schema: Value) -> Value {
    if let Some(types) = schema.get_mut("type").and_then(Value::as_array_mut) {
        types.retain(|it| it != "null");
        if let [only] = types.as_slice() {
            schema["type"] = only.clone();
        }
    }
    if let Some(choices) = schema.get_mut("enum").and_then(Value::as_array_mut) {
        choices.retain(|it| !it.is_null());
    }
    if let Some(choices) = schema.get_mut("anyOf").and_then(Value::as_array_mut) {
        choices.retain(|it| it["type"] != "null");
        if let [only] = choices.as_slice() {
            let mut only = only.clone();
            if let (Value::Object(outer), Value::Object(inner)) = (&schema, &mut only) {
                let beside = outer.iter().filter(|(key, _)| *key != "anyOf");
                inner.extend(beside.map(|(key, value)| (key.clone(), value.clone())));
            }
            return only;
        }
    }
    if schema.get("default").is_some_and(Value::is_null)
        && let Some(fields) = schema.as_object_mut()
    {
        fields.remove("default");
    }
    schema
}

/// A choice of one is that one.
pub fn simplified(mut fields: Map<String, Value>) -> Map<String, Value> {
    for choice in ["oneOf", "anyOf"] {
        let only = match fields.get_mut(choice).and_then(Value::as_array_mut) {
            Some(choices) if choices.len() == 1 => choices.pop(),
            Some(_) | None => None,
        };
        if let Some(Value::Object(only)) = only {
            fields.remove(choice);
            for (key, value) in only {
                fields.entry(key).or_insert(value);
            }
        }
    }
    fields
}

/// Gives every schema its public name: an endpoint's `Response` is called after its operation, and
/// `View` is our own word.
pub fn with_public_names(document: &mut Value, operations: &[(&str, &str)]) {
    let answers: BTreeMap<String, String> = operations
        .iter()
        .filter(|(_, schema)| schema.starts_with("Response"))
        .map(|(operation, schema)| ((*schema).to_owned(), format!("{}Answer", pascal(operation))))
        .collect();
    let known = |name: &str| document["components"]["schemas"].get(name).is_some();
    let mut names = answers;
    for name in document["components"]["schemas"].as_object().into_iter().flat_map(Map::keys) {
        let plain = name.replace("View", "");
        if plain != *name && !known(&plain) && !names.contains_key(name) {
            names.insert(name.clone(), plain);
        }
    }
    renamed(document, &names);
    let schemas = document["components"]["schemas"].take();
    let schemas = schemas.as_object().cloned().unwrap_or_default().into_iter();
    let schemas = schemas.map(|(name, schema)| (names.get(&name).cloned().unwrap_or(name), schema));
    document["components"]["schemas"] = Value::Object(schemas.collect());
}

fn renamed(value: &mut Value, names: &BTreeMap<String, String>) {
    match value {
        Value::Object(fields) => {
            if let Some(Value::String(reference)) = fields.get_mut("$ref") {
                let name = reference.strip_prefix(COMPONENTS).and_then(|name| names.get(name));
                if let Some(name) = name {
                    *reference = format!("{COMPONENTS}{name}");
                }
            }
            fields.values_mut().for_each(|value| renamed(value, names));
        }
        Value::Array(items) => items.iter_mut().for_each(|item| renamed(item, names)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// `billing-list-plans` as `ListPlans`.
fn pascal(operation: &str) -> String {
    operation.split('-').skip(1).map(capitalized).collect()
}
