//! A part of all listings, as its blob holds it.

use std::sync::Arc;

use crate::CatalogueError;
use crate::blob::{self, Blob};
use crate::part::Part;

/// A part of all listings, verified, in memory and open. Clones share it, so a catalogue that has a
/// shard of an earlier one costs neither the shard's bytes nor reading them again.
#[derive(Clone)]
pub struct Shard {
    pub(crate) blob: Blob,
    /// Its documents; `None` if there are none.
    pub(crate) part: Option<Arc<Part>>,
    pub(crate) is_rebuilt: bool,
}

impl Shard {
    /// Opens what a blob holds.
    pub(crate) fn read(blob: Blob) -> Result<Shard, CatalogueError> {
        if blob.documents == 0 {
            return Ok(Shard { blob, part: None, is_rebuilt: false });
        }
        let part = Part::open(blob.files.clone())?;
        if part.len() as u64 != blob.documents {
            return Err(CatalogueError::Damaged("its number of documents does not match"));
        }
        Ok(Shard { blob, part: Some(Arc::new(part)), is_rebuilt: false })
    }

    /// Reads a blob of the current format whose bytes the caller has compared with a hash, which is
    /// not done again. A blob of an earlier version is refused.
    ///
    /// # Errors
    /// [`CatalogueError::Format`] if it has another format, [`CatalogueError::Damaged`] if it is
    /// not a blob.
    pub fn open_verified(bytes: impl Into<Vec<u8>>) -> Result<Shard, CatalogueError> {
        Shard::read(blob::unpack_verified(bytes.into())?)
    }
}
