//! What a listing sells, and how a generation uses it.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    camera::CameraSettings,
    error::{FieldCheck, InvalidFields, pointer_segment},
    fibo::StructuredPrompt,
    lighting::LightingRig,
    marketplace::Kind,
    text,
};

/// Most slots of a template.
pub const SLOTS_MAX: usize = 12;
/// Longest name of a slot, in characters.
pub const SLOT_NAME_CHARS_MAX: usize = 32;
/// Longest label of a slot, in characters.
pub const SLOT_LABEL_CHARS_MAX: usize = 80;
/// Longest value of a slot, in characters.
pub const SLOT_VALUE_CHARS_MAX: usize = 200;
/// Longest id of a tailored model, in characters.
pub const MODEL_ID_CHARS_MAX: usize = 100;

/// What a listing sells. Its type determines the parts.
#[serde_with::skip_serializing_none]
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct Content {
    /// Required in a camera preset; optional in a lighting preset and a template.
    pub camera: Option<CameraSettings>,
    /// Required in a lighting preset; optional in a template.
    pub lighting: Option<LightingRig>,
    /// Required in a template: its texts contain slots, written `{{name}}`.
    pub structured_prompt: Option<StructuredPrompt>,
    /// The slots of a template.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "schema", schemars(length(max = SLOTS_MAX)))]
    pub slots: Vec<Slot>,
    /// The provider's name for a tailored model.
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = MODEL_ID_CHARS_MAX)))]
    pub model_id: Option<String>,
}

/// A placeholder in a template that its user fills.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Slot {
    /// The name between the braces: a lower-case letter, then letters, digits and underscores.
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = SLOT_NAME_CHARS_MAX)))]
    pub name: String,
    /// The label in the user interface.
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = SLOT_LABEL_CHARS_MAX)))]
    pub label: String,
    /// Used if no value is given; without a default, a value is required.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = SLOT_VALUE_CHARS_MAX)))]
    pub default: Option<String>,
}

impl Content {
    /// The content as anyone but its creator may read it, without the model's id: a model is used
    /// by naming the listing.
    #[must_use]
    pub fn disclosed(self) -> Content {
        Content { model_id: None, ..self }
    }

    /// # Errors
    /// Parts that the kind requires or excludes, parts that are invalid in themselves, and slots
    /// that are declared but unused, or used but undeclared.
    pub fn validate(&self, kind: Kind) -> Result<(), InvalidFields> {
        let mut check = FieldCheck::new();
        let template = kind == Kind::FiboTemplate;
        let rig = kind == Kind::LightingPreset;
        let parts: [(&str, bool, bool, bool); 5] = [
            ("/camera", self.camera.is_some(), kind == Kind::CameraPreset, rig || template),
            ("/lighting", self.lighting.is_some(), rig, template),
            ("/structured_prompt", self.structured_prompt.is_some(), template, false),
            ("/slots", !self.slots.is_empty(), false, template),
            ("/model_id", self.model_id.is_some(), kind == Kind::ModelFinetune, false),
        ];
        for (pointer, is_there, must_be, may_be) in parts {
            let name = kind.terms().name;
            check.require(is_there || !must_be, pointer, "missing", || format!("a {name} has it"));
            check.require(!is_there || must_be || may_be, pointer, "not_of_this_type", || {
                format!("a {name} has no such part")
            });
        }
        if let Some(camera) = &self.camera {
            check.absorb("/camera", camera.validate());
        }
        if let Some(lighting) = &self.lighting {
            check.absorb("/lighting", lighting.validate());
            let shining = lighting.lights.iter().any(|light| light.intensity > DARK_STOPS);
            check.require(shining, "/lighting/lights", "dark", || {
                format!("at least one light must be brighter than {DARK_STOPS} stops")
            });
        }
        if let Some(model) = &self.model_id {
            check_model(&mut check, model);
        }
        if let Some(prompt) = &self.structured_prompt {
            check.absorb("/structured_prompt", prompt.validate());
            self.check_slots(&mut check, prompt);
        }
        check.finish()
    }

