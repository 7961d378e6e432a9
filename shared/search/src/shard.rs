//! A part of all listings, as its blob holds it.

use crate::blob::{self, Blob};
use crate::{Catalogue, CatalogueError};

/// A part of all listings, verified and in memory. Clones share it, so a catalogue that has a shard
/// of an earlier one costs neither the shard's bytes nor reading them again.
#[derive(Clone)]
pub struct Shard {
    pub(crate) blob: Blob,
    pub(crate) is_rebuilt: bool,
}

impl Shard {
    /// Reads a blob that [`Catalogue::build`] or [`Catalogue::snapshot`] packed, without a copy. A
    /// blob of an earlier version with other word rules is rebuilt from its documents, which takes
    /// as long as [`Catalogue::build`].
    ///
    /// # Errors
    /// [`CatalogueError::Format`] if an incompatible version packed it, [`CatalogueError::Damaged`]
    /// if any bit has changed.
    pub fn open(bytes: impl Into<Vec<u8>>) -> Result<Shard, CatalogueError> {
        let blob = blob::unpack(bytes.into())?;
        if blob.is_current {
            return Ok(Shard { blob, is_rebuilt: false });
        }
        let as_of = blob.as_of;
        let outdated = Catalogue::of([Shard { blob, is_rebuilt: true }])?;
        Ok(Shard { blob: blob::unpack(outdated.snapshot(as_of)?)?, is_rebuilt: true })
    }

    /// Reads a blob of the current format whose bytes the caller has compared with a hash, which is
    /// not done again. A blob of an earlier version is refused. So it takes no time, whatever the
    /// number of documents.
    ///
    /// # Errors
    /// [`CatalogueError::Format`] if it has another format, [`CatalogueError::Damaged`] if it is
    /// not a blob.
    pub fn open_verified(bytes: impl Into<Vec<u8>>) -> Result<Shard, CatalogueError> {
        Ok(Shard { blob: blob::unpack_verified(bytes.into())?, is_rebuilt: false })
    }
}
