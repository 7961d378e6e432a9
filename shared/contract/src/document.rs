//! The whole document.

use std::collections::BTreeSet;

use domain::{FieldError, generation::waiting::WAIT_S_MAX, webhook::event::EventData};
use runtime::{
    Operation,
    contract::{Content, PROBLEM_PAGES, Schemas},
};
use serde::Serialize;
use serde_json::{Map, Serializer, Value, json, ser::PrettyFormatter};

use crate::{
    functions, operation, problem,
    prose::Constants,
    root,
    schema::{self, Named, with_public_names},
    source::{self, capitalized},
    webhooks,
};

/// The document as committed, a line a value for those who compare two of them.
///
/// # Errors
/// A sentence about what is not complete.
pub fn document() -> Result<String, String> {
    let mut text = Vec::new();
    // With one blank a level: the document is served as it is committed.
    let mut out = Serializer::with_formatter(&mut text, PrettyFormatter::with_indent(b" "));
    sorted(value()?).serialize(&mut out).map_err(|e| e.to_string())?;
    text.push(b'\n');
    String::from_utf8(text).map_err(|e| e.to_string())
}

fn value() -> Result<Value, String> {
    let root = root();
    let problems = problem::problems(&root)?;
    let constants = Constants::read(&root)?;
    let mut schemas = Schemas::new();
    let operations: Vec<_> =
        functions().iter().filter_map(|function| function.operation(&mut schemas)).collect();
    let field_error = schemas.written::<FieldError>();
    schemas.written::<EventData>();
    let (reads, writes) = schemas.named();
    let mut named = Named::joined(reads, writes);
    let mut paths: Map<String, Value> = Map::new();
    let mut tags = BTreeSet::from(["Webhooks"]);
    for operation in &operations {
        let endpoint = &operation.endpoint;
        let docs = source::docs(&root, endpoint.name, &constants)?;
        let described = operation::described(operation, &docs, &named, &problems)?;
        tags.insert(operation::tag(endpoint));
        let path = paths.entry(endpoint.path.to_owned()).or_insert_with(|| json!({}));
        let method = endpoint.method.as_str().to_ascii_lowercase();
        if endpoint.head {
            path["head"] = without_body(described.clone());
        }
        path[method] = described;
    }
    let events = named.schemas.remove("EventData").unwrap_or_default();
    named.schemas.insert("Problem".to_owned(), problem_schema(&field_error.to_value()));
    let pages: Map<String, Value> =
        problems.iter().map(|(code, problem)| (code.clone(), problem.page())).collect();
    let tags: Vec<Value> =
        tags.iter().map(|name| json!({"name": name, "description": about(name)})).collect();
    let mut document = json!({
        "openapi": "3.1.0",
        "info": info(),
        "servers": [{"url": "/", "description": "The stack that serves this document."}],
        "tags": tags,
        "paths": paths,
        "webhooks": webhooks::webhooks(&events)?,
        "components": {
            "schemas": named.schemas,
            "parameters": parameters(),
            "headers": headers(),
            "securitySchemes": security_schemes(),
        },
        "x-problems": pages,
    });
    share_failures(&mut document);
    let answers: Vec<(&str, String)> = operations.iter().flat_map(answered).collect();
    let answers: Vec<(&str, &str)> =
        answers.iter().map(|(op, name)| (*op, name.as_str())).collect();
    with_public_names(&mut document, &answers);
    constants.tell(&mut document);
    Ok(document)
}

/// The names of the schemas that an operation answers with.
fn answered(operation: &Operation) -> Vec<(&'static str, String)> {
    let names = operation.answers.iter().filter_map(|answer| match &answer.content {
        Content::Json(schema) => {
            let reference = schema.as_value()["$ref"].as_str()?;
            Some((operation.endpoint.name, reference.rsplit('/').next()?.to_owned()))
        }
        Content::Nothing | Content::Text(_) => None,
    });
    names.collect()
}

