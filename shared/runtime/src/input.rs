//! Reads path, query string and JSON body into the one type an endpoint asks for.
//!
//! All three become one tree of [`Input`], which is read through serde with our own error type, so
//! that a caller gets a JSON pointer, a stable code and what was expected. Text of a path or a
//! query string becomes a number where the type asks for one, and a list where it asks for a list:
//! `tag=a&tag=b` and `tag=a,b` are the same. A JSON body is taken as it is, except that its text is
//! normalized ([`domain::text::normalized`]) and a repeated key is refused.

use std::{collections::BTreeMap, fmt};

use domain::{FieldError, error::InvalidFields, text};
use serde::{
    Deserialize, Deserializer,
    de::{self, DeserializeOwned, IntoDeserializer, MapAccess, SeqAccess, Visitor, value},
    forward_to_deserialize_any,
};
use serde_json::Number;

use crate::error::ApiError;

/// A value of a request.
#[derive(Debug, Clone, PartialEq)]
enum Input {
    /// From a path or a query string: read as a number where the type asks for one.
    Text(String),
    /// A repeated key of a query string: only a list can be read from it.
    Texts(Vec<String>),
    Null,
    Bool(bool),
    Number(Number),
    String(String),
    List(Vec<Input>),
    Object(Vec<(String, Input)>),
}

/// A body that is not a JSON object in UTF-8.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unreadable {
    #[error("The body must be JSON: send `Content-Type: application/json`.")]
    MediaType,
    #[error("The body is longer than {max} bytes.")]
    TooLarge { max: usize },
    #[error("The body is not UTF-8.")]
    NotUtf8,
    #[error("The body is not well-formed JSON: {0}.")]
    NotJson(String),
    #[error("The body must be a JSON object.")]
    NotAnObject,
}

domain::domain_error! {
    Unreadable {
        TooLarge => TooLarge, "body_too_large";
        MediaType => Malformed, "unsupported_media_type";
        NotUtf8 => Malformed, "malformed_json";
        NotJson => Malformed, "malformed_json";
        NotAnObject => Malformed, "malformed_json";
    }
}

/// The parts of a request that make up its input.
#[derive(Debug)]
pub(crate) struct Parts<'a> {
    pub(crate) path: &'a BTreeMap<String, String>,
    pub(crate) query: Vec<(String, String)>,
    /// `None` where the query string is the input.
    pub(crate) body: Option<Body<'a>>,
}

/// A body to read as JSON.
#[derive(Debug)]
pub(crate) struct Body<'a> {
    pub(crate) content_type: Option<&'a str>,
    pub(crate) bytes: &'a [u8],
}

/// The input of a request, before it has a type.
#[derive(Debug)]
pub(crate) struct Untyped(Input);

impl Untyped {
    /// Path parameters with the JSON body or, where none is read, with the query string.
    ///
    /// # Errors
    /// [`Unreadable`], or [`InvalidFields`] when a field repeats a path parameter or a query string
    /// comes with a body.
    pub(crate) fn of(parts: Parts<'_>) -> Result<Untyped, ApiError> {
        let given = match (&parts.body, parts.query.first()) {
            (None, _) => query_fields(parts.query),
            (Some(body), None) => body_fields(body)?,
            (Some(_), Some((key, _))) => return Err(InputError::unknown(key).into()),
        };
        if let Some((key, _)) = given.iter().find(|(key, _)| parts.path.contains_key(key)) {
            return Err(InputError::unknown(key).into());
        }
        let path = parts.path.iter().map(|(key, text)| (key.clone(), Input::Text(text.clone())));
        Ok(Untyped(Input::Object(path.chain(given).collect())))
    }

    /// # Errors
    /// [`InvalidFields`] with the first field that does not fit `R`.
    pub(crate) fn read<R: DeserializeOwned>(self) -> Result<R, ApiError> {
        R::deserialize(self.0).map_err(ApiError::from)
    }
}

/// One field per key, in the order of first appearance.
fn query_fields(query: Vec<(String, String)>) -> Vec<(String, Input)> {
    let mut fields: Vec<(String, Input)> = Vec::with_capacity(query.len());
    for (key, text) in query {
        let known = fields.iter_mut().find(|(known, _)| *known == key);
        match known.map(|(_, value)| value) {
            None => fields.push((key, Input::Text(text))),
            Some(Input::Texts(texts)) => texts.push(text),
            Some(value) => {
                let first = std::mem::replace(value, Input::Null);
                *value = Input::Texts(first.into_text().into_iter().chain([text]).collect());
            }
        }
    }
    fields
}

