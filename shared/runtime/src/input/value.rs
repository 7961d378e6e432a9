//! The tree that a request's input is read into, and how a JSON body becomes one.

use std::{collections::HashSet, fmt};

use domain::text;
use serde::{
    Deserialize, Deserializer,
    de::{self, MapAccess, SeqAccess, Visitor, value::SeqAccessDeserializer},
};

/// A value of a request.
#[derive(Debug)]
pub(super) enum Input {
    /// A parameter of the path or the query string, one text for each time it is sent.
    Parameter(Vec<String>),
    Null,
    Bool(bool),
    Unsigned(u64),
    Signed(i64),
    Float(f64),
    String(String),
    List(Vec<Input>),
    /// In the order of the request: the first field that does not fit is reported.
    Object(Vec<(String, Input)>),
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
        Ok(Input::Unsigned(value))
    }
    fn visit_i64<E>(self, value: i64) -> Result<Input, E> {
        Ok(Input::Signed(value))
    }
    fn visit_f64<E>(self, value: f64) -> Result<Input, E> {
        Ok(Input::Float(value))
    }
    fn visit_str<E>(self, value: &str) -> Result<Input, E> {
        Ok(Input::String(text::normalized(value)))
    }
    fn visit_seq<A: SeqAccess<'de>>(self, items: A) -> Result<Input, A::Error> {
        Vec::deserialize(SeqAccessDeserializer::new(items)).map(Input::List)
    }
    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Input, A::Error> {
        let mut seen = HashSet::new();
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