/// Moves the failures that several operations have in common to one place.
fn share_failures(document: &mut Value) {
    let mut shared: Map<String, Value> = Map::new();
    let paths = document["paths"].as_object_mut().into_iter().flat_map(Map::values_mut);
    let operations = paths.filter_map(Value::as_object_mut).flat_map(Map::values_mut);
    for operation in operations {
        for response in operation["responses"].as_object_mut().into_iter().flat_map(Map::values_mut)
        {
            let schema = &response["content"]["application/problem+json"]["schema"];
            let codes =
                schema["properties"]["code"]["enum"].as_array().cloned().unwrap_or_default();
            let status = &schema["properties"]["status"]["const"];
            if matches!(status.as_u64(), Some(401 | 403 | 413 | 415 | 429 | 500 | 503)) {
                let codes: Vec<&str> = codes.iter().filter_map(Value::as_str).collect();
                let name: String = codes.join("_").split('_').map(capitalized).collect();
                let reference = json!({"$ref": format!("#/components/responses/{name}")});
                shared.insert(name, std::mem::replace(response, reference));
            }
        }
    }
    document["components"]["responses"] = Value::Object(shared);
}

fn info() -> Value {
    json!({
        "title": "ProLight AI",
        "version": "1",
        "license": {"name": "Proprietary", "url": "https://prolight.ai/terms"},
        "contact": {"name": "ProLight AI", "email": "support@prolight.ai", "url": "https://prolight.ai"},
        "description": include_str!("introduction.md"),
    })
}

fn about(tag: &str) -> &'static str {
    match tag {
        "Account" => "The member who calls: profile, export, erasure.",
        "Billing" => "Plans, packs of credits, the ledger, invoices.",
        "Creators" => "What creators earn, and how they are paid.",
        "Generations" => "Images: requesting, following, cancelling.",
        "Marketplace" => "Listings: finding, buying, selling, reviewing.",
        "Presets" => "A member's own lighting rigs and cameras.",
        "Staff" => "What moderators and admins see and decide.",
        "Webhooks" => "The requests that we send to a member's webhooks.",
        _ => "The service itself, and what other services send to it.",
    }
}

fn problem_schema(field_error: &Value) -> Value {
    json!({
        "type": "object",
        "description": "An error (RFC 9457). Programs branch on `code`.",
        "required": ["type", "title", "status", "code", "detail", "request_id"],
        "properties": {
            "type": {"type": "string", "format": "uri",
                "description": "A page that explains the code.",
                "examples": [format!("https://api.example.com{PROBLEM_PAGES}invalid_request")]},
            "title": {"type": "string", "description": "The kind of error, for people."},
            "status": {"type": "integer", "description": "The status of the answer."},
            "code": {"type": "string", "description": "The stable name of the error."},
            "detail": {"type": "string", "description": "What was wrong this time, and what to do."},
            "request_id": {"type": "string", "description": "Names this call to support."},
            "errors": {"type": "array", "description": "The fields that the operation does not have, are missing or do not fit their type, twenty at most; once all fit, each that breaks a rule.",
                "items": field_error},
            "plans_url": {"type": "string", "format": "uri",
                "description": "What can be bought, by a GET. With status 402."},
            "buy_url": {"type": "string", "format": "uri",
                "description": "Where to buy it: POST a plan or a pack. With status 402."},
            "needed": {"type": "integer", "description": "Credits that are needed. With `insufficient_credits`."},
            "available": {"type": "integer",
                "description": "Credits that are available. With `insufficient_credits` and `too_few_credits`."},
            "missing": {"type": "integer", "description": "Credits that are missing, debt included. With `insufficient_credits`."},
            "debt": {"type": "integer", "description": "Credits that are owed. With `insufficient_credits`."},
            "next_grant_at": {"type": ["string", "null"], "format": "date-time",
                "description": "When the next credits come. With `insufficient_credits`."},
            "open": {"type": "integer", "description": "Generations that have not ended. With `too_many_generations`."},
            "max": {"type": "integer", "description": "How many may be at once. With `too_many_generations`."},
            "until": {"type": ["string", "null"], "format": "date-time",
                "description": "When it ends; `null` if it does not. With `account_suspended` and `selling_suspended`."},
            "scope": {"type": ["string", "null"],
                "description": "The scope that an API key needs; `null` if none may. With `scope_missing`."},
            "charge": {"$ref": "#/components/schemas/Charge",
                "description": "What it costs all the same. With `generation_already_submitted` and `generation_finished`."},
            "generation_status": {"type": "string", "description": "Its status. With `generation_finished`."},
            "purchase_id": {"type": "string", "description": "The purchase that has it. With `already_owned`."},
            "price": {"$ref": "#/components/schemas/Money", "description": "The price now. With `price_changed`."},
            "refundable": {"$ref": "#/components/schemas/Money",
                "description": "The most that can be refunded. With `refund_too_large`."},
            "owed": {"$ref": "#/components/schemas/Money",
                "description": "What is owed to the buyer now. With `amount_changed`."},
            "plan": {"type": "string", "description": "The plan that the member has. With `already_subscribed`."},
            "portal_url": {"type": "string", "format": "uri",
                "description": "A POST to it opens the page where the plan is changed. With `already_subscribed`."},
            "add_card_url": {"type": "string", "format": "uri",
                "description": "A page to add a card. With `no_saved_card`."},
        },
        "additionalProperties": false,
    })
}

