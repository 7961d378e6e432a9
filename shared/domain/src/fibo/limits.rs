//! The limits of a structured prompt, checked field by field.

use serde_json::Value;

use super::{
    CANONICAL_BYTES_MAX, DEPTH_MAX, DESCRIPTION_CHARS_MAX, OBJECTS_MAX, Object,
    PhotographicCharacteristics, StructuredPrompt, TEXT_CHARS_MAX, TEXT_RENDERS_MAX, TextRender,
};
use crate::{
    error::{FieldCheck, FieldError, InvalidFields, pointer_segment},
    number,
    text::{hides_nothing, length},
};

impl StructuredPrompt {
    /// # Errors
    /// Every text that is missing or too long, every list that is too long, the first value that
    /// cannot be stored, and a prompt that is larger than [`CANONICAL_BYTES_MAX`] (pointer ``, the prompt
    /// itself).
    pub fn validate(&self) -> Result<(), InvalidFields> {
        let mut check = FieldCheck::new();
        text(&mut check, "/short_description", &self.short_description, DESCRIPTION_CHARS_MAX);
        let required = [
            ("/background_setting", &self.background_setting),
            ("/lighting/conditions", &self.lighting.conditions),
            ("/aesthetics/composition", &self.aesthetics.composition),
            ("/context", &self.context),
        ];
        for (pointer, value) in required {
            text(&mut check, pointer, value, TEXT_CHARS_MAX);
        }
        let optional = [
            ("/lighting/direction", self.lighting.direction.as_str()),
            ("/lighting/shadows", self.lighting.shadows.as_deref().unwrap_or_default()),
            ("/aesthetics/color_scheme", &self.aesthetics.color_scheme),
            ("/aesthetics/mood_atmosphere", &self.aesthetics.mood_atmosphere),
            ("/style_medium", &self.style_medium),
            ("/artistic_style", &self.artistic_style),
        ];
        for (pointer, value) in optional {
            at_most(&mut check, pointer, value, TEXT_CHARS_MAX);
        }
        count(&mut check, "/objects", self.objects.len(), OBJECTS_MAX);
        for (index, object) in self.objects.iter().enumerate().take(OBJECTS_MAX) {
            check.absorb(&format!("/objects/{index}"), object.validate());
        }
        if let Some(view) = &self.photographic_characteristics {
            check.absorb("/photographic_characteristics", view.validate());
        }
        count(&mut check, "/text_render", self.text_render.len(), TEXT_RENDERS_MAX);
        for (index, render) in self.text_render.iter().enumerate().take(TEXT_RENDERS_MAX) {
            check.absorb(&format!("/text_render/{index}"), render.validate());
        }
        let value = serde_json::to_value(self).unwrap_or_default();
        if let Some(field) = unstorable(&value, "", 0) {
            check.absorb("", Err(InvalidFields(vec![field])));
        }
        check.require(self.canonical_json().len() <= CANONICAL_BYTES_MAX, "", "too_large", || {
            format!("The structured prompt may have at most {CANONICAL_BYTES_MAX} bytes of JSON.")
        });
        check.finish()
    }
}

/// The first part of `value` that cannot be stored: the fields of newer models have any shape.
fn unstorable(value: &Value, pointer: &str, depth: usize) -> Option<FieldError> {
    if depth > DEPTH_MAX {
        let detail = format!("At most {DEPTH_MAX} lists and objects inside each other.");
        return Some(FieldError::new(pointer, "too_deep", detail));
    }
    match value {
        Value::Number(number) => {
            let is_stored = number.as_f64().is_some_and(|it| it.abs() <= number::GREATEST);
            let detail = || format!("Must be {:e} to {:e}.", -number::GREATEST, number::GREATEST);
            (!is_stored).then(|| FieldError::new(pointer, "out_of_range", detail()))
        }
        Value::Array(items) => items
            .iter()
            .enumerate()
            .find_map(|(index, item)| unstorable(item, &format!("{pointer}/{index}"), depth + 1)),
        Value::Object(members) => members.iter().find_map(|(name, member)| {
            if name.is_empty() {
                return Some(FieldError::new(pointer, "empty_name", "A field has a name."));
            }
            unstorable(member, &format!("{pointer}/{}", pointer_segment(name)), depth + 1)
        }),
        Value::Null | Value::Bool(_) | Value::String(_) => None,
    }
}

impl Object {
    fn validate(&self) -> Result<(), InvalidFields> {
        let mut check = FieldCheck::new();
        text(&mut check, "/description", &self.description, TEXT_CHARS_MAX);
        let optional = [
            ("/location", Some(&self.location)),
            ("/relationship", Some(&self.relationship)),
            ("/relative_size", Some(&self.relative_size)),
            ("/shape_and_color", Some(&self.shape_and_color)),
            ("/texture", self.texture.as_ref()),
            ("/appearance_details", self.appearance_details.as_ref()),
            ("/pose", self.pose.as_ref()),
            ("/expression", self.expression.as_ref()),
            ("/clothing", self.clothing.as_ref()),
            ("/action", self.action.as_ref()),
            ("/gender", self.gender.as_ref()),
            ("/skin_tone_and_texture", self.skin_tone_and_texture.as_ref()),
            ("/orientation", self.orientation.as_ref()),
        ];
        for (pointer, value) in optional {
            at_most(&mut check, pointer, value.map_or("", String::as_str), TEXT_CHARS_MAX);
        }
        check.finish()
    }
}

impl PhotographicCharacteristics {
    fn validate(&self) -> Result<(), InvalidFields> {
        let mut check = FieldCheck::new();
        for (pointer, value) in [
            ("/depth_of_field", &self.depth_of_field),
            ("/focus", &self.focus),
            ("/camera_angle", &self.camera_angle),
            ("/lens_focal_length", &self.lens_focal_length),
        ] {
            at_most(&mut check, pointer, value, TEXT_CHARS_MAX);
        }
        check.finish()
    }
}

impl TextRender {
    fn validate(&self) -> Result<(), InvalidFields> {
        let mut check = FieldCheck::new();
        text(&mut check, "/text", &self.text, TEXT_CHARS_MAX);
        for (pointer, value) in [
            ("/location", self.location.as_str()),
            ("/size", &self.size),
            ("/color", &self.color),
            ("/font", &self.font),
            ("/appearance_details", self.appearance_details.as_deref().unwrap_or_default()),
        ] {
            at_most(&mut check, pointer, value, TEXT_CHARS_MAX);
        }
        check.finish()
    }
}

fn text(check: &mut FieldCheck, pointer: &str, value: &str, chars_max: usize) {
    check.require(!value.trim().is_empty(), pointer, "empty", || "Must not be empty.".to_owned());
    at_most(check, pointer, value, chars_max);
}

fn at_most(check: &mut FieldCheck, pointer: &str, value: &str, chars_max: usize) {
    check.require(length(value) <= chars_max, pointer, "too_long", || {
        format!("At most {chars_max} characters.")
    });
    check.require(hides_nothing(value), pointer, "invisible_text", || {
        "Must be visible text: no control or zero-width characters.".to_owned()
    });
}

fn count(check: &mut FieldCheck, pointer: &str, found: usize, most: usize) {
    check.require(found <= most, pointer, "count", || format!("At most {most} of them."));
}
