//! The tree that a request's input is read into, and how a JSON body becomes one.

use std::{collections::HashSet, fmt};

use domain::{number, text};
use serde::{
    Deserialize, Deserializer,
    de::{self, MapAccess, SeqAccess, Visitor, value::SeqAccessDeserializer},
};

/// What a stand-in is where a type asks for a number, and for a text without an example: few types
/// refuse it. Zero would be no size of a page, and an empty text no id.
pub(super) const STAND_IN: &str = "1";

/// A value of a request.
#[derive(Debug, Clone)]
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
    /// In the order of the request, in which the fields that do not fit are reported.
    Object(Vec<(String, Input)>),
    /// In place of a value that does not fit, to find what else does not: whatever the type asks
    /// for, and this where it asks for a text.
    StandIn(String),
}

impl Input {
    /// How many values there are: this one, and those within it.
    pub(super) fn values(&self) -> usize {
        match self {
            Input::Object(fields) => 1 + fields.iter().map(|(_, it)| it.values()).sum::<usize>(),
            Input::List(items) => 1 + items.iter().map(Input::values).sum::<usize>(),
            Input::Parameter(_)
            | Input::Null
            | Input::Bool(_)
            | Input::Unsigned(_)
            | Input::Signed(_)
            | Input::Float(_)
            | Input::String(_)
            | Input::StandIn(_) => 1,
        }
    }

    /// Removes the field at `path`; `false` if there is none.
    pub(super) fn remove(&mut self, path: &[String]) -> bool {
        let Some((name, around)) = path.split_last() else { return false };
        let Some(Input::Object(fields)) = self.at(around) else { return false };
        let before = fields.len();
        fields.retain(|(key, _)| key != name);
        fields.len() < before
    }

    /// Puts a stand-in at `path`, for a missing field too; behind the other fields of its object, so
    /// that these are read first. `false` if nothing can be there.
    pub(super) fn stand_in(&mut self, path: &[String], text: &str) -> bool {
        let stand_in = Input::StandIn(text.to_owned());
        let Some((name, around)) = path.split_last() else { return false };
        let Some(parent) = self.at(around) else { return false };
        if let Input::StandIn(_) = parent {
            *parent = Input::Object(Vec::new());
        }
        if let Input::Object(fields) = parent {
            fields.retain(|(key, _)| key != name);
            fields.push((name.clone(), stand_in));
            return true;
        }
        let Some(item) = self.at(path) else { return false };
        *item = stand_in;
        true
    }

    fn at(&mut self, path: &[String]) -> Option<&mut Input> {
        path.iter().try_fold(self, |value, segment| match value {
            Input::Object(fields) => {
                fields.iter_mut().find(|(key, _)| key == segment).map(|(_, value)| value)
            }
            Input::List(items) => segment.parse().ok().and_then(|at: usize| items.get_mut(at)),
            Input::Parameter(_)
            | Input::Null
            | Input::Bool(_)
            | Input::Unsigned(_)
            | Input::Signed(_)
            | Input::Float(_)
            | Input::String(_)
            | Input::StandIn(_) => None,
        })
    }
}

/// The segments of a JSON pointer as they were before they were escaped (RFC 6901, section 4).
pub(super) fn segments(pointer: &str) -> Vec<String> {
    let segments = pointer.split('/').skip(1);
    segments.map(|segment| segment.replace("~1", "/").replace("~0", "~")).collect()
}

/// Reads JSON as it is, except that its text is normalized, a number that is too near to zero to be
/// stored is zero, and a repeated key is an error.
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
        let is_zero = value.abs() < number::LEAST;
        Ok(Input::Float(if is_zero { 0.0 } else { value }))
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