fn parameters() -> Value {
    let header = |name: &str, required: bool, description: &str| {
        json!({
            "name": name, "in": "header", "required": required, "description": description,
            "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[\\x21-\\x7e]+$"},
        })
    };
    let key =
        "Names this request: a repeat with the same key and body gets the first answer, for a day.";
    json!({
        "IdempotencyKey": header("Idempotency-Key", false, key),
        "IdempotencyKeyRequired": header("Idempotency-Key", true, key),
        "IfMatch": {"name": "If-Match", "in": "header", "required": false, "schema": {"type": "string"},
            "description": "The `ETag` of what is changed: refused if it has changed since."},
        "IfNoneMatch": {"name": "If-None-Match", "in": "header", "required": false, "schema": {"type": "string"},
            "description": "The `ETag` of an earlier answer: 304 if it is still current."},
        "Prefer": {"name": "Prefer", "in": "header", "required": false, "schema": {"type": "string"},
            "description": format!(
                "`wait=N` waits up to N seconds for the end, at most {WAIT_S_MAX} (RFC 7240)."
            )},
    })
}

fn headers() -> Value {
    let header =
        |schema: Value, description: &str| json!({"schema": schema, "description": description});
    let text = json!({"type": "string"});
    json!({
        "X-Request-Id": header(text.clone(), "Names this call, in our logs too. A caller may send its own."),
        "ETag": header(text.clone(), "Names this content: send it as `If-None-Match`."),
        "Location": header(json!({"type": "string", "format": "uri-reference"}), "Where it is."),
        "Preference-Applied": header(text.clone(), "The `wait` of `Prefer`, if it was waited for."),
        "Idempotency-Replayed": header(json!({"type": "string", "const": "true"}), "The answer of an earlier request with this key."),
        "RateLimit-Policy": header(text.clone(), "The limits of this caller, as calls (`q`) in seconds (`w`). Calls side by side are counted by several processes, which together allow a little more."),
        "RateLimit": header(text, "What is left of each limit (`r`), and in how many seconds it is whole again (`t`)."),
        "Retry-After": header(json!({"type": "integer", "minimum": 0}), "Seconds until it makes sense to ask again."),
    })
}

fn security_schemes() -> Value {
    json!({
        "bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT",
            "description": "An access token of the issuer that `GET /api/v1/config` names, or an API key (`plk_...`), whose scope each operation names."},
        "signature": {"type": "apiKey", "in": "header", "name": "Stripe-Signature",
            "description": "A signature over the body, by the service that sends it."},
    })
}

fn without_body(mut operation: Value) -> Value {
    operation["operationId"] =
        json!(format!("{}-head", operation["operationId"].as_str().unwrap_or_default()));
    for response in operation["responses"].as_object_mut().into_iter().flat_map(Map::values_mut) {
        if let Some(response) = response.as_object_mut() {
            response.remove("content");
        }
    }
    operation
}

/// The same value with its keys in order, however a map of `serde_json` is built.
fn sorted(value: Value) -> Value {
    match value {
        Value::Object(fields) => {
            let fields = schema::simplified(fields);
            let mut fields: Vec<(String, Value)> = fields.into_iter().collect();
            fields.sort_by(|(one, _), (other, _)| one.cmp(other));
            Value::Object(fields.into_iter().map(|(key, value)| (key, sorted(value))).collect())
        }
        Value::Array(items) => Value::Array(items.into_iter().map(sorted).collect()),
        Value::Null => Value::Null,
        Value::Bool(value) => Value::Bool(value),
        Value::Number(value) => Value::Number(value),
        Value::String(value) => Value::String(value),
    }
}
