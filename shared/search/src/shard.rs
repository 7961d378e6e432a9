//! A part of all listings, as its blob holds it.

use std::sync::Arc;

use crate::blob::{self, Blob};
use crate::part::Part;
use crate::{Catalogue, CatalogueError};

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
    /// Reads a blob that [`Catalogue::build`] or [`Catalogue::snapshot`] packed, without a copy. A
    /// blob of an earlier version with other word rules is rebuilt from its documents, which takes
    /// as long as [`Catalogue::build`].
    ///
    /// # Errors
    /// [`CatalogueError::Format`] if an incompatible version packed it, [`CatalogueError::Damaged`]
    /// and others if any bit has changed or it is not what was packed.
    pub fn open(bytes: impl Into<Vec<u8>>) -> Result<Shard, CatalogueError> {
        let shard = Shard::read(blob::unpack(bytes.into())?)?;
        if shard.blob.is_current {
            return Ok(shard);
        }
        let as_of = shard.blob.as_of;
        let outdated = Catalogue::of([shard])?;
        let rebuilt = Shard::read(blob::unpack(outdated.snapshot(as_of)?)?)?;
        Ok(Shard { is_rebuilt: true, ..rebuilt })
    }

    fn read(blob: Blob) -> Result<Shard, CatalogueError> {
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
