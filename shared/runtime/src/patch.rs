//! Fields of a PATCH: an absent field is unchanged, and `null` is a value like any other.
//!
//! `Option` alone reads `null` as absent, so a caller who means to clear a field would get a
//! success that changed nothing. A field of a PATCH is therefore read by one of these, with
//! `#[serde(default)]`.

use serde::{Deserialize, Deserializer};

/// A field that always has a value: `null` is refused unless `T` accepts it.
///
/// # Errors
/// When the value is not a `T`.
pub fn sent<'de, T, D>(value: D) -> Result<Option<T>, D::Error>
where
    T: Deserialize<'de>,
    D: Deserializer<'de>,
{
    T::deserialize(value).map(Some)
}

/// A field that may be cleared with `null`.
///
/// # Errors
/// When the value is neither `null` nor a `T`.
pub fn sent_or_null<'de, T, D>(value: D) -> Result<Option<Option<T>>, D::Error>
where
    T: Deserialize<'de>,
    D: Deserializer<'de>,
{
    Option::deserialize(value).map(Some)
}
