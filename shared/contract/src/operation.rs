//! One operation of the document.

use std::collections::{BTreeMap, BTreeSet};

use runtime::{
    Access, Endpoint, KeyRule, Method, Operation,
    contract::{Answers, Content},
};
use serde_json::{Map, Value, json};

use crate::{
    example,
    problem::Problem,
    schema::{Named, without_null},
    source::Docs,
};

/// The input of an operation, by where it is in a request.
struct Input {
    parameters: Vec<Value>,
    /// The schema of the body, and whether one is required.
    body: Option<(Value, bool)>,
    is_paged: bool,
}

/// An operation as the document has it.
///
/// # Errors
/// A sentence about what is not complete.
pub fn described(
    operation: &Operation,
    docs: &Docs,
    named: &Named,
    problems: &BTreeMap<String, Problem>,
) -> Result<Value, String> {
    let endpoint = &operation.endpoint;
    let mut input = input(operation, named)?;
    input.parameters.extend(headers(operation));
    let example = example::of(endpoint.name)?;
    let mut responses = Map::new();
    for answer in &operation.answers {
        let found = responses
            .insert(answer.status.to_string(), success(endpoint, answer, example.as_ref()));
        if found.is_some() {
            return Err(format!("{}: {} is answered in two ways", endpoint.name, answer.status));
        }
    }
    let cached = operation.answers.iter().any(|it| it.status == 200);
    if endpoint.method == Method::Get && cached {
        responses.insert(
            "304".to_owned(),
            json!({"description": "What `If-None-Match` names is current."}),
        );
    }
    responses.extend(failures(operation, input.is_paged, problems)?);
    let mut description = docs.description.clone();
    for note in notes(endpoint) {
        description = format!("{description}\n\n{note}").trim().to_owned();
    }
    let mut out = json!({
        "operationId": endpoint.name,
        "summary": docs.summary,
        "description": description,
        "tags": [tag(endpoint)],
        "parameters": input.parameters,
        "responses": responses,
        "security": security(endpoint.access),
        "x-idempotency-key": match endpoint.key {
            KeyRule::Ignored => "ignored",
            KeyRule::Accepted => "accepted",
            KeyRule::Required => "required",
        },
        // Without those that follow from the rules of the endpoint.
        "x-errors": endpoint.errors,
    });
    if let Some(rate) = endpoint.rate {
        out["x-rate-limit"] = json!({"calls": rate.max, "seconds": rate.window.as_secs()});
    }
    if let Some((schema, required)) = input.body {
        let mut content = json!({"schema": schema});
        if let Some(sent) = example.as_ref().and_then(|it| it.get("request")) {
            content["example"] = sent.clone();
        }
        out["requestBody"] =
            json!({"required": required, "content": {"application/json": content}});
    }
    Ok(out)
}

/// The group of an operation.
pub fn tag(endpoint: &Endpoint) -> &'static str {
    let path = endpoint.path.trim_start_matches("/api/v1/");
    let area = endpoint.name.split('-').next().unwrap_or_default();
    match (area, path.split('/').next().unwrap_or_default()) {
        ("generation", "presets") => "Presets",
        ("generation", _) => "Generations",
        ("account", _) => "Account",
        ("billing", _) => "Billing",
        ("marketplace", "creator" | "creators") => "Creators",
        ("marketplace", _) => "Marketplace",
        ("admin", _) => "Staff",
        _ => "Service",
    }
}

fn input(operation: &Operation, named: &Named) -> Result<Input, String> {
    let endpoint = &operation.endpoint;
    let mut schema = operation.input.clone().to_value();
    named.as_read(&mut schema);
    let mut input = Input { parameters: Vec::new(), body: None, is_paged: false };
    if endpoint.access == Access::Signed {
        let text = json!({"description": "What is signed, as it was sent."});
        input.body = (endpoint.method.has_body()).then_some((text, true));
        input.parameters = path_parameters(endpoint, &Map::new());
        let fields = schema["properties"].as_object().into_iter().flatten();
        let fields = fields.map(|(name, property)| {
            parameter((name, about(property, named)), "query", property, true)
        });
        input.parameters.extend(fields);
        return Ok(input);
    }
    let properties = schema["properties"].as_object().cloned().unwrap_or_default();
    let required: BTreeSet<String> =
        serde_json::from_value(schema["required"].clone()).unwrap_or_default();
    input.parameters = path_parameters(endpoint, &properties);
    input.is_paged = properties.contains_key("cursor");
    let in_path = |name: &str| endpoint.path.contains(&format!("{{{name}}}"));
    if !endpoint.method.has_body() {
        for (name, property) in properties.iter().filter(|(name, _)| !in_path(name)) {
            let about = about(property, named);
            let required = required.contains(name);
            input.parameters.push(parameter((name, about), "query", property, required));
        }
        return Ok(input);
    }
    let names = properties.keys().filter(|name| in_path(name)).cloned().collect::<Vec<_>>();
    let Some(fields) = schema.as_object_mut() else { return Ok(input) };
    if fields.get("type").is_some_and(|it| it == "null") {
        return Ok(input);
    }
    if let Some(properties) = fields.get_mut("properties").and_then(Value::as_object_mut) {
        names.iter().for_each(|name| drop(properties.remove(name)));
    }
    let left: Vec<&String> = required.iter().filter(|name| !in_path(name)).collect();
    let is_required = !left.is_empty();
    fields.insert("required".to_owned(), json!(left));
    for key in ["title", "description"] {
        fields.remove(key);
    }
    let is_empty = fields.get("properties").and_then(Value::as_object).is_some_and(Map::is_empty);
    if !is_empty || fields.contains_key("oneOf") || fields.contains_key("anyOf") {
        input.body = Some((schema, is_required));
    }
    Ok(input)
}