fn body_fields(body: &Body<'_>) -> Result<Vec<(String, Input)>, ApiError> {
    if body.bytes.is_empty() {
        return Ok(Vec::new());
    }
    if !body.content_type.is_some_and(is_json) {
        return Err(ApiError::with_status(Unreadable::MediaType, 415));
    }
    let text = std::str::from_utf8(body.bytes).map_err(|_| Unreadable::NotUtf8)?;
    match serde_json::from_str(text).map_err(|e| Unreadable::NotJson(e.to_string()))? {
        Input::Object(fields) => Ok(fields),
        Input::Text(_)
        | Input::Texts(_)
        | Input::Null
        | Input::Bool(_)
        | Input::Number(_)
        | Input::String(_)
        | Input::List(_) => Err(Unreadable::NotAnObject.into()),
    }
}

fn is_json(content_type: &str) -> bool {
    let essence = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    essence == "application/json"
        || (essence.starts_with("application/") && essence.ends_with("+json"))
}

impl Input {
    fn into_text(self) -> Option<String> {
        match self {
            Input::Text(text) => Some(text),
            Input::Texts(_)
            | Input::Null
            | Input::Bool(_)
            | Input::Number(_)
            | Input::String(_)
            | Input::List(_)
            | Input::Object(_) => None,
        }
    }

    /// The items of a list in a query string: split at commas, blanks dropped.
    fn listed(texts: &[String]) -> Input {
        let items = texts.iter().flat_map(|text| text.split(',')).map(str::trim);
        let items = items.filter(|item| !item.is_empty());
        Input::List(items.map(|item| Input::Text(item.to_owned())).collect())
    }
}

/// Reads JSON as it is, except that its text is normalized and a repeated key is an error.
impl<'de> Deserialize<'de> for Input {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Input, D::Error> {
        deserializer.deserialize_any(InputVisitor)
    }
}

struct InputVisitor;

impl<'de> Visitor<'de> for InputVisitor {
    type Value = Input;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }
    fn visit_unit<E>(self) -> Result<Input, E> {
        Ok(Input::Null)
    }
    fn visit_bool<E>(self, value: bool) -> Result<Input, E> {
        Ok(Input::Bool(value))
    }
    fn visit_u64<E>(self, value: u64) -> Result<Input, E> {
        Ok(Input::Number(value.into()))
    }
    fn visit_i64<E>(self, value: i64) -> Result<Input, E> {
        Ok(Input::Number(value.into()))
    }
    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Input, E> {
        Number::from_f64(value).map(Input::Number).ok_or_else(|| E::custom("not a finite number"))
    }
    fn visit_str<E>(self, value: &str) -> Result<Input, E> {
        Ok(Input::String(text::normalized(value)))
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Input, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Input::List(list))
    }
    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Input, A::Error> {
        let mut seen = std::collections::HashSet::new();
        let mut fields = Vec::new();
        while let Some((key, value)) = entries.next_entry::<String, Input>()? {
            if !seen.insert(key.clone()) {
                return Err(de::Error::custom(format_args!("the key `{key}` is repeated")));
            }
            fields.push((key, value));
        }
        Ok(Input::Object(fields))
    }
}

/// A field that does not fit its type; each level adds its segment to the pointer.
#[derive(Debug)]
struct InputError(FieldError);

impl InputError {
    fn unknown(field: &str) -> InputError {
        let pointer = format!("/{}", escape(field));
        InputError(FieldError::new(pointer, "unknown_field", "There is no such field."))
    }

    fn repeated() -> InputError {
        InputError(FieldError::new("", "duplicate_field", "Send this field once."))
    }

    fn within(self, segment: impl fmt::Display) -> InputError {
        let pointer = format!("/{}{}", escape(&segment.to_string()), self.0.pointer);
        InputError(FieldError { pointer, ..self.0 })
    }
}

/// RFC 6901, section 3.
fn escape(segment: &str) -> String {
    segment.replace('~', "~0").replace('/', "~1")
}

impl From<InputError> for ApiError {
    fn from(misfit: InputError) -> ApiError {
        InvalidFields(vec![misfit.0]).into()
    }
}

impl std::error::Error for InputError {}

impl fmt::Display for InputError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.0.pointer, self.0.detail)
    }
}

