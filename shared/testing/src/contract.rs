//! Every answer of an endpoint is checked against the API's document, and can be recorded.
//!
//! With `PROLIGHT_RECORD` set to a folder, the codes that are answered are appended to `answered.txt`
//! in it, and the first success of each operation is written below `examples/`. A declared code that
//! no test sees is found by the former, and the examples of the document are made from the latter.

use std::{
    collections::HashMap,
    fs,
    path::Path,
    sync::{Arc, LazyLock, Mutex, PoisonError},
};

use domain::error::pointer_segment;
use jsonschema::{Registry, Validator};
use runtime::Endpoint;
use serde_json::{Value, json};

use crate::{Answer, record};

const DOCUMENT_URI: &str = "urn:prolight:contract";

/// The document as committed.
static DOCUMENT: LazyLock<Value> = LazyLock::new(|| {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../contract/openapi.json");
    let text = fs::read_to_string(path).expect("the document of the API");
    serde_json::from_str(&text).expect("JSON")
});

static REGISTRY: LazyLock<Registry<'static>> = LazyLock::new(|| {
    let document = jsonschema::Resource::from_contents(DOCUMENT.clone());
    let registry = Registry::new().add(DOCUMENT_URI, document).expect("a document with a URI");
    registry.prepare().expect("references that resolve")
});

/// Validators by the pointer of their schema in the document.
static VALIDATORS: LazyLock<Mutex<HashMap<String, Arc<Validator>>>> = LazyLock::new(Mutex::default);

/// Checks an answer of a function in this process, and records it.
///
/// # Panics
/// When the document does not say that this operation may answer so.
pub(crate) fn check(endpoint: &Endpoint, head: bool, sent: Option<&str>, answer: &Answer) {
    if operation(endpoint).is_none() || head {
        return;
    }
    if let Some(folder) = record::folder() {
        record(&folder, endpoint.name, sent, answer);
    }
    if let Err(difference) = compare(endpoint, answer) {
        panic!("{difference}");
    }
}

/// The operation of `endpoint` in the document, which does not have the endpoints of tests.
fn operation(endpoint: &Endpoint) -> Option<&'static Value> {
    let method = endpoint.method.as_str().to_ascii_lowercase();
    let operation = &DOCUMENT["paths"][endpoint.path][&method];
    (operation["operationId"] == endpoint.name).then_some(operation)
}

/// Compares an answer of `endpoint` with the document.
///
/// # Errors
/// How it differs.
pub fn compare(endpoint: &Endpoint, answer: &Answer) -> Result<(), String> {
    let (name, status, code) = (endpoint.name, answer.status(), answer.code());
    let operation = operation(endpoint).ok_or_else(|| format!("{name} is not in the document"))?;
    let method = endpoint.method.as_str().to_ascii_lowercase();
    let mut pointer =
        format!("/paths/{}/{method}/responses/{status}", pointer_segment(endpoint.path));
    let mut response = operation["responses"].get(status.to_string());
    if let Some(shared) = response.and_then(|it| it["$ref"].as_str()) {
        pointer = shared.trim_start_matches('#').to_owned();
        response = DOCUMENT.pointer(&pointer);
    }
    let response =
        response.ok_or_else(|| format!("{name}: {status} {code} is not in the document"))?;
    let Some(content) = response["content"].as_object() else {
        return match answer.body.is_empty() {
            true => Ok(()),
            false => Err(format!("{name}: {status} has a body, and should have none")),
        };
    };
    let media = answer.header("content-type").unwrap_or_default();
    let media = media.split(';').next().unwrap_or_default().trim();
    let declared = content.keys().find(|declared| *declared == media || *declared == "*/*");
    let declared = declared.ok_or_else(|| format!("{name}: {status} is {media}"))?;
    if !declared.ends_with("json") {
        return Ok(());
    }
    let pointer = format!("{pointer}/content/{}/schema", pointer_segment(declared));
    let body = answer.json();
    let found: Vec<String> = validator(&pointer)
        .iter_errors(&body)
        .map(|error| format!("{} at {}", error, error.instance_path()))
        .collect();
    match found.is_empty() {
        true => Ok(()),
        false => Err(format!("{name}: {status} differs from the document: {found:#?}\n{body:#}")),
    }
}

fn validator(pointer: &str) -> Arc<Validator> {
    let mut validators = VALIDATORS.lock().unwrap_or_else(PoisonError::into_inner);
    let made = validators.entry(pointer.to_owned()).or_insert_with(|| {
        let pointer = pointer.replace('{', "%7B").replace('}', "%7D");
        let schema = json!({"$ref": format!("{DOCUMENT_URI}#{pointer}")});
        let options = jsonschema::options().with_registry(&REGISTRY).should_validate_formats(true);
        Arc::new(options.build(&schema).expect("a schema"))
    });
    made.clone()
}

fn record(folder: &Path, name: &str, sent: Option<&str>, answer: &Answer) {
    let examples = folder.join("examples");
    fs::create_dir_all(&examples).expect("a folder");
    let line = format!("{name} {} {}\n", answer.status(), answer.code());
    record::append(folder, "answered.txt", &line);
    let example = examples.join(format!("{name}.json"));
    if (200..300).contains(&answer.status()) && !example.exists() {
        let mut recorded = json!({"status": answer.status(), "answer": answer.json()});
        if let Some(sent) = sent.and_then(|sent| serde_json::from_str::<Value>(sent).ok()) {
            recorded["request"] = sent;
        }
        let recorded = presentable(recorded);
        fs::write(example, format!("{recorded:#}\n")).expect("an example");
    }
}

/// Of a list that is longer, an example shows the first two.
const LIST_MAX: usize = 8;

/// The same value for a reader: long lists are cut, links lose their signatures, and the sandbox's
/// pages are those of an example.
fn presentable(value: Value) -> Value {
    match value {
        Value::Object(fields) => {
            fields.into_iter().map(|(name, value)| (name, presentable(value))).collect()
        }
        Value::Array(mut items) => {
            if items.len() > LIST_MAX {
                items.truncate(2);
            }
            items.into_iter().map(presentable).collect()
        }
        Value::String(text) => Value::String(presentable_text(text)),
        Value::Null | Value::Bool(_) | Value::Number(_) => value,
    }
}

fn presentable_text(text: String) -> String {
    if let Some((link, query)) = text.split_once('?') {
        let signatures = ["X-Amz-Signature=", "Signature="];
        if let Some(name) = signatures.into_iter().find(|name| query.contains(name)) {
            return format!("{link}?{name}...");
        }
    }
    match text.strip_prefix("http://127.0.0.1:").and_then(|rest| rest.split_once('/')) {
        Some((_, path)) => format!("https://stripe.example/{path}"),
        None => text,
    }
}
