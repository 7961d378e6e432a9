//! The error of a field that does not fit its type, with a JSON pointer to it.

use std::fmt;

use domain::{
    FieldError,
    error::{InvalidFields, pointer_segment},
};
use serde::de::{self, Expected, Unexpected};

use crate::error::ApiError;

/// The code of a field that the request type does not have.
pub(super) const UNKNOWN_FIELD: &str = "unknown_field";

/// A field that does not fit its type; each level adds its segment to the pointer.
#[derive(Debug, thiserror::Error)]
#[error("{}: {}", .0.pointer, .0.detail)]
pub(super) struct InputError(FieldError);

impl InputError {
    fn new(code: &'static str, detail: impl Into<String>) -> InputError {
        InputError(FieldError::new("", code, detail))
    }

    fn mismatch(code: &'static str, found: Unexpected<'_>, wanted: &dyn Expected) -> InputError {
        // The type of a field holds more than the field allows, so its end says nothing.
        if let (Unexpected::Unsigned(number), "u8" | "u16" | "u32") =
            (found, wanted.to_string().as_str())
        {
            return InputError::new(code, format!("{number} is too large."));
        }
        let detail = format!("Expected {}, got {}.", in_terms_of_json(wanted), received(found));
        InputError::new(code, detail)
    }

    /// The request type has no such field.
    pub(super) fn unknown(field: &str) -> InputError {
        InputError::new(UNKNOWN_FIELD, "There is no such field.").within(field)
    }

    /// A parameter is sent more than once, but is not a list.
    pub(super) fn repeated() -> InputError {
        InputError::new("duplicate_field", "Send this field once.")
    }

    /// The same error, seen from the object or the list around the field (RFC 6901, section 3).
    pub(super) fn within(self, segment: impl fmt::Display) -> InputError {
        let segment = pointer_segment(&segment.to_string());
        let pointer = format!("/{segment}{}", self.0.pointer);
        InputError(FieldError { pointer, ..self.0 })
    }
}

impl From<InputError> for FieldError {
    fn from(error: InputError) -> FieldError {
        error.0
    }
}

impl From<InputError> for ApiError {
    fn from(error: InputError) -> ApiError {
        InvalidFields(vec![error.into()]).into()
    }
}

impl de::Error for InputError {
    fn custom<T: fmt::Display>(message: T) -> InputError {
        let message = message.to_string();
        match message.contains("variant of untagged enum") {
            true => InputError::new("invalid_value", "It has none of the allowed forms."),
            false => InputError::new("invalid_value", sentence(&message)),
        }
    }
    fn invalid_type(unexpected: Unexpected<'_>, expected: &dyn Expected) -> InputError {
        InputError::mismatch("wrong_type", unexpected, expected)
    }
    fn invalid_value(unexpected: Unexpected<'_>, expected: &dyn Expected) -> InputError {
        InputError::mismatch("invalid_value", unexpected, expected)
    }
    fn invalid_length(length: usize, expected: &dyn Expected) -> InputError {
        let expected = in_terms_of_json(expected);
        let detail = format!("Expected {expected}, got {length} items.");
        InputError::new("invalid_length", detail)
    }
    fn unknown_variant(_: &str, expected: &'static [&'static str]) -> InputError {
        InputError::new("unknown_value", format!("Expected one of: {}.", expected.join(", ")))
    }
    fn unknown_field(field: &str, _: &'static [&'static str]) -> InputError {
        InputError::unknown(field)
    }
    fn missing_field(field: &'static str) -> InputError {
        InputError::new("missing_field", "This field is required.").within(field)
    }
    fn duplicate_field(field: &'static str) -> InputError {
        InputError::repeated().within(field)
    }
}

/// The expected type, in JSON's terms rather than in Rust's.
fn in_terms_of_json(expected: &dyn Expected) -> String {
    let name = expected.to_string();
    match name.as_str() {
        "u8" | "u16" | "u32" | "u64" | "usize" => "a whole number that is not negative".to_owned(),
        "i8" | "i16" | "i32" | "i64" | "isize" => "a whole number".to_owned(),
        "f32" | "f64" => "a number".to_owned(),
        "a sequence" => "a list".to_owned(),
        "a map" => "an object".to_owned(),
        "unit" => "null".to_owned(),
        name => match OF_RUST.iter().find(|(begins, _)| name.starts_with(begins)) {
            Some((_, plain)) => (*plain).to_owned(),
            None => name.to_owned(),
        },
    }
}

/// How serde begins the name of a type of ours, and what that is in JSON.
const OF_RUST: [(&str, &str); 11] = [
    ("struct ", "an object"),
    ("internally tagged enum ", "an object"),
    ("adjacently tagged enum ", "an object"),
    ("enum ", "one of the allowed values"),
    ("variant ", "one of the allowed values"),
    ("unit variant ", "one of the allowed values"),
    ("unit struct ", "null"),
    ("tuple ", "a list of a fixed length"),
    ("a tuple ", "a list of a fixed length"),
    ("an array ", "a list of a fixed length"),
    ("field identifier", "the name of a field"),
];

/// The value received. Text is not repeated: it may be long or confidential.
fn received(unexpected: Unexpected<'_>) -> String {
    match unexpected {
        Unexpected::Bool(value) => value.to_string(),
        Unexpected::Unsigned(number) => number.to_string(),
        Unexpected::Signed(number) => number.to_string(),
        Unexpected::Float(number) => number.to_string(),
        Unexpected::Str(_) | Unexpected::Char(_) | Unexpected::Bytes(_) => "a string".to_owned(),
        Unexpected::Unit | Unexpected::Option => "null".to_owned(),
        Unexpected::Seq => "a list".to_owned(),
        Unexpected::Map => "an object".to_owned(),
        Unexpected::NewtypeStruct
        | Unexpected::Enum
        | Unexpected::UnitVariant
        | Unexpected::NewtypeVariant
        | Unexpected::TupleVariant
        | Unexpected::StructVariant
        | Unexpected::Other(_) => "another type".to_owned(),
    }
}

fn sentence(text: &str) -> String {
    let mut chars = text.trim_end_matches('.').chars();
    let first = chars.next().map(|first| first.to_uppercase().to_string()).unwrap_or_default();
    format!("{first}{}.", chars.as_str())
}