impl de::Error for InputError {
    fn custom<T: fmt::Display>(message: T) -> InputError {
        InputError(FieldError::new("", "invalid_value", sentence(&message.to_string())))
    }
    fn invalid_type(unexpected: de::Unexpected<'_>, expected: &dyn de::Expected) -> InputError {
        let detail = format!("Expected {}, got {}.", wanted(expected), found(unexpected));
        InputError(FieldError::new("", "wrong_type", detail))
    }
    fn invalid_value(unexpected: de::Unexpected<'_>, expected: &dyn de::Expected) -> InputError {
        let detail = format!("Expected {}, got {}.", wanted(expected), found(unexpected));
        InputError(FieldError::new("", "invalid_value", detail))
    }
    fn invalid_length(length: usize, expected: &dyn de::Expected) -> InputError {
        let detail = format!("Expected {expected}, got {length} of them.");
        InputError(FieldError::new("", "invalid_length", detail))
    }
    fn unknown_variant(_: &str, expected: &'static [&'static str]) -> InputError {
        let detail = format!("Expected one of: {}.", expected.join(", "));
        InputError(FieldError::new("", "unknown_value", detail))
    }
    fn unknown_field(field: &str, _: &'static [&'static str]) -> InputError {
        InputError::unknown(field)
    }
    fn missing_field(field: &'static str) -> InputError {
        InputError(FieldError::new("", "missing_field", "This field is required.")).within(field)
    }
    fn duplicate_field(field: &'static str) -> InputError {
        InputError::repeated().within(field)
    }
}

/// The expected type, in JSON's terms rather than in Rust's.
fn wanted(expected: &dyn de::Expected) -> String {
    let name = expected.to_string();
    match name.as_str() {
        "u8" => format!("a whole number from 0 to {}", u8::MAX),
        "u16" => format!("a whole number from 0 to {}", u16::MAX),
        "u32" => format!("a whole number from 0 to {}", u32::MAX),
        "u64" | "usize" => "a whole number that is not negative".to_owned(),
        "i8" | "i16" | "i32" | "i64" | "isize" => "a whole number".to_owned(),
        "f32" | "f64" => "a number".to_owned(),
        "a sequence" => "a list".to_owned(),
        "a map" => "an object".to_owned(),
        name if name.starts_with("struct ") => "an object".to_owned(),
        _ => name,
    }
}

/// The value received. Text is not repeated: it may be long or confidential.
fn found(unexpected: de::Unexpected<'_>) -> String {
    match unexpected {
        de::Unexpected::Bool(value) => value.to_string(),
        de::Unexpected::Unsigned(number) => number.to_string(),
        de::Unexpected::Signed(number) => number.to_string(),
        de::Unexpected::Float(number) => number.to_string(),
        de::Unexpected::Str(_) | de::Unexpected::Char(_) | de::Unexpected::Bytes(_) => {
            "a string".to_owned()
        }
        de::Unexpected::Unit | de::Unexpected::Option => "null".to_owned(),
        de::Unexpected::Seq => "a list".to_owned(),
        de::Unexpected::Map => "an object".to_owned(),
        de::Unexpected::NewtypeStruct
        | de::Unexpected::Enum
        | de::Unexpected::UnitVariant
        | de::Unexpected::NewtypeVariant
        | de::Unexpected::TupleVariant
        | de::Unexpected::StructVariant
        | de::Unexpected::Other(_) => unexpected.to_string(),
    }
}

fn sentence(text: &str) -> String {
    let mut chars = text.trim_end_matches('.').chars();
    let first = chars.next().map(|first| first.to_uppercase().to_string()).unwrap_or_default();
    format!("{first}{}.", chars.as_str())
}

macro_rules! read_numbers {
    ($($method:ident => $visit:ident: $type:ty;)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, InputError> {
            let Input::Text(text) = self else { return self.deserialize_any(visitor) };
            match text.parse::<$type>() {
                Ok(number) => visitor.$visit(number),
                Err(_) => visitor.visit_string(text),
            }
        }
    )*};
}

