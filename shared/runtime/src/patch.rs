//! Fields of a PATCH: what is left out stays, and `null` is a value like any other.
//!
//! `Option` alone reads `null` as if nothing had been sent, so that a caller who means to empty a
//! field is told that it worked. A field of a PATCH is therefore read by one of these, beside
//! `#[serde(default)]`.

use serde::{Deserialize, Deserializer};

/// A field that has a value always: `null` is refused where `T` is not one.
///
/// # Errors
/// When what was sent is no `T`.
pub fn sent<'de, T, D>(value: D) -> Result<Option<T>, D::Error>
where
    T: Deserialize<'de>,
    D: Deserializer<'de>,
{
    T::deserialize(value).map(Some)
}

/// A field that may be empty: `null` empties it.
///
/// # Errors
/// When what was sent is neither `null` nor a `T`.
pub fn sent_or_null<'de, T, D>(value: D) -> Result<Option<Option<T>>, D::Error>
where
    T: Deserialize<'de>,
    D: Deserializer<'de>,
{
    Option::deserialize(value).map(Some)
}
