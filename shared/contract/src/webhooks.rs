//! The requests that we send: an event to each webhook that wants it.

use serde_json::{Map, Value, json};

/// Every event, by its type, from the schema of `domain`'s `EventData`.
///
/// # Errors
/// A sentence about an event without a type or a description.
pub fn webhooks(events: &Value) -> Result<Map<String, Value>, String> {
    let variants = events["oneOf"].as_array().ok_or("the events are no alternatives")?;
    variants.iter().map(webhook).collect()
}

fn webhook(variant: &Value) -> Result<(String, Value), String> {
    let properties = &variant["properties"];
    let name = properties["type"]["const"].as_str().ok_or("an event has no type")?;
    let about = variant["description"].as_str().ok_or_else(|| format!("{name}: no description"))?;
    let body = json!({
        "type": "object",
        "required": ["type", "timestamp", "data"],
        "properties": {
            "type": {"const": name},
            "timestamp": {
                "description": "When it happened, which is not when it is sent.",
                "$ref": "#/components/schemas/Timestamp",
            },
            "data": properties["data"],
        },
    });
    let operation = json!({
        "operationId": format!("webhook-{}", name.replace(['.', '_'], "-")),
        "summary": name,
        "description": about,
        "tags": ["Webhooks"],
        "security": [],
        "parameters": [
            header("webhook-id", "Names the event: the same with every attempt."),
            header("webhook-timestamp", "When this attempt was sent, in Unix seconds."),
            header("webhook-signature", "Signatures by Standard Webhooks, separated by spaces."),
        ],
        "requestBody": {"required": true, "content": {"application/json": {"schema": body}}},
        "responses": {
            "2XX": {"description": "Received. Any other answer but 410 is retried."},
            "410": {"description": "The receiver is gone: the webhook is disabled."},
        },
    });
    Ok((name.to_owned(), json!({"post": operation})))
}

fn header(name: &str, description: &str) -> Value {
    let schema = json!({"type": "string"});
    json!({"name": name, "in": "header", "required": true, "description": description, "schema": schema})
}
