//! Reads a request type from an [`Input`] through serde.

use std::{str::FromStr, vec};

use serde::{
    Deserializer,
    de::{self, DeserializeSeed, MapAccess, SeqAccess, Unexpected, Visitor, value},
    forward_to_deserialize_any,
};

use super::{
    error::InputError,
    value::{Input, STAND_IN},
};

impl Input {
    /// The number or the truth value that a parameter spells, if it is sent once and spells one. A
    /// stand-in is one of either.
    fn parsed<T: FromStr>(&self) -> Option<T> {
        if let Input::StandIn(_) = self {
            return STAND_IN.parse::<T>().or_else(|_| "false".parse()).ok();
        }
        let Input::Parameter(texts) = self else { return None };
        let [text] = texts.as_slice() else { return None };
        // Rust reads `+5` too, which JSON and the API's document do not call a number.
        text.parse().ok().filter(|_| !text.starts_with('+'))
    }

    /// A parameter as a string; any other value as it is.
    fn sent_once(self) -> Result<Input, InputError> {
        let Input::Parameter(mut texts) = self else { return Ok(self) };
        let last = texts.pop().filter(|_| texts.is_empty());
        last.map(Input::String).ok_or_else(InputError::repeated)
    }
}

/// A parameter becomes what the type asks for; where it does not spell one, the error says that a
/// string was received.
macro_rules! read_parsed {
    ($($method:ident => $visit:ident: $type:ty;)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, InputError> {
            match self.parsed::<$type>() {
                Some(value) => visitor.$visit(value),
                None => self.deserialize_any(visitor),
            }
        }
    )*};
}

impl<'de> Deserializer<'de> for Input {
    type Error = InputError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, InputError> {
        match self {
            Input::Parameter(_) => self.sent_once()?.deserialize_any(visitor),
            Input::Null | Input::StandIn(_) => visitor.visit_unit(),
            Input::Bool(value) => visitor.visit_bool(value),
            Input::Unsigned(value) => visitor.visit_u64(value),
            Input::Signed(value) => visitor.visit_i64(value),
            Input::Float(value) => visitor.visit_f64(value),
            Input::String(text) => visitor.visit_string(text),
            Input::List(items) => visitor.visit_seq(Items(items.into_iter().enumerate())),
            Input::Object(fields) => visitor.visit_map(Fields(fields.into_iter())),
        }
    }

    read_parsed! {
        deserialize_bool => visit_bool: bool;
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
        match self.parsed::<f64>().filter(|number| number.is_finite()) {
            Some(number) => visitor.visit_f64(number),
            None => self.deserialize_any(visitor),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, InputError> {
        match matches!(self, Input::Null | Input::StandIn(_)) {
            true => visitor.visit_none(),
            false => visitor.visit_some(self),
        }
    }

    /// A request without input: `()` accepts an object without fields.
    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, InputError> {
        let Input::Object(fields) = self else { return self.deserialize_any(visitor) };
        match fields.first() {
            None => visitor.visit_unit(),
            Some((field, _)) => Err(InputError::unknown(field)),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, InputError> {
        visitor.visit_newtype_struct(self)
    }

    /// A variant is written as its name: nothing that is read has one with content.
    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, InputError> {
        if let (Input::StandIn(_), Some(variant)) = (&self, variants.first()) {
            return visitor.visit_enum(value::StrDeserializer::new(variant));
        }
        let input = self.sent_once()?;
        let Input::String(variant) = input else { return input.deserialize_any(visitor) };
        visitor.visit_enum(value::StringDeserializer::new(variant))
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, InputError> {
        self.deserialize_string(visitor)
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, InputError> {
        if let Input::StandIn(text) = self {
            return visitor.visit_string(text);
        }
        self.deserialize_any(visitor)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, InputError> {
        let input = if let Input::StandIn(_) = self { Input::Object(Vec::new()) } else { self };
        input.deserialize_any(visitor)
    }

    /// A parameter is a list: repeated, or split at commas; blank items are dropped.
    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, InputError> {
        if let Input::StandIn(_) = self {
            return Input::List(Vec::new()).deserialize_any(visitor);
        }
        let Input::Parameter(texts) = self else { return self.deserialize_any(visitor) };
        let items = texts.iter().flat_map(|text| text.split(',')).map(str::trim);
        let items = items.filter(|item| !item.is_empty());
        let items = items.map(|item| Input::Parameter(vec![item.to_owned()]));
        Input::List(items.collect()).deserialize_any(visitor)
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
            return Err(de::Error::invalid_type(Unexpected::Seq, &visitor));
        }
        self.deserialize_map(visitor)
    }

    forward_to_deserialize_any! {
        i128 u128 char bytes byte_buf unit_struct tuple tuple_struct identifier
    }
}

/// The items of a list; an error in one is within its index.
struct Items(std::iter::Enumerate<vec::IntoIter<Input>>);

impl<'de> SeqAccess<'de> for Items {
    type Error = InputError;
    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, InputError> {
        let Some((index, item)) = self.0.next() else { return Ok(None) };
        seed.deserialize(item).map(Some).map_err(|error| error.within(index))
    }
    fn size_hint(&self) -> Option<usize> {
        Some(self.0.len())
    }
}

/// The fields of an object; an error in the value of one is within its key.
struct Fields(vec::IntoIter<(String, Input)>);

impl<'de> MapAccess<'de> for Fields {
    type Error = InputError;
    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, InputError> {
        let Some((key, _)) = self.0.as_slice().first() else { return Ok(None) };
        seed.deserialize(value::StrDeserializer::new(key)).map(Some)
    }
    fn next_value_seed<V: DeserializeSeed<'de>>(
        &mut self,
        seed: V,
    ) -> Result<V::Value, InputError> {
        let (key, value) =
            self.0.next().ok_or_else(|| de::Error::custom("a value without a key"))?;
        seed.deserialize(value).map_err(|error| error.within(key))
    }
}
