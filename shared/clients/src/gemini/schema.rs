//! FIBO's structured prompt as a Gemini response schema (the API's subset of OpenAPI 3.0).
//!
//! The members are those of [`domain::fibo::StructuredPrompt`]; a test compares the two.

use serde_json::{Map, Value, json};

use domain::fibo::OBJECTS_MAX;

/// The schema of a whole structured prompt.
pub(super) fn structured_prompt() -> Value {
    object(&[
        ("short_description", text()),
        ("objects", list(thing(), OBJECTS_MAX)),
        ("background_setting", text()),
        ("lighting", object(&[("conditions", text()), ("direction", text()), ("shadows", text())])),
        (
            "aesthetics",
            object(&[
                ("composition", text()),
                ("color_scheme", text()),
                ("mood_atmosphere", text()),
            ]),
        ),
        (
            "photographic_characteristics",
            object(&[
                ("depth_of_field", text()),
                ("focus", text()),
                ("camera_angle", text()),
                ("lens_focal_length", text()),
            ]),
        ),
        ("style_medium", text()),
        ("artistic_style", text()),
        ("text_render", list(rendered_text(), OBJECTS_MAX)),
        ("context", text()),
    ])
}

fn thing() -> Value {
    object(&[
        ("description", text()),
        ("location", text()),
        ("relationship", text()),
        ("relative_size", text()),
        ("shape_and_color", text()),
        ("texture", optional("STRING")),
        ("appearance_details", optional("STRING")),
        ("number_of_objects", optional("INTEGER")),
        ("pose", optional("STRING")),
        ("expression", optional("STRING")),
        ("clothing", optional("STRING")),
        ("action", optional("STRING")),
        ("gender", optional("STRING")),
        ("skin_tone_and_texture", optional("STRING")),
        ("orientation", optional("STRING")),
    ])
}

fn rendered_text() -> Value {
    object(&[
        ("text", text()),
        ("location", text()),
        ("size", text()),
        ("color", text()),
        ("font", text()),
        ("appearance_details", optional("STRING")),
    ])
}

fn text() -> Value {
    json!({"type": "STRING"})
}

fn optional(kind: &str) -> Value {
    json!({"type": kind, "nullable": true})
}

fn list(item: Value, most: usize) -> Value {
    json!({"type": "ARRAY", "items": item, "maxItems": most})
}

/// An object that requires every non-nullable member, in this order.
fn object(members: &[(&str, Value)]) -> Value {
    let names: Vec<&str> = members.iter().map(|(name, _)| *name).collect();
    let required: Vec<&str> = members
        .iter()
        .filter(|(_, schema)| schema.get("nullable").is_none())
        .map(|(name, _)| *name)
        .collect();
    let properties: Map<String, Value> =
        members.iter().map(|(name, schema)| ((*name).to_owned(), schema.clone())).collect();
    json!({
        "type": "OBJECT",
        "properties": properties,
        "required": required,
        "propertyOrdering": names,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::fibo::StructuredPrompt;

    /// The smallest value a schema allows, with every member present.
    fn example(schema: &Value) -> Value {
        match schema["type"].as_str().unwrap() {
            "OBJECT" => {
                let members = schema["properties"].as_object().unwrap().iter();
                members.map(|(name, schema)| (name.clone(), example(schema))).collect()
            }
            "ARRAY" => json!([example(&schema["items"])]),
            "INTEGER" => json!(1),
            _ => json!("x"),
        }
    }

    fn has_unknown_members(value: &Value) -> bool {
        let prompt: StructuredPrompt = serde_json::from_value(value.clone()).unwrap();
        !prompt.extra.is_empty()
            || !prompt.lighting.extra.is_empty()
            || !prompt.aesthetics.extra.is_empty()
            || prompt.objects.iter().any(|object| !object.extra.is_empty())
            || prompt.text_render.iter().any(|text| !text.extra.is_empty())
            || prompt.photographic_characteristics.is_some_and(|view| !view.extra.is_empty())
    }

    #[test]
    fn what_the_schema_allows_is_a_structured_prompt_and_nothing_is_forgotten() {
        let full = example(&structured_prompt());
        assert!(!has_unknown_members(&full));
        let prompt: StructuredPrompt = serde_json::from_value(full.clone()).unwrap();
        assert_eq!(prompt.validate(), Ok(()));
        assert_eq!(serde_json::to_value(prompt).unwrap(), full);
    }
}
