//! Full inspection of a file for sale: every byte is checked and no declared value is trusted.

mod archive;
mod kind;
mod safetensors;

use bytes::Bytes;
use domain::marketplace::listing::{
    archive::{ArchiveError, ArchivedFile},
    upload::AssetKind,
};
use sha2::{Digest, Sha256};

use self::{
    kind::is_cube,
    safetensors::{TensorsError, check_tensors},
};

pub use kind::{HEAD_BYTES, sniff};

/// The result of an inspection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inspected {
    /// Size of the file.
    pub bytes: u64,
    /// SHA-256, in lower-case hex.
    pub sha256: String,
    /// The archive's files, if it is an archive.
    pub files: Vec<ArchivedFile>,
}

/// Why a file cannot be sold.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AssetError {
    /// Its content does not match the kind that its first bytes indicate.
    #[error("The file is no archive, model or table of colours.")]
    UnknownKind,
    /// The archive is invalid.
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    /// The model is invalid or does not match its header.
    #[error(transparent)]
    Tensors(#[from] TensorsError),
}

domain::domain_error! {
    AssetError wraps [Archive, Tensors] {
        UnknownKind => Invalid, "not_an_asset";
    }
}

/// Inspects a whole file of `kind`: some seconds of processor time for a large one.
///
/// # Errors
/// See [`AssetError`].
pub fn inspect(kind: AssetKind, file: &Bytes) -> Result<Inspected, AssetError> {
    if sniff(file) != Some(kind) {
        return Err(AssetError::UnknownKind);
    }
    let files = match kind {
        AssetKind::Zip => archive::files_in(file)?,
        AssetKind::Safetensors => check_tensors(file).map(|()| Vec::new())?,
        AssetKind::Cube if is_cube(file, false) => Vec::new(),
        AssetKind::Cube => return Err(AssetError::UnknownKind),
    };
    let sha256 = hex::encode(Sha256::digest(file));
    Ok(Inspected { bytes: file.len() as u64, sha256, files })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_of_colors_is_one_to_its_end() {
        let table =
            |end: &str| Bytes::from(format!("LUT_1D_SIZE 900\n{}{end}", "0 0 0\n".repeat(900)));
        let found = inspect(AssetKind::Cube, &table("")).unwrap();
        assert_eq!((found.bytes, found.files.len()), (5_416, 0));
        assert_eq!(found.sha256, hex::encode(Sha256::digest(table(""))));
        let refused = inspect(AssetKind::Cube, &table("rm -rf /\n"));
        assert_eq!(refused, Err(AssetError::UnknownKind));
        let refused = inspect(AssetKind::Zip, &table(""));
        assert_eq!(refused, Err(AssetError::UnknownKind), "the first bytes are of another kind");
    }
}