fn path_parameters(endpoint: &Endpoint, properties: &Map<String, Value>) -> Vec<Value> {
    let names =
        endpoint.path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
    let text = json!({"type": "string"});
    names
        .map(|name| parameter((name, None), "path", properties.get(name).unwrap_or(&text), true))
        .collect()
}

/// What the type of a parameter says of it.
fn about(property: &Value, named: &Named) -> Option<Value> {
    let schema = without_null(property.clone());
    let name = schema["$ref"].as_str()?.rsplit('/').next()?;
    named.schemas.get(name)?.get("description").cloned()
}

/// A parameter is described by its field, or else by the type of that.
fn parameter(
    (name, about): (&str, Option<Value>),
    place: &str,
    property: &Value,
    required: bool,
) -> Value {
    let mut schema = without_null(property.clone());
    let mut out = json!({"name": name, "in": place, "required": required});
    let own = schema.as_object_mut().and_then(|it| it.remove("description"));
    if let Some(description) = own.or(about) {
        out["description"] = description;
    }
    out["schema"] = schema;
    out
}

fn headers(operation: &Operation) -> Vec<Value> {
    let endpoint = &operation.endpoint;
    let reference = |name: &str| json!({"$ref": format!("#/components/parameters/{name}")});
    let mut found = Vec::new();
    match endpoint.key {
        KeyRule::Required => found.push(reference("IdempotencyKeyRequired")),
        KeyRule::Accepted => found.push(reference("IdempotencyKey")),
        KeyRule::Ignored => {}
    }
    if endpoint.if_match {
        found.push(reference("IfMatch"));
    }
    if endpoint.method == Method::Get && endpoint.access != Access::Signed {
        found.push(reference("IfNoneMatch"));
    }
    if operation.answers.iter().any(|answer| answer.headers.contains(&"Preference-Applied")) {
        found.push(reference("Prefer"));
    }
    found
}

fn success(endpoint: &Endpoint, answer: &Answers, example: Option<&Value>) -> Value {
    let replayed = (endpoint.key != KeyRule::Ignored).then_some("Idempotency-Replayed");
    let tagged = (endpoint.method == Method::Get && answer.status == 200).then_some("ETag");
    let names = answer.headers.iter().chain(limits(endpoint)).copied().chain(replayed);
    let headers = header_references(names.chain(tagged));
    let meaning = match answer.status {
        200 => "Done.",
        201 => "Made; `Location` leads to it.",
        202 => "Accepted; `Location` says where to look, `Retry-After` when.",
        204 => "Done; there is nothing to say.",
        302 => "The file is at `Location`.",
        404 => "There is no such page.",
        _ => "Answered.",
    };
    let mut out = json!({"description": meaning, "headers": headers});
    match &answer.content {
        Content::Nothing => {}
        Content::Text("*/*") => out["content"] = json!({"*/*": {"schema": {}}}),
        Content::Text(media) => out["content"] = json!({*media: {"schema": {"type": "string"}}}),
        Content::Json(schema) => {
            let mut content = json!({"schema": schema});
            let recorded = example.filter(|it| it["status"] == answer.status);
            if let Some(answered) = recorded.and_then(|it| it.get("answer")) {
                content["example"] = answered.clone();
            }
            out["content"] = json!({"application/json": content});
        }
    }
    out
}

/// The headers about the limits of a caller whom the endpoint counts.
fn limits(endpoint: &Endpoint) -> &'static [&'static str] {
    match endpoint.access {
        Access::Public | Access::Signed => &[],
        Access::Member | Access::Moderator | Access::Admin => &["RateLimit", "RateLimit-Policy"],
    }
}

/// The headers of an answer: these, and the one that all answers have.
fn header_references<'a>(names: impl Iterator<Item = &'a str>) -> Value {
    let reference =
        |name: &str| (name.to_owned(), json!({"$ref": format!("#/components/headers/{name}")}));
    Value::Object(names.chain(["X-Request-Id"]).map(reference).collect())
}

