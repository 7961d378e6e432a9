//! Ids in paths. Any text is read, so text that is not an id is a 404 like the id of nothing, not a
//! 400.

use std::borrow::Cow;

use serde::{
    Deserialize, Deserializer,
    de::value::{Error, StrDeserializer},
};
use store::{NotFound, StoredId};

use crate::contract::described_as_its_parameter;

/// The id of a `T`, as a field of a request.
#[derive(Debug, Clone)]
pub struct PathId<T>(Option<T>);

described_as_its_parameter!(PathId);

impl<T: StoredId> PathId<T> {
    /// The id.
    ///
    /// # Errors
    /// [`NotFound`] of `T`, if the path has text that is not an id.
    pub fn get(&self) -> Result<&T, NotFound> {
        self.0.as_ref().ok_or(T::NOT_FOUND)
    }
}

impl<'de, T: StoredId> Deserialize<'de> for PathId<T> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<PathId<T>, D::Error> {
        let text = Cow::<str>::deserialize(from)?;
        Ok(PathId(T::deserialize(StrDeserializer::<Error>::new(&text)).ok()))
    }
}