    fn check_slots(&self, check: &mut FieldCheck, prompt: &StructuredPrompt) {
        check_count(check, self.slots.len());
        let used = slots_in(&serde_json::to_value(prompt).unwrap_or_default());
        let mut named = BTreeSet::new();
        for (nth, slot) in self.slots.iter().enumerate().take(SLOTS_MAX) {
            let pointer = format!("/slots/{nth}");
            check.absorb(&pointer, slot.validate());
            check.require(named.insert(slot.name.as_str()), &pointer, "twice", || {
                format!("two slots are named {}", cut(&slot.name))
            });
            check.require(used.contains(&slot.name), &pointer, "unused_slot", || {
                format!("no text of the prompt uses {{{{{}}}}}", cut(&slot.name))
            });
        }
        let unknown = used.iter().filter(|name| !named.contains(name.as_str()));
        for name in unknown.take(SLOTS_MAX) {
            check.require(false, "/structured_prompt", "unknown_slot", || {
                format!("the prompt uses {{{{{}}}}}, which is not a slot", cut(name))
            });
        }
    }

    /// The structured prompt with its slots filled; `None` where the content has no prompt.
    ///
    /// # Errors
    /// Values of unknown slots, missing or invalid values, and a filled prompt that is too large;
    /// the pointers begin with `/slots` or `/structured_prompt`.
    pub fn fill(
        &self,
        values: &BTreeMap<String, String>,
    ) -> Result<Option<StructuredPrompt>, InvalidFields> {
        let mut check = FieldCheck::new();
        check_count(&mut check, values.len());
        for (name, value) in values.iter().take(SLOTS_MAX) {
            let pointer = format!("/slots/{}", pointer_segment(&cut(name)));
            let known = self.slots.iter().any(|slot| slot.name == *name);
            check.require(known, &pointer, "unknown_slot", || self.slots_for_people());
            check_value(&mut check, &pointer, value);
        }
        let mut filled = BTreeMap::new();
        for slot in &self.slots {
            let value = values.get(&slot.name).or(slot.default.as_ref());
            let pointer = format!("/slots/{}", slot.name);
            check.require(value.is_some(), &pointer, "missing", || slot.label.clone());
            filled.extend(value.map(|value| (slot.name.as_str(), value.as_str())));
        }
        check.finish()?;
        let Some(prompt) = &self.structured_prompt else { return Ok(None) };
        let mut json = serde_json::to_value(prompt).unwrap_or_default();
        each_text(&mut json, &mut |text| *text = replaced(text, &filled));
        let prompt = serde_json::from_value::<StructuredPrompt>(json).unwrap_or(prompt.clone());
        let mut check = FieldCheck::new();
        check.absorb("/structured_prompt", prompt.validate());
        check.finish()?;
        Ok(Some(prompt))
    }

    /// The content of a template as an example: its prompt with these values, and without a value
    /// the default or else the label. Content without a prompt stays as it is.
    ///
    /// # Errors
    /// As [`Content::fill`].
    pub fn example(&self, values: &BTreeMap<String, String>) -> Result<Content, InvalidFields> {
        let mut shown = self.clone();
        for Slot { label, default, .. } in &mut shown.slots {
            default.get_or_insert_with(|| label.clone());
        }
        let structured_prompt = shown.fill(values)?;
        Ok(Content { structured_prompt, slots: Vec::new(), ..shown })
    }

    fn slots_for_people(&self) -> String {
        let names: Vec<&str> = self.slots.iter().map(|slot| slot.name.as_str()).collect();
        match names.is_empty() {
            true => "this listing has no slots".to_owned(),
            false => format!("the slots are {}", names.join(", ")),
        }
    }
}

