//! FIBO's structured prompt: the JSON from which an image is made.
//!
//! The shape is that of Bria's open FIBO repository (`gemini_api.py`): every leaf is free text,
//! nothing is a number with a unit. Unknown fields survive a round trip, because the hosted models
//! are ahead of the published schema.

mod lexicon;
mod limits;
mod template;
mod wording;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// Most objects the model attends to.
pub const OBJECTS_MAX: usize = 5;
/// Most pieces of rendered text.
pub const TEXT_RENDERS_MAX: usize = 8;
/// Longest `short_description`, in characters: the 200 words of the schema.
pub const DESCRIPTION_CHARS_MAX: usize = 2_000;
/// Longest other text, in characters.
pub const TEXT_CHARS_MAX: usize = 1_000;
/// Largest canonical form, in bytes.
pub const CANONICAL_BYTES_MAX: usize = 8 * 1024;
/// Most lists and objects inside each other: DynamoDB stores 32, those around the prompt included.
pub const DEPTH_MAX: usize = 20;

/// FIBO's complete input for one image.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct StructuredPrompt {
    /// The whole image in a few sentences. It repeats the rest and must agree with it.
    pub short_description: String,
    /// The objects in the image, most important first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub objects: Vec<Object>,
    /// What is behind and around the objects.
    pub background_setting: String,
    /// The light.
    pub lighting: Lighting,
    /// Composition, colour and mood.
    pub aesthetics: Aesthetics,
    /// The camera, for photographs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub photographic_characteristics: Option<PhotographicCharacteristics>,
    /// `photograph`, `oil painting` and so on.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub style_medium: String,
    /// At most three words.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub artistic_style: String,
    /// Text that must be readable in the image.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub text_render: Vec<TextRender>,
    /// The kind and purpose of the image.
    pub context: String,
    /// Fields of newer models.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