impl<'de> Deserializer<'de> for Input {
    type Error = InputError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, InputError> {
        match self {
            Input::Text(text) | Input::String(text) => visitor.visit_string(text),
            Input::Texts(_) => Err(InputError::repeated()),
            Input::Null => visitor.visit_unit(),
            Input::Bool(value) => visitor.visit_bool(value),
            Input::Number(number) => match (number.as_u64(), number.as_i64(), number.as_f64()) {
                (Some(value), _, _) => visitor.visit_u64(value),
                (None, Some(value), _) => visitor.visit_i64(value),
                (None, None, value) => visitor.visit_f64(value.unwrap_or(f64::NAN)),
            },
            Input::List(items) => visitor.visit_seq(Items(items.into_iter().enumerate())),
            Input::Object(fields) => {
                visitor.visit_map(Entries { fields: fields.into_iter(), value: None })
            }
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, InputError> {
        if self == Input::Null { visitor.visit_none() } else { visitor.visit_some(self) }
    }

    /// A request without input: `()` accepts an object without fields.
    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, InputError> {
        let Input::Object(fields) = self else { return self.deserialize_any(visitor) };
        match fields.first() {
            None => visitor.visit_unit(),
            Some((field, _)) => Err(InputError::unknown(field)),
        }
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, InputError> {
        let Input::Text(text) = self else { return self.deserialize_any(visitor) };
        match text.as_str() {
            "true" => visitor.visit_bool(true),
            "false" => visitor.visit_bool(false),
            _ => visitor.visit_string(text),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, InputError> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, InputError> {
        match self {
            Input::Text(text) | Input::String(text) => {
                let variant: value::StringDeserializer<InputError> = text.into_deserializer();
                variant.deserialize_enum(name, variants, visitor)
            }
            Input::Object(fields) if fields.len() == 1 => {
                let entries = Entries { fields: fields.into_iter(), value: None };
                visitor.visit_enum(value::MapAccessDeserializer::new(entries))
            }
            Input::Texts(_)
            | Input::Null
            | Input::Bool(_)
            | Input::Number(_)
            | Input::List(_)
            | Input::Object(_) => self.deserialize_any(visitor),
        }
    }

    read_numbers! {
        deserialize_u8 => visit_u64: u64;
        deserialize_u16 => visit_u64: u64;
        deserialize_u32 => visit_u64: u64;
        deserialize_u64 => visit_u64: u64;
        deserialize_i8 => visit_i64: i64;
        deserialize_i16 => visit_i64: i64;
        deserialize_i32 => visit_i64: i64;
        deserialize_i64 => visit_i64: i64;
    }

    fn deserialize_f32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, InputError> {
        self.deserialize_f64(visitor)
    }

    fn deserialize_f64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, InputError> {
        let Input::Text(text) = self else { return self.deserialize_any(visitor) };
        match text.parse::<f64>().ok().filter(|number| number.is_finite()) {
            Some(number) => visitor.visit_f64(number),
            None => visitor.visit_string(text),
        }
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, InputError> {
        match self {
            Input::Text(text) => Input::listed(&[text]).deserialize_any(visitor),
            Input::Texts(texts) => Input::listed(&texts).deserialize_any(visitor),
            Input::Null
            | Input::Bool(_)
            | Input::Number(_)
            | Input::String(_)
            | Input::List(_)
            | Input::Object(_) => self.deserialize_any(visitor),
        }
    }

    /// Ignored input may have any type.
    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, InputError> {
        visitor.visit_unit()
    }

    /// A struct is read from an object only; serde's default also accepts a list of fields.
    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, InputError> {
        if let Input::List(_) = self {
            return Err(de::Error::invalid_type(de::Unexpected::Seq, &visitor));
        }
        self.deserialize_any(visitor)
    }

    forward_to_deserialize_any! {
        i128 u128 char str string bytes byte_buf unit_struct tuple tuple_struct map identifier
    }
}

impl IntoDeserializer<'_, InputError> for Input {
    type Deserializer = Input;
    fn into_deserializer(self) -> Input {
        self
    }
}

struct Items(std::iter::Enumerate<std::vec::IntoIter<Input>>);

impl<'de> SeqAccess<'de> for Items {
    type Error = InputError;
    fn next_element_seed<T: de::DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, InputError> {
        let Some((index, item)) = self.0.next() else { return Ok(None) };
        seed.deserialize(item).map(Some).map_err(|misfit| misfit.within(index))
    }
    fn size_hint(&self) -> Option<usize> {
        Some(self.0.len())
    }
}

struct Entries {
    fields: std::vec::IntoIter<(String, Input)>,
    value: Option<(String, Input)>,
}

impl<'de> MapAccess<'de> for Entries {
    type Error = InputError;
    fn next_key_seed<K: de::DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, InputError> {
        let Some((key, value)) = self.fields.next() else { return Ok(None) };
        self.value = Some((key.clone(), value));
        let key: value::StringDeserializer<InputError> = key.into_deserializer();
        seed.deserialize(key).map(Some)
    }
    fn next_value_seed<V: de::DeserializeSeed<'de>>(
        &mut self,
        seed: V,
    ) -> Result<V::Value, InputError> {
        let (key, value) =
            self.value.take().ok_or_else(|| de::Error::custom("a value without a key"))?;
        seed.deserialize(value).map_err(|misfit| misfit.within(key))
    }
}