/// A light at or below this intensity is invisible in an image.
pub(super) const DARK_STOPS: f64 = -6.0;

impl Slot {
    fn validate(&self) -> Result<(), InvalidFields> {
        let mut check = FieldCheck::new();
        check.require(is_slot_name(&self.name), "/name", "name", || {
            format!("a lower-case letter, then up to {SLOT_NAME_CHARS_MAX} of a-z, 0-9 and _")
        });
        let fits = text::length(&self.label) <= SLOT_LABEL_CHARS_MAX;
        check.require(fits && text::is_line(&self.label), "/label", "text", || {
            format!("1 to {SLOT_LABEL_CHARS_MAX} visible characters")
        });
        if let Some(default) = &self.default {
            check_value(&mut check, "/default", default);
        }
        check.finish()
    }
}

fn is_slot_name(name: &str) -> bool {
    let plain = name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
    let begins = name.bytes().next().is_some_and(|first| first.is_ascii_lowercase());
    plain && begins && name.len() <= SLOT_NAME_CHARS_MAX
}

fn check_count(check: &mut FieldCheck, count: usize) {
    check.require(count <= SLOTS_MAX, "/slots", "too_many", || {
        format!("at most {SLOTS_MAX} slots, not {count}")
    });
}

fn check_value(check: &mut FieldCheck, pointer: &str, value: &str) {
    let count = text::length(value);
    let fits = (1..=SLOT_VALUE_CHARS_MAX).contains(&count);
    check.require(fits, pointer, "length", || {
        format!("1 to {SLOT_VALUE_CHARS_MAX} characters, not {count}")
    });
    let plain = text::is_visible(value) && !value.contains("{{") && !value.contains("}}");
    check.require(plain, pointer, "text", || "must be visible text without braces".to_owned());
}

fn check_model(check: &mut FieldCheck, model: &str) {
    let plain = model.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'));
    let begins = model.bytes().next().is_some_and(|first| first.is_ascii_alphanumeric());
    let fits = model.len() <= MODEL_ID_CHARS_MAX;
    check.require(plain && begins && fits, "/model_id", "model_id", || {
        format!(
            "a letter or digit, then up to {MODEL_ID_CHARS_MAX} of letters, digits, dots, dashes \
             and underscores"
        )
    });
}

/// The caller's name of a slot, truncated to the longest valid name.
fn cut(name: &str) -> String {
    name.chars().take(SLOT_NAME_CHARS_MAX).collect()
}

/// The names of all slots in the texts of `json`.
fn slots_in(json: &Value) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut json = json.clone();
    each_text(&mut json, &mut |text| {
        found.extend(pieces(text).filter_map(|(_, name)| name.map(str::to_owned)));
    });
    found
}

fn replaced(text: &str, values: &BTreeMap<&str, &str>) -> String {
    pieces(text).fold(String::with_capacity(text.len()), |mut whole, (before, name)| {
        whole.push_str(before);
        whole.push_str(name.and_then(|name| values.get(name)).copied().unwrap_or_default());
        whole
    })
}

/// The text between slots, each with the name of the slot after it; the last piece has none.
fn pieces(text: &str) -> impl Iterator<Item = (&str, Option<&str>)> {
    let mut rest = Some(text);
    std::iter::from_fn(move || {
        let here = rest?;
        let slot = here.split_once("{{").and_then(|(before, after)| {
            let (name, after) = after.split_once("}}")?;
            Some((before, name.trim(), after))
        });
        let Some((before, name, after)) = slot else {
            rest = None;
            return Some((here, None));
        };
        rest = Some(after);
        Some((before, Some(name)))
    })
}

fn each_text(json: &mut Value, visit: &mut impl FnMut(&mut String)) {
    match json {
        Value::String(text) => visit(text),
        Value::Array(items) => items.iter_mut().for_each(|item| each_text(item, visit)),
        Value::Object(members) => members.values_mut().for_each(|item| each_text(item, visit)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}