/// One thing or person in the image.
#[serde_with::skip_serializing_none]
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Object {
    /// What it is.
    pub description: String,
    /// Position in the frame.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub location: String,
    /// Relation to the other objects.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub relationship: String,
    /// Size within the frame.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub relative_size: String,
    /// Shape and colour.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub shape_and_color: String,
    /// Surface texture.
    pub texture: Option<String>,
    /// Other visible details.
    pub appearance_details: Option<String>,
    /// Number of such objects.
    pub number_of_objects: Option<u32>,
    /// Pose of a person or an animal.
    pub pose: Option<String>,
    /// Facial expression.
    pub expression: Option<String>,
    /// A person's clothing.
    pub clothing: Option<String>,
    /// What it is doing.
    pub action: Option<String>,
    /// A person's gender.
    pub gender: Option<String>,
    /// A person's skin.
    pub skin_tone_and_texture: Option<String>,
    /// Which way it faces.
    pub orientation: Option<String>,
    /// Fields of newer models.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

/// The light in words.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Lighting {
    /// Kind, quality and colour of the light.
    pub conditions: String,
    /// Direction of the light.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub direction: String,
    /// The shadows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shadows: Option<String>,
    /// Fields of newer models.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

/// Composition, colour and mood in words.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Aesthetics {
    /// The composition of the frame.
    pub composition: String,
    /// The colour scheme.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub color_scheme: String,
    /// The mood.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub mood_atmosphere: String,
    /// Fields of newer models, and the scores that a model gave its own prompt.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

/// The camera in words.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct PhotographicCharacteristics {
    /// Depth of field.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub depth_of_field: String,
    /// What is in focus.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub focus: String,
    /// Camera angle.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub camera_angle: String,
    /// The lens.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub lens_focal_length: String,
    /// Fields of newer models.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

/// A piece of text to be rendered.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct TextRender {
    /// The text itself.
    pub text: String,
    /// Position in the frame.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub location: String,
    /// Text size.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub size: String,
    /// Text colour.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub color: String,
    /// Typeface.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub font: String,
    /// Other visible details.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub appearance_details: Option<String>,
    /// Fields of newer models.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

impl StructuredPrompt {
    /// The prompt without the scores that a model appends to `aesthetics`: they must not be fed
    /// back to it.
    #[must_use]
    pub fn without_scores(mut self) -> StructuredPrompt {
        for score in ["preference_score", "aesthetic_score"] {
            self.aesthetics.extra.remove(score);
        }
        self
    }

    /// The compact JSON sent to the model and hashed: fields in the schema's order, then unknown
    /// ones, and nothing null or empty.
    pub fn canonical_json(&self) -> String {
        let pruned = match serde_json::to_value(self) {
            Ok(value) => prune(value),
            Err(_) => None, // String keys and plain data: there is no way to fail.
        };
        let text = pruned.and_then(|value| serde_json::from_value::<StructuredPrompt>(value).ok());
        serde_json::to_string(text.as_ref().unwrap_or(self)).unwrap_or_default()
    }
}

/// `value` without nulls, empty texts, empty lists and empty objects, at any depth.
fn prune(value: Value) -> Option<Value> {
    match value {
        Value::Null => None,
        Value::Bool(_) | Value::Number(_) => Some(value),
        Value::String(ref text) => (!text.is_empty()).then_some(value),
        Value::Array(items) => {
            let items: Vec<Value> = items.into_iter().filter_map(prune).collect();
            (!items.is_empty()).then_some(Value::Array(items))
        }
        Value::Object(members) => {
            let members: Map<String, Value> = members
                .into_iter()
                .filter_map(|(name, member)| Some((name, prune(member)?)))
                .collect();
            (!members.is_empty()).then_some(Value::Object(members))
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{camera::CameraSettings, error::InvalidFields, lighting::LightingRig};

    fn sample() -> StructuredPrompt {
        serde_json::from_value(json!({
            "short_description": "A glass bottle on slate. Soft window light from the left. \
                                  Shot with a macro lens. It looks fresh.",
            "objects": [{
                "description": "a bottle", "location": "centre", "relationship": "on slate",
                "relative_size": "large", "shape_and_color": "round, green", "texture": null,
                "sheen": "high"
            }],
            "background_setting": "slate",
            "lighting": {"conditions": "window light", "direction": "left", "shadows": null},
            "aesthetics": {"composition": "centred", "color_scheme": "green",
                           "mood_atmosphere": "fresh", "preference_score": "very high"},
            "style_medium": "photograph", "artistic_style": "realistic",
            "text_render": [],
            "context": "advertisement",
            "world_knowledge": {"era": "", "place": "Kyoto", "tags": [null, {}]}
        }))
        .unwrap()
    }

    #[test]
    fn unknown_fields_survive_and_emptiness_does_not() {
        assert_eq!(
            sample().without_scores().canonical_json(),
            concat!(
                r#"{"short_description":"A glass bottle on slate. Soft window light from the "#,
                r#"left. Shot with a macro lens. It looks fresh.","objects":[{"description":"#,
                r#""a bottle","location":"centre","relationship":"on slate","relative_size":"#,
                r#""large","shape_and_color":"round, green","sheen":"high"}],"#,
                r#""background_setting":"slate","lighting":{"conditions":"window light","#,
                r#""direction":"left"},"aesthetics":{"composition":"centred","color_scheme":"#,
                r#""green","mood_atmosphere":"fresh"},"style_medium":"photograph","#,
                r#""artistic_style":"realistic","context":"advertisement","#,
                r#""world_knowledge":{"place":"Kyoto"}}"#,
            )
        );
    }

    #[test]
    fn the_canonical_form_reads_back_as_itself() {
        let text = sample().canonical_json();
        let again: StructuredPrompt = serde_json::from_str(&text).unwrap();
        assert_eq!(again.canonical_json(), text);
    }

    #[test]
    fn another_light_or_camera_replaces_what_the_description_said_of_it() {
        let rig = LightingRig::rembrandt();
        let relit = sample().with_lighting(&rig);
        assert_eq!(relit.lighting, rig.phrases());
        assert_eq!(
            relit.short_description,
            "A glass bottle on slate. Shot with a macro lens. It looks fresh. Lighting: low-key, \
             high-contrast studio lighting, moderately hard setup of 4 lights, warm tungsten 3600 K \
             key light with neutral daylight 5600 K fill light, key light from the front left, 58 \
             degrees off axis, above eye level in a Rembrandt pattern."
        );
        assert_eq!(relit.objects, sample().objects);
        let high = LightingRig::high_key();
        let twice = relit.with_lighting(&high);
        assert_eq!(twice.short_description, sample().with_lighting(&high).short_description);

        let camera = CameraSettings::default();
        let seen = sample().with_camera(&camera).with_camera(&camera);
        assert_eq!(
            seen.short_description,
            "A glass bottle on slate. Soft window light from the left. It looks fresh. Camera: \
             portrait lens, 85 mm at f/4, eye level, depth of field shallow, background softly \
             blurred."
        );
    }

    fn check(change: impl FnOnce(&mut StructuredPrompt), expected: &[&str]) {
        let mut prompt = sample();
        change(&mut prompt);
        let found = match prompt.validate() {
            Ok(()) => Vec::new(),
            Err(InvalidFields(fields)) => fields.into_iter().map(|field| field.pointer).collect(),
        };
        assert_eq!(found, expected);
    }

    #[test]
    fn a_prompt_outside_its_limits_is_refused_field_by_field() {
        check(|_| {}, &[]);
        check(|p| p.short_description = " ".into(), &["/short_description"]);
        check(|p| p.short_description = "é".repeat(2_000), &[]);
        check(|p| p.short_description = "x".repeat(2_001), &["/short_description"]);
        check(|p| p.objects = vec![p.objects[0].clone(); 6], &["/objects"]);
        check(|p| p.objects[0].description.clear(), &["/objects/0/description"]);
        check(|p| p.objects[0].pose = Some("x".repeat(1_001)), &["/objects/0/pose"]);
        check(|p| p.lighting.conditions.clear(), &["/lighting/conditions"]);
        check(|p| p.text_render = vec![TextRender::default()], &["/text_render/0/text"]);
        check(
            |p| {
                p.extra.insert("notes".into(), "x".repeat(8_192).into());
            },
            &[""],
        );
    }

    #[test]
    fn a_field_of_a_newer_model_is_refused_if_it_cannot_be_stored() {
        let extra = |name: &str, value: Value| {
            let name = name.to_owned();
            move |p: &mut StructuredPrompt| drop(p.lighting.extra.insert(name, value))
        };
        let nested = |depth: usize| (0..depth).fold(json!(1), |inner, _| json!([inner]));
        for value in [json!(1e125), json!(-1e125), json!(u64::MAX), json!(i64::MIN), nested(18)] {
            check(extra("lumen", value), &[]);
        }
        for value in [json!(1e126), json!(-1.7e308)] {
            check(extra("lumen", value), &["/lighting/lumen"]);
        }
        check(extra("a/~b", json!([0, {"c": 1e300}])), &["/lighting/a~1~0b/1/c"]);
        check(extra("lumen", json!({"": 1})), &["/lighting/lumen"]);
        let too_deep = format!("/lighting/lumen{}", "/0".repeat(19));
        check(extra("lumen", nested(19)), &[too_deep.as_str()]);
    }
}
