//! The blob around a segment's files: a header with a digest, a table of file names and lengths,
//! and the unlisted listings.
//!
//! All numbers are little endian:
//! magic (8 bytes), format (4), sha256 of all that follows (32), as of (8), documents (8),
//! files (4), per file its name's length (2), its name and its length (8), then the files.

use std::collections::BTreeMap;
use std::sync::Arc;

use sha2::{Digest, Sha256};
use tantivy::directory::OwnedBytes;

use crate::CatalogueError;
use crate::files::Files;

const MAGIC: &[u8; 8] = b"PLSEARCH";
/// The format of the blobs that this version packs. Raised when the schema, the word rules or
/// tantivy's own format change.
pub const FORMAT: u32 = 2;
/// An earlier format whose documents are still readable, but whose words were split by other rules:
/// it is never searched, but rebuilt from its documents.
const FORMAT_OF_OTHER_WORDS: u32 = 1;
/// Length of magic, format and digest.
const PROVEN_AT: usize = 8 + 4 + 32;
/// More than a segment ever has; a bound for the table.
const FILES_MAX: u32 = 32;

/// The parts of a shard. Clones share the files.
#[derive(Clone)]
pub(crate) struct Blob {
    /// In milliseconds since 1970.
    pub(crate) as_of: i64,
    pub(crate) documents: u64,
    pub(crate) files: Files,
    /// Whether its words were split by the current rules.
    pub(crate) is_current: bool,
}

/// Packs `blob` into bytes, deterministically.
pub(crate) fn pack(blob: &Blob) -> Vec<u8> {
    let files = &blob.files.0;
    let content: usize = files.values().map(|file| file.len()).sum();
    let mut bytes = Vec::with_capacity(PROVEN_AT + content + 1_024);
    bytes.extend_from_slice(MAGIC);
    bytes.extend_from_slice(&FORMAT.to_le_bytes());
    bytes.extend_from_slice(&[0; 32]);
    bytes.extend_from_slice(&blob.as_of.to_le_bytes());
    bytes.extend_from_slice(&blob.documents.to_le_bytes());
    bytes.extend_from_slice(&(files.len() as u32).to_le_bytes());
    for (name, file) in files.iter() {
        bytes.extend_from_slice(&(name.len() as u16).to_le_bytes());
        bytes.extend_from_slice(name.as_bytes());
        bytes.extend_from_slice(&(file.len() as u64).to_le_bytes());
    }
    files.values().for_each(|file| bytes.extend_from_slice(file));
    let digest = Sha256::digest(&bytes[PROVEN_AT..]);
    bytes[PROVEN_AT - 32..PROVEN_AT].copy_from_slice(&digest);
    bytes
}

/// Reads what [`pack`] made, without copying the files.
///
/// # Errors
/// [`CatalogueError::Format`] for another format, [`CatalogueError::Damaged`] if any bit has
/// changed.
pub(crate) fn unpack(bytes: Vec<u8>) -> Result<Blob, CatalogueError> {
    let mut rest = OwnedBytes::new(bytes);
    let (format, digest) = head(&mut rest, &[FORMAT, FORMAT_OF_OTHER_WORDS])?;
    if Sha256::digest(rest.as_slice()).as_slice() != digest.as_slice() {
        return Err(CatalogueError::Damaged("its digest does not match"));
    }
    content(rest, format)
}

/// Reads what [`pack`] made, from bytes whose hash the caller has verified.
///
/// # Errors
/// [`CatalogueError::Format`] for any but the current format, [`CatalogueError::Damaged`] if it is
/// no blob.
pub(crate) fn unpack_verified(bytes: Vec<u8>) -> Result<Blob, CatalogueError> {
    let mut rest = OwnedBytes::new(bytes);
    let (format, _) = head(&mut rest, &[FORMAT])?;
    content(rest, format)
}

/// Takes the format, which is one of `formats`, and the digest of all that follows.
fn head(rest: &mut OwnedBytes, formats: &[u32]) -> Result<(u32, [u8; 32]), CatalogueError> {
    if take(rest, MAGIC.len())?.as_slice() != MAGIC {
        return Err(CatalogueError::Damaged("its magic is wrong"));
    }
    let format = u32::from_le_bytes(array(rest)?);
    match formats.contains(&format) {
        true => Ok((format, array(rest)?)),
        false => Err(CatalogueError::Format(format)),
    }
}

/// Reads all that follows the digest.
fn content(mut rest: OwnedBytes, format: u32) -> Result<Blob, CatalogueError> {
    let as_of = i64::from_le_bytes(array(&mut rest)?);
    let documents = u64::from_le_bytes(array(&mut rest)?);
    let table = table(&mut rest)?;
    let mut files = BTreeMap::new();
    for (name, length) in table {
        files.insert(name, take(&mut rest, length)?);
    }
    match rest.is_empty() {
        true => {
            let (files, is_current) = (Files(Arc::new(files)), format == FORMAT);
            Ok(Blob { as_of, documents, files, is_current })
        }
        false => Err(CatalogueError::Damaged("there are bytes after its files")),
    }
}

fn table(rest: &mut OwnedBytes) -> Result<Vec<(String, usize)>, CatalogueError> {
    let count = u32::from_le_bytes(array(rest)?);
    if count > FILES_MAX {
        return Err(CatalogueError::Damaged("it has too many files"));
    }
    let mut table = Vec::new();
    for _ in 0..count {
        let name_length = usize::from(u16::from_le_bytes(array(rest)?));
        let name = String::from_utf8(take(rest, name_length)?.as_slice().to_vec())
            .map_err(|_| CatalogueError::Damaged("a file's name is not text"))?;
        let length = usize::try_from(u64::from_le_bytes(array(rest)?)).map_err(|_| SHORT)?;
        table.push((name, length));
    }
    Ok(table)
}

const SHORT: CatalogueError = CatalogueError::Damaged("it is truncated");

fn take(rest: &mut OwnedBytes, length: usize) -> Result<OwnedBytes, CatalogueError> {
    if rest.len() < length {
        return Err(SHORT);
    }
    let (taken, left) = rest.clone().split(length);
    *rest = left;
    Ok(taken)
}

fn array<const N: usize>(rest: &mut OwnedBytes) -> Result<[u8; N], CatalogueError> {
    take(rest, N)?.as_slice().try_into().map_err(|_| SHORT)
}