/// The codes an endpoint may answer, by status: its own, and those of its rules.
fn failures(
    operation: &Operation,
    is_paged: bool,
    problems: &BTreeMap<String, Problem>,
) -> Result<Map<String, Value>, String> {
    let mut by_status: BTreeMap<u16, BTreeSet<&str>> = BTreeMap::new();
    let endpoint = &operation.endpoint;
    for code in codes(operation, is_paged) {
        let problem = problems.get(code);
        let problem =
            problem.ok_or_else(|| format!("{}: no error has the code {code}", endpoint.name))?;
        by_status.entry(problem.status).or_default().insert(code);
    }
    let answers = by_status.into_iter().map(|(status, codes)| {
        let listed: Vec<String> = codes.iter().map(|code| format!("`{code}`")).collect();
        let schema = json!({
            "allOf": [{"$ref": "#/components/schemas/Problem"}],
            "properties": {"code": {"enum": codes}, "status": {"const": status}},
        });
        let later = matches!(status, 409 | 429 | 500 | 503).then_some("Retry-After");
        let limits = limits(endpoint).iter().copied().filter(|_| status == 429);
        let headers = header_references(limits.chain(later));
        let answer = json!({
            "description": format!("{}.", listed.join(", ")),
            "headers": headers,
            "content": {"application/problem+json": {"schema": schema}},
        });
        (status.to_string(), answer)
    });
    Ok(answers.collect())
}

/// All codes an endpoint may answer: its own, and those of its rules.
fn codes(operation: &Operation, is_paged: bool) -> BTreeSet<&'static str> {
    let mut codes = codes_by_rule(operation);
    codes.extend(operation.endpoint.errors);
    if is_paged {
        codes.insert("invalid_cursor");
    }
    codes
}

/// The codes that follow from who may call an endpoint, how, and which other system it calls.
pub fn codes_by_rule(operation: &Operation) -> BTreeSet<&'static str> {
    let endpoint = &operation.endpoint;
    let mut codes = BTreeSet::from(["internal", "temporarily_unavailable", "timed_out"]);
    if operation.variables.contains(&"STRIPE_SECRET_ARN") {
        codes.extend(["billing_busy", "payment_provider_unavailable"]);
    }
    if operation.variables.iter().any(|name| name.ends_with("_BUCKET")) {
        codes.insert("storage_unavailable");
    }
    if endpoint.access != Access::Public {
        codes.insert("account_busy");
    }
    let is_public = matches!(endpoint.access, Access::Public | Access::Signed);
    if endpoint.access != Access::Signed || has_fields(operation) {
        codes.insert("invalid_request");
    }
    // The general limit of a member counts every call. The gateway refuses a path that the policy
    // of a caller cannot name.
    if !is_public {
        codes.extend(["unauthenticated", "forbidden", "rate_limited"]);
    }
    match endpoint.access {
        Access::Moderator | Access::Admin => {
            codes.extend(["account_deleted", "account_suspended"]);
        }
        // A key has no role: for staff it is `forbidden`.
        Access::Member => drop(codes.insert("scope_missing")),
        Access::Public | Access::Signed => {}
    }
    if endpoint.rate.is_some() {
        codes.insert("rate_limited");
    }
    if endpoint.method.has_body() {
        codes.insert("body_too_large");
        if endpoint.access != Access::Signed {
            codes.extend(["unsupported_media_type", "malformed_json"]);
        }
    }
    if endpoint.method != Method::Get && !is_public && !endpoint.for_suspended {
        codes.extend(["account_deleted", "account_suspended"]);
    }
    if endpoint.key != KeyRule::Ignored {
        codes.extend(["idempotency_key_invalid", "idempotency_key_reused"]);
    }
    if endpoint.key == KeyRule::Required {
        codes.insert("idempotency_key_required");
    }
    if endpoint.if_match {
        codes.insert("precondition_failed");
    }
    codes
}

/// Whether a request has fields.
fn has_fields(operation: &Operation) -> bool {
    let schema = operation.input.as_value();
    schema["properties"].as_object().is_some_and(|fields| !fields.is_empty())
}

fn notes(endpoint: &Endpoint) -> Vec<String> {
    let mut notes = Vec::new();
    if endpoint.method == Method::Post && endpoint.key == KeyRule::Ignored {
        notes.push(
            "An `Idempotency-Key` is not read: **Retry** says what a repeat does.".to_owned(),
        );
    }
    match (endpoint.access, endpoint.scope) {
        (Access::Member, Some(scope)) => {
            notes.push(format!("An API key needs the scope `{}`.", scope.into_str()));
        }
        (Access::Member, None) => notes.push("No API key may call it.".to_owned()),
        (Access::Public | Access::Moderator | Access::Admin | Access::Signed, _) => {}
    }
    if let Some(rate) = endpoint.rate {
        notes.push(format!("At most {} calls in {} seconds.", rate.max, rate.window.as_secs()));
    }
    notes
}

fn security(access: Access) -> Value {
    match access {
        Access::Public => json!([{}]),
        Access::Member | Access::Moderator | Access::Admin => json!([{"bearer": []}]),
        Access::Signed => json!([{"signature": []}]),
    }
}
